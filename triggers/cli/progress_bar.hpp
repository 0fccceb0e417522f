#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "triggers/cli/stage_counts.hpp"

namespace coremachine::cli {

/// Draws the stages of a job as its events come: one live line per stage on a terminal, one plain line per finished
/// stage elsewhere. Any thread may call it.
class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;
  /// `write` gets what is to be shown, `now` the time, `columns` the width of the terminal: standard error, the clock,
  /// and what the system says, unless a test says otherwise.
  explicit ProgressBar(bool live, std::function<void(std::string_view)> write = {},
                       std::function<Clock::time_point()> now = {}, std::function<std::size_t()> columns = {});

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
  /// What fits in a line; a terminal goes on to the next one when the last column is written.
  std::size_t room() const;
  /// The bar has what the words leave of the room, and where that is next to nothing there is none.
  std::string with_bar(const std::string& stage, const StageCounts& tasks, const std::vector<std::string>& words) const;
  /// Never more than there is room for: a line that is drawn anew would leave its first part on the screen.
  std::string fitted(const std::string& stage, const StageCounts& tasks, std::vector<std::string> words) const;
  void show_failure(const json::object& data);
  std::chrono::duration<double> elapsed(std::uint64_t round, bool final);
  void clear_line();

  const bool live_;
  const std::function<void(std::string_view)> write_;
  const std::function<Clock::time_point()> now_;
  const std::function<std::size_t()> columns_;
  std::mutex mutex_;
  bool open_line_ = false;
  Clock::time_point stage_began_;
  std::uint64_t failures_shown_ = 0;    ///< of this stage
  std::map<std::uint64_t, Past> past_;  ///< by round
};

}  // namespace coremachine::cli
