#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include <coremachine/registry/artifacts.hpp>

#include "core/model/artifact_holds.hpp"
#include "core/runtime/large_values.hpp"

namespace coremachine::runtime {

/// Artifacts that come from outside: they stay for a while although no job names them yet, as who stored one is about
/// to say what it is for. Any thread.
class Uploads {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes kept_for{60};

  explicit Uploads(LargeValues& large) : large_(large) {}

  /// Throws ArtifactFailure, and so do the functions of what it returns. It must not outlive the machine.
  std::unique_ptr<NewArtifact> begin(std::string_view media_type);
  /// Holds what is stored now.
  void hold(ArtifactHolds holds, Clock::time_point now = Clock::now());
  /// Lets everything go.
  void clear();

 private:
  LargeValues& large_;
  std::mutex mutex_;
  std::deque<std::pair<Clock::time_point, ArtifactHolds>> held_ = {};  ///< until when, ascending
};

}  // namespace coremachine::runtime
