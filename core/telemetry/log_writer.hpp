#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <coremachine/telemetry/log.hpp>

namespace coremachine::telemetry {

/// A sink with a thread of its own: records wait in a bounded queue and are formatted and written by that thread. What
/// finds no room is dropped, and what cannot be written is lost; both are counted, and said in the log as soon as it
/// takes something again. Those who write records never wait for the file.
class LogWriter final : public LogSink {
 public:
  explicit LogWriter(const LogOptions& options);
  /// Writes what waits, for up to `patience`.
  ~LogWriter() override;

  void write(LogRecord record) override;
  void flush(Milliseconds at_most) override;
  std::uint64_t dropped() const override { return dropped_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::chrono::seconds patience{2};

  void run();
  void put(const std::vector<LogRecord>& records);
  void report_losses();
  bool put_lines(const std::vector<LogRecord>& records);
  std::size_t put_text(std::string_view text);
  bool wait_writable() const;

  const LogOptions options_;
  const bool is_file_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable written_;
  std::vector<LogRecord> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::uint64_t taken_ = 0;  ///< records that were ever put into the queue
  std::uint64_t done_ = 0;   ///< of them written or lost
  bool idle_ = false;        ///< the thread sleeps until it is told of something

  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> stopping_{false};
  std::chrono::steady_clock::time_point give_up_at_{};  ///< set before `stopping_`

  // Of the thread alone.
  std::uint64_t told_ = 0;  ///< losses that the log has a line of
  bool torn_ = false;       ///< the last line is not whole
  int trouble_ = 0;         ///< errno of the last write that failed

  std::thread thread_;
};

}  // namespace coremachine::telemetry
