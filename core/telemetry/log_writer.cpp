#include "core/telemetry/log_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace coremachine {
namespace telemetry {
namespace {

/// A pipe that is ready takes as much without blocking.
constexpr std::size_t pipe_piece = 4096;
constexpr int look_again_ms = 100;
/// What a record may take on average before the queue counts as full.
constexpr std::size_t typical_bytes = 1024;

bool is_regular(int file) {
  struct stat about {};
  return ::fstat(file, &about) == 0 && S_ISREG(about.st_mode);
}

std::size_t size_of(const LogRecord& record) {
  auto bytes = sizeof(LogRecord) + record.message.size() + record.fields.size() * sizeof(LogField);
  for (const auto& field : record.fields) {
    if (const auto* text = std::get_if<std::string>(&field.value)) bytes += text->size();
  }
  return bytes;
}

/// Signals are for the program's own threads; and a closed pipe is to be an error here, not the end of the process.
void take_no_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

LogWriter::LogWriter(const LogOptions& options) : options_(options), is_file_(is_regular(options.file)) {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "cm-log");
    take_no_signals();
    run();
  });
}

LogWriter::~LogWriter() {
  {
    const std::lock_guard lock(mutex_);
    give_up_at_ = std::chrono::steady_clock::now() + patience;
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void LogWriter::write(LogRecord record) {
  const auto bytes = size_of(record);
  const bool matters = record.level >= LogLevel::warn;
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const auto room = matters ? options_.capacity : options_.capacity - options_.capacity / 4;
    if (waiting_.size() >= room || waiting_bytes_ + bytes > room * typical_bytes) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    waiting_.push_back(std::move(record));
    waiting_bytes_ += bytes;
    ++taken_;
    wake = std::exchange(idle_, false);
  }
  if (wake) changed_.notify_one();
}

void LogWriter::flush(Milliseconds at_most) {
  std::unique_lock lock(mutex_);
  const auto until = taken_;
  written_.wait_for(lock, at_most, [&] { return done_ >= until; });
}

void LogWriter::run() {
  std::vector<LogRecord> records;
  std::unique_lock lock(mutex_);
  for (;;) {
    while (waiting_.empty()) {
      if (stopping_) return;
      idle_ = true;
      changed_.wait(lock);
    }
    records.clear();
    std::swap(records, waiting_);
    waiting_bytes_ = 0;
    lock.unlock();
    put(records);
    lock.lock();
    done_ += records.size();
    written_.notify_all();
  }
}

void LogWriter::put(const std::vector<LogRecord>& records) {
  // What was lost was lost before these, or among them: it is said at the first place where it can be.
  report_losses();
  if (put_lines(records)) report_losses();
}

void LogWriter::report_losses() {
  const auto lost = dropped();
  if (lost == told_) return;
  LogRecord record;
  record.level = LogLevel::warn;
  record.time = std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
  record.message = "log records were dropped";
  record.fields.emplace_back("count", lost - told_);
  record.fields.emplace_back("reason",
                             trouble_ == 0 ? "they came faster than they could be written" : std::strerror(trouble_));
  if (!put_lines({std::move(record)})) {
    dropped_.fetch_sub(1, std::memory_order_relaxed);  // the report itself does not count
    return;
  }
  told_ = lost;
  trouble_ = 0;
}

/// False if not all of it could be written.
bool LogWriter::put_lines(const std::vector<LogRecord>& records) {
  std::string text;
  std::vector<std::size_t> ends;
  ends.reserve(records.size());
  if (torn_) text += '\n';
  for (const auto& record : records) {
    text += options_.format == LogFormat::json ? to_json_line(record) : to_text(record);
    text += '\n';
    ends.push_back(text.size());
  }
  const auto written = put_text(text);
  if (written > 0) torn_ = text[written - 1] != '\n';
  if (written == text.size()) return true;
  const auto whole = std::upper_bound(ends.begin(), ends.end(), written) - ends.begin();
  dropped_.fetch_add(ends.size() - static_cast<std::size_t>(whole), std::memory_order_relaxed);
  return false;
}

/// How much of it was written: less than all after an error, or when there is no more time.
std::size_t LogWriter::put_text(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (!is_file_ && !wait_writable()) {
      trouble_ = ETIMEDOUT;
      return at;
    }
    const auto piece = is_file_ ? text.size() - at : std::min(pipe_piece, text.size() - at);
    const auto count = ::write(options_.file, text.data() + at, piece);
    if (count >= 0) {
      at += static_cast<std::size_t>(count);
    } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
      trouble_ = errno;
      return at;
    }
  }
  return at;
}

/// False when whoever reads does not go on, and the log has to end.
bool LogWriter::wait_writable() const {
  for (;;) {
    pollfd watched{options_.file, POLLOUT, 0};
    if (::poll(&watched, 1, look_again_ms) != 0) return true;  // an error is told by the write
    if (stopping_ && std::chrono::steady_clock::now() >= give_up_at_) return false;
  }
}

}  // namespace telemetry

std::shared_ptr<Logger> make_log(const LogOptions& options) {
  return std::make_shared<Logger>(std::make_shared<telemetry::LogWriter>(options), options.level);
}

}  // namespace coremachine
