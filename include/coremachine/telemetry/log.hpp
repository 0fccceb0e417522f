#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/time.hpp>

namespace coremachine {

/// How much a record matters. `off` is a level to set, not one to write with.
enum class LogLevel : std::uint8_t {
  debug,  ///< every job and every attempt
  info,   ///< what an operator reads later
  warn,   ///< somebody should look, all goes on
  error,  ///< something does not go on
  off,
};
COREMACHINE_API std::string_view to_string(LogLevel level);
/// By its name; `warning` is `warn` too.
COREMACHINE_API std::optional<LogLevel> log_level_from(std::string_view name);

enum class LogFormat : std::uint8_t { text, json };
COREMACHINE_API std::string_view to_string(LogFormat format);
COREMACHINE_API std::optional<LogFormat> log_format_from(std::string_view name);

/// One thing that a record tells beside its message. The names in use are those of the JSON that users get elsewhere:
/// request_id, job_id, job_type, stage, round, task_index, task_type, attempt, worker, traceparent.
struct LogField {
  using Value = std::variant<std::string, std::int64_t, std::uint64_t, double, bool>;
  std::string name;
  Value value;

  LogField(std::string_view called, std::string text) : name(called), value(std::move(text)) {}
  LogField(std::string_view called, std::string_view text) : name(called), value(std::string(text)) {}
  LogField(std::string_view called, const char* text) : name(called), value(std::string(text)) {}
  LogField(std::string_view called, bool truth) : name(called), value(truth) {}
  LogField(std::string_view called, double number) : name(called), value(number) {}
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) LogField(std::string_view called, Number number) : name(called) {
    if constexpr (std::signed_integral<Number>) {
      value = std::int64_t{number};
    } else {
      value = std::uint64_t{number};
    }
  }
};
using LogFields = std::vector<LogField>;

struct LogRecord {
  LogLevel level = LogLevel::info;
  Timestamp time{};
  std::string message;
  LogFields fields = {};
};

/// `2026-01-31T12:00:00.000Z warn message job_id=… error="two words"`: one line, whatever is in the record.
COREMACHINE_API std::string to_text(const LogRecord& record);
/// `{"time": …, "level": …, "message": …, "job_id": …}`: one line of valid JSON, whatever is in the record.
COREMACHINE_API std::string to_json_line(const LogRecord& record);

/// Where records go. Called from any thread, several at a time; must not block.
class COREMACHINE_API LogSink {
 public:
  virtual ~LogSink();
  virtual void write(LogRecord record) = 0;
  /// Waits until what was written before is out, or for so long.
  virtual void flush(Milliseconds at_most);
  /// How many records were lost so far, because there was no room or they could not be written.
  virtual std::uint64_t dropped() const;
};

/// What those who log hold: a sink, and the level that can change at any time. Every function may be called from any
/// thread, and none throws: what a sink throws is swallowed, since a log must not end what it tells of.
class COREMACHINE_API Logger {
 public:
  explicit Logger(std::shared_ptr<LogSink> sink, LogLevel level = LogLevel::info);

  LogLevel level() const { return level_.load(std::memory_order_relaxed); }
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  /// Whether a record of this level goes anywhere: asked before one is made that costs something.
  bool wants(LogLevel level) const { return level != LogLevel::off && level >= this->level(); }

  void write(LogLevel level, std::string_view message, LogFields fields = {}) noexcept;
  void debug(std::string_view message, LogFields fields = {}) noexcept;
  void info(std::string_view message, LogFields fields = {}) noexcept;
  void warn(std::string_view message, LogFields fields = {}) noexcept;
  void error(std::string_view message, LogFields fields = {}) noexcept;

  void flush(Milliseconds at_most = Milliseconds{2000}) noexcept;
  std::uint64_t dropped() const { return sink_->dropped(); }

 private:
  std::shared_ptr<LogSink> sink_;
  std::atomic<LogLevel> level_;
};

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  int file = 2;                 ///< a descriptor, standard error by default; it stays the caller's
  std::size_t capacity = 8192;  ///< records that wait to be written; beyond it they are dropped, counted and reported
};

/// A logger whose records are formatted and written by a thread of its own: those who log never wait for the file. A
/// quarter of the capacity is kept for warnings and errors. When the last owner goes, what waits is written first,
/// for up to 2 s.
COREMACHINE_API std::shared_ptr<Logger> make_log(const LogOptions& options = {});

}  // namespace coremachine
