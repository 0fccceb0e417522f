#pragma once

#include <mutex>
#include <utility>
#include <vector>

#include "core/ports/store.hpp"

namespace coremachine {

/// Artifacts of which a reference has gone, until somebody looks whether it was the last. Any thread.
class ReleasedArtifacts {
 public:
  void add(const std::vector<ArtifactId>& artifacts) {
    const std::lock_guard lock(mutex_);
    if (released_.artifacts.size() + artifacts.size() > most) {
      released_.complete = false;
    } else {
      released_.artifacts.insert(released_.artifacts.end(), artifacts.begin(), artifacts.end());
    }
  }
  /// Some have gone, and it is not known which.
  void forget() {
    const std::lock_guard lock(mutex_);
    released_.complete = false;
  }
  Store::Released take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(released_, {});
  }

 private:
  static constexpr std::size_t most = 100'000;
  std::mutex mutex_;
  Store::Released released_;
};

}  // namespace coremachine
