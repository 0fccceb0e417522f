#include <coremachine/telemetry/log.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <functional>

#include "core/telemetry/log_lines.hpp"
#include "core/telemetry/plain_log.hpp"

namespace coremachine {
namespace {

constexpr std::array<std::string_view, 5> level_names{"debug", "info", "warn", "error", "off"};
constexpr std::array<std::string_view, 2> format_names{"text", "json"};

class FunctionSink final : public LogSink {
 public:
  explicit FunctionSink(std::function<void(std::string_view)> function) : function_(std::move(function)) {}
  void write(LogRecord record) override { function_(telemetry::to_plain(record)); }

 private:
  std::function<void(std::string_view)> function_;
};

class StderrSink final : public LogSink {
 public:
  void write(LogRecord record) override {
    const auto line = "coremachine: " + telemetry::to_plain(record) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
};

}  // namespace

std::string_view to_string(LogLevel level) {
  return level_names[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> log_level_from(std::string_view name) {
  if (name == "warning") return LogLevel::warn;
  for (std::size_t i = 0; i < level_names.size(); ++i) {
    if (name == level_names[i]) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

std::string_view to_string(LogFormat format) {
  return format_names[static_cast<std::size_t>(format)];
}

std::optional<LogFormat> log_format_from(std::string_view name) {
  for (std::size_t i = 0; i < format_names.size(); ++i) {
    if (name == format_names[i]) return static_cast<LogFormat>(i);
  }
  return std::nullopt;
}

LogSink::~LogSink() = default;
void LogSink::flush(Milliseconds) {}
std::uint64_t LogSink::dropped() const {
  return 0;
}

Logger::Logger(std::shared_ptr<LogSink> sink, LogLevel level) : sink_(std::move(sink)), level_(level) {}

void Logger::write(LogLevel level, std::string_view message, LogFields fields) noexcept {
  if (!wants(level)) return;
  try {
    LogRecord record;
    record.level = level;
    record.time = std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
    record.message = message;
    record.fields = std::move(fields);
    sink_->write(std::move(record));
  } catch (...) {  // nobody is left to tell
  }
}

void Logger::debug(std::string_view message, LogFields fields) noexcept {
  write(LogLevel::debug, message, std::move(fields));
}
void Logger::info(std::string_view message, LogFields fields) noexcept {
  write(LogLevel::info, message, std::move(fields));
}
void Logger::warn(std::string_view message, LogFields fields) noexcept {
  write(LogLevel::warn, message, std::move(fields));
}
void Logger::error(std::string_view message, LogFields fields) noexcept {
  write(LogLevel::error, message, std::move(fields));
}

void Logger::flush(Milliseconds at_most) noexcept {
  try {
    sink_->flush(at_most);
  } catch (...) {
  }
}

std::shared_ptr<Logger> telemetry::make_plain_log(std::function<void(std::string_view)> function) {
  if (function) return std::make_shared<Logger>(std::make_shared<FunctionSink>(std::move(function)));
  return std::make_shared<Logger>(std::make_shared<StderrSink>());
}

}  // namespace coremachine
