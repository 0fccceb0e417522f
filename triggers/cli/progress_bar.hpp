#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include <coremachine/runtime/core_machine.hpp>

namespace coremachine::cli {

/// Draws the stages of a job on standard error as its events come: one live line per stage on a terminal, one plain
/// line per finished stage elsewhere.
class ProgressBar {
 public:
  explicit ProgressBar(bool live) : live_(live) {}
  void show(const JobEvent& event);
  /// Leaves the terminal as it was found.
  void end();

 private:
  void draw(const json::object& data, bool final);

  const bool live_;
  std::mutex mutex_;
  bool open_line_ = false;
  std::chrono::steady_clock::time_point stage_began_ = std::chrono::steady_clock::now();
};

}  // namespace coremachine::cli
