// What the kernel tells of this process.

#include <sys/resource.h>
#include <unistd.h>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include <coremachine/telemetry/metrics.hpp>

namespace coremachine {
namespace {

/// Of /proc/self/stat, in the unit of its field; man 5 proc has the numbers.
struct Stat {
  double cpu_ticks = 0;
  double start_ticks = 0;
  double virtual_bytes = 0;
  double resident_pages = 0;
  double threads = 0;
};

std::optional<Stat> read_stat() {
  std::ifstream file("/proc/self/stat");
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  // The second field is the program's name in parentheses, with anything in it.
  const auto after_name = text.rfind(')');
  if (after_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(after_name + 1));
  Stat stat;
  std::string word;
  for (int number = 3; number <= 24 && fields >> word; ++number) {
    const auto value = number == 3 ? 0.0 : std::strtod(word.c_str(), nullptr);
    if (number == 14 || number == 15) stat.cpu_ticks += value;
    if (number == 20) stat.threads = value;
    if (number == 22) stat.start_ticks = value;
    if (number == 23) stat.virtual_bytes = value;
    if (number == 24) stat.resident_pages = value;
  }
  return stat;
}

/// When the computer started, in seconds since 1970.
std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double value = 0;
    if (word == "btime" && file >> value) return value;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

std::optional<double> open_files() {
  std::error_code none;
  std::filesystem::directory_iterator entries("/proc/self/fd", none);
  if (none) return std::nullopt;
  double count = -1;  // the listing itself has one open
  for (; entries != std::filesystem::directory_iterator() && !none; entries.increment(none)) ++count;
  return count;
}

Metric single(std::string name, std::string help, MetricKind kind, double value) {
  Metric metric{std::move(name), std::move(help), kind, {}};
  metric.samples.push_back({.value = value});
  return metric;
}

}  // namespace

std::vector<Metric> process_metrics() {
  std::vector<Metric> metrics;
  if (const auto stat = read_stat()) {
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
    metrics.push_back(single("process_cpu_seconds_total", "User and system CPU time spent.", MetricKind::counter,
                             stat->cpu_ticks / ticks));
    metrics.push_back(
        single("process_resident_memory_bytes", "Resident memory.", MetricKind::gauge, stat->resident_pages * page));
    metrics.push_back(
        single("process_virtual_memory_bytes", "Virtual memory.", MetricKind::gauge, stat->virtual_bytes));
    metrics.push_back(single("process_threads", "Threads of the process.", MetricKind::gauge, stat->threads));
    if (const auto boot = boot_time())
      metrics.push_back(single("process_start_time_seconds", "When the process started, in seconds since 1970.",
                               MetricKind::gauge, *boot + stat->start_ticks / ticks));
  }
  if (const auto files = open_files())
    metrics.push_back(single("process_open_fds", "Open file descriptors.", MetricKind::gauge, *files));
  rlimit most{};
  if (::getrlimit(RLIMIT_NOFILE, &most) == 0)
    metrics.push_back(single("process_max_fds", "The most file descriptors that may be open.", MetricKind::gauge,
                             most.rlim_cur == RLIM_INFINITY ? INFINITY : static_cast<double>(most.rlim_cur)));
  return metrics;
}

}  // namespace coremachine
