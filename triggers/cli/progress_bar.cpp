#include "triggers/cli/progress_bar.hpp"

#include <algorithm>
#include <cstdio>

#include "triggers/cli/output.hpp"

namespace coremachine::cli {
namespace {

constexpr std::size_t bar_width = 30;

std::uint64_t number(const json::object& counts, std::string_view key) {
  const auto* value = counts.if_contains(key);
  return value ? value->to_number<std::uint64_t>() : 0;
}

std::string seconds(double value) {
  char text[32];
  if (value >= 3600) {
    std::snprintf(text, sizeof text, "%.0fh%02.0fm", value / 3600,
                  static_cast<double>(static_cast<int>(value) % 3600) / 60);
  } else if (value >= 60) {
    std::snprintf(text, sizeof text, "%dm%02ds", static_cast<int>(value) / 60, static_cast<int>(value) % 60);
  } else {
    std::snprintf(text, sizeof text, "%.1fs", value);
  }
  return text;
}

}  // namespace

void ProgressBar::show(const JobEvent& event) {
  const std::lock_guard lock(mutex_);
  if (event.name == "stage.started") {
    stage_began_ = std::chrono::steady_clock::now();
    if (live_) draw(event.data, false);
  } else if (event.name == "progress") {
    if (live_) draw(event.data, false);
  } else if (event.name == "stage.completed") {
    draw(event.data, true);
  } else if (event.name == "task.failed") {
    if (live_ && open_line_) std::fprintf(stderr, "\r\033[K");
    const auto* error = event.data.if_contains("error");
    std::fprintf(stderr, "task %s failed: %s\n", compact(event.data.at("task_index")).c_str(),
                 error ? compact(*error).c_str() : "");
    open_line_ = false;
  }
}

void ProgressBar::draw(const json::object& data, bool final) {
  const auto& tasks = data.at("tasks").as_object();
  const auto total = number(tasks, "total");
  const auto bad = number(tasks, "failed") + number(tasks, "dead");
  const auto over = number(tasks, "completed") + bad;
  const auto cancelled = number(tasks, "cancelled");
  const auto elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - stage_began_).count();
  const auto rate = elapsed > 0 ? static_cast<double>(over) / elapsed : 0.0;

  std::string line = "stage " + compact(data.at("stage")) + "  ";
  if (live_) {
    const auto full = total == 0 ? bar_width : static_cast<std::size_t>(over * bar_width / total);
    line += '[' + std::string(full, '#') + std::string(bar_width - full, '.') + "]  ";
  }
  line += grouped(over) + "/" + grouped(total) + " tasks";
  if (bad > 0) line += ", " + grouped(bad) + " failed";
  if (cancelled > 0) line += ", " + grouped(cancelled) + " cancelled";
  if (number(tasks, "retrying") > 0) line += ", " + grouped(number(tasks, "retrying")) + " retrying";
  if (over > 1 && elapsed > 0.05) line += ", " + grouped(static_cast<std::uint64_t>(rate)) + "/s";
  if (final) {
    line += ", " + seconds(elapsed);
  } else if (rate > 0 && over < total) {
    line += ", " + seconds(static_cast<double>(total - over) / rate) + " left";
  }
  if (live_) std::fprintf(stderr, "\r\033[K");
  std::fprintf(stderr, final ? "%s\n" : "%s", line.c_str());
  std::fflush(stderr);
  open_line_ = !final;
}

void ProgressBar::end() {
  const std::lock_guard lock(mutex_);
  if (open_line_) std::fprintf(stderr, "\n");
  open_line_ = false;
}

}  // namespace coremachine::cli
