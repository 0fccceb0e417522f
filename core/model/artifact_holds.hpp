#pragma once

#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include <coremachine/model/artifact.hpp>

namespace coremachine {

/// Artifacts that texts name which are on their way into the store, and what keeps them there until the batch with
/// these texts is durable. Both travel with the texts.
struct ArtifactHolds {
  std::vector<ArtifactId> named = {};
  std::vector<std::shared_ptr<const void>> pins = {};

  bool empty() const { return named.empty() && pins.empty(); }
  void add(const ArtifactId& id, std::shared_ptr<const void> pin) {
    named.push_back(id);
    pins.push_back(std::move(pin));
  }
  void take(ArtifactHolds&& others) {
    named.insert(named.end(), others.named.begin(), others.named.end());
    pins.insert(pins.end(), std::make_move_iterator(others.pins.begin()), std::make_move_iterator(others.pins.end()));
    others = {};
  }
};

}  // namespace coremachine
