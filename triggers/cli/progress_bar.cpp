#include "triggers/cli/progress_bar.hpp"

#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>

#include "core/schedule/schedule_codec.hpp"
#include "triggers/cli/output.hpp"

namespace coremachine::cli {
namespace {

std::uint64_t number(const json::object& counts, std::string_view key) {
  const auto* value = counts.if_contains(key);
  return value ? value->to_number<std::uint64_t>() : 0;
}

std::string seconds(double value) {
  char text[32];
  const auto whole = static_cast<std::int64_t>(value);
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%lldh%02lldm", static_cast<long long>(whole / 3600),
                  static_cast<long long>(whole % 3600 / 60));
  } else if (whole >= 60) {
    std::snprintf(text, sizeof text, "%lldm%02llds", static_cast<long long>(whole / 60),
                  static_cast<long long>(whole % 60));
  } else {
    std::snprintf(text, sizeof text, "%.1fs", value);
  }
  return text;
}

/// Of the terminal at standard error.
std::size_t columns_of_stderr() {
  constexpr std::size_t usual = 80;
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

void to_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::optional<Timestamp> time_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value ? value->if_string() : nullptr;
  return text ? schedule::parse_rfc3339(*text) : std::nullopt;
}

}  // namespace

ProgressBar::ProgressBar(bool live, std::function<void(std::string_view)> write, std::function<Clock::time_point()> now,
                         std::function<std::size_t()> columns)
    : live_(live),
      write_(write ? std::move(write) : to_stderr),
      now_(now ? std::move(now) : Clock::now),
      columns_(columns ? std::move(columns) : columns_of_stderr) {
  stage_began_ = now_();
}

void ProgressBar::know(const json::object& job) {
  const std::lock_guard lock(mutex_);
  const auto* stages = job.if_contains("stages");
  if (!stages || !stages->is_array()) return;
  const auto now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
  for (const auto& each : stages->get_array()) {
    const auto& stage = each.as_object();
    const auto began = time_at(stage, "started_at");
    const auto ended = time_at(stage, "finished_at");
    if (!began) continue;
    // Clocks of two machines may differ by more than a stage takes.
    auto& past = past_[number(stage, "round")];
    past.age = std::max(now - *began, Milliseconds{0});
    if (ended) past.took = *ended - *began;
  }
}

void ProgressBar::show(const JobEvent& event) {
  const std::lock_guard lock(mutex_);
  if (event.name == "stage.started") {
    stage_began_ = now_();
    failures_shown_ = 0;
    if (live_) draw(event.data, false);
  } else if (event.name == "progress") {
    if (live_) draw(event.data, false);
  } else if (event.name == "stage.completed") {
    draw(event.data, true);
  } else if (event.name == "task.failed") {
    show_failure(event.data);
  }
}

void ProgressBar::show_failure(const json::object& data) {
  constexpr std::uint64_t most_shown = 10;
  if (++failures_shown_ > most_shown + 1) return;
  clear_line();
  if (failures_shown_ > most_shown) return write_("more tasks failed; their count is with the stage\n");
  const auto* index = data.if_contains("task_index");
  const auto* error = data.if_contains("error");
  const auto* object = error ? error->if_object() : nullptr;
  const auto* message = object ? object->if_contains("message") : nullptr;
  write_("task " + (index ? compact(*index) : "?") + " failed: " +
         (message && message->is_string() ? printable(message->get_string())
          : error                         ? compact(*error)
                                          : "") +
         "\n");
}

std::chrono::duration<double> ProgressBar::elapsed(std::uint64_t round, bool final) {
  const auto seen = std::chrono::duration<double>(now_() - stage_began_);
  const auto past = past_.find(round);
  if (past == past_.end()) return seen;
  return final && past->second.took ? *past->second.took : past->second.age + seen;
}

void ProgressBar::draw(const json::object& data, bool final) {
  const StageCounts tasks(data.at("tasks").as_object());
  const auto seconds_so_far = elapsed(number(data, "round"), final).count();
  const auto rate = seconds_so_far > 0 ? static_cast<double>(tasks.done()) / seconds_so_far : 0.0;

  auto words = tasks.words(" tasks");
  if (tasks.done() > 1 && seconds_so_far > 0.05) words.push_back(grouped(static_cast<std::uint64_t>(rate)) + "/s");
  if (final) {
    words.push_back(seconds(seconds_so_far));
  } else if (rate > 0 && tasks.done() < tasks.total) {
    words.push_back(seconds(static_cast<double>(tasks.total - tasks.done()) / rate) + " left");
  }
  const auto stage = "stage " + compact(data.at("stage")) + "  ";
  if (live_) write_("\r\033[K");
  write_(!live_  ? stage + listed(words) + "\n"
         : final ? with_bar(stage, tasks, words) + "\n"
                 : fitted(stage, tasks, words));
  open_line_ = !final;
}

std::size_t ProgressBar::room() const {
  const auto columns = columns_();
  return columns > 0 ? columns - 1 : 0;
}

std::string ProgressBar::with_bar(const std::string& stage, const StageCounts& tasks,
                                  const std::vector<std::string>& words) const {
  constexpr std::size_t widest = 30;
  constexpr std::size_t narrowest = 5;
  const auto text = listed(words);
  const auto others = stage.size() + std::string_view("[]  ").size() + text.size();
  const auto width = std::min(widest, room() > others ? room() - others : 0);
  if (width < narrowest) return stage + text;
  const auto full =
      tasks.total == 0 ? width : static_cast<std::size_t>(std::min(tasks.done(), tasks.total) * width / tasks.total);
  return stage + '[' + std::string(full, '#') + std::string(width - full, '.') + "]  " + text;
}

std::string ProgressBar::fitted(const std::string& stage, const StageCounts& tasks,
                                std::vector<std::string> words) const {
  auto line = with_bar(stage, tasks, words);
  while (line.size() > room() && words.size() > 1) {
    words.pop_back();
    line = stage + listed(words);
  }
  return line.substr(0, room());
}

void ProgressBar::clear_line() {
  if (open_line_) write_("\r\033[K");
  open_line_ = false;
}

void ProgressBar::end() {
  const std::lock_guard lock(mutex_);
  if (open_line_) write_("\n");
  open_line_ = false;
}

}  // namespace coremachine::cli
