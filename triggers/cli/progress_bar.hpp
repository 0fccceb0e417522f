#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <coremachine/runtime/core_machine.hpp>

namespace coremachine::cli {

/// Draws the stages of a job as its events come: one live line per stage on a terminal, one plain line per finished
/// stage elsewhere. Any thread may call it.
class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;
  /// `write` gets what is to be shown, `now` the time: standard error and the clock, unless a test says otherwise.
  explicit ProgressBar(bool live, std::function<void(std::string_view)> write = {},
                       std::function<Clock::time_point()> now = {});

  /// What is known of a job before its events come: the past of what is over or has begun, in the JSON form of a job.
  void know(const json::object& job);
  void show(const JobEvent& event);
  /// Leaves the terminal as it was found.
  void end();

 private:
  struct Past {
    std::chrono::duration<double> age{0};               ///< of a stage that runs
    std::optional<std::chrono::duration<double>> took;  ///< of one that is over
  };

  void draw(const json::object& data, bool final);
  void show_failure(const json::object& data);
  std::chrono::duration<double> elapsed(std::uint64_t round, bool final);
  void clear_line();

  const bool live_;
  const std::function<void(std::string_view)> write_;
  const std::function<Clock::time_point()> now_;
  std::mutex mutex_;
  bool open_line_ = false;
  Clock::time_point stage_began_;
  std::uint64_t failures_shown_ = 0;    ///< of this stage
  std::map<std::uint64_t, Past> past_;  ///< by round
};

}  // namespace coremachine::cli
