#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <coremachine/worker/worker.hpp>

#include "core/worker/backoff.hpp"
#include "core/worker/coroutine_lane.hpp"
#include "core/worker/lease_book.hpp"

namespace coremachine {

/// The threads of a worker. All that they share is under one mutex, and none holds it while it talks to the machine or
/// runs a handler.
///
///   hands      run handlers that hold a thread; as many as tasks at a time, and one for each that was lost
///   poll       asks for hand-outs while there is room
///   report     tells of outcomes, one batch at a time; what gathers meanwhile is the next one
///   renew      keeps the leases, every third of their term
///   run        watches the time of attempts, and sees to the end
class Worker::Crew {
 public:
  explicit Crew(WorkerOptions options);
  ~Crew();

  WorkerEnd run();
  void drain();
  void hurry();
  const std::string& name() const { return about_.name; }
  WorkerCounts counts() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Time = worker::Clock::time_point;
  enum class Phase : std::uint8_t { working, draining, cancelling, over };

  static Time now() { return worker::Clock::now(); }
  worker::Lane lane_of(const std::string& task_type) const;
  void offer(const std::vector<std::string>& wanted);

  void work();
  void begin_coroutines(Lock& lock);
  void hand_lost(Lock& lock, const worker::Attempt& attempt);
  bool has_too_many_hands() const;
  void join_spare_hands(Lock& lock);
  void look_after(Lock& lock);
  void changed();

  void poll();
  struct Question {
    RemoteWorker worker;
    std::uint32_t most = 0;
    Milliseconds wait{0};
  };
  std::optional<Question> question() const;
  void report();
  void renew();
  Milliseconds renewal_pause() const;
  void mind(Lock& lock, const WorkerFault& fault, worker::Backoff& backoff, std::condition_variable& wake);
  void heard();

  WorkerEnd wind_up(Lock& lock);
  bool settle(Lock& lock, Time until, Phase phase);
  WorkerEnd end(Lock& lock);
  void leave(Lock& lock);
  void log(LogLevel level, std::string_view message, LogFields fields = {}) const;

  const WorkerOptions options_;
  TaskRegistry& tasks_;
  RemoteWorker about_ = {};
  std::vector<std::string> thread_types_ = {};
  std::vector<std::string> coroutine_types_ = {};
  worker::HandlerWorld world_ = {};

  mutable std::mutex mutex_;
  std::condition_variable hands_wake_;
  std::condition_variable poll_wake_;
  std::condition_variable report_wake_;
  std::condition_variable renew_wake_;
  std::condition_variable run_wake_;
  std::optional<worker::LeaseBook> book_ = {};
  Phase phase_ = Phase::working;
  bool hands_over_ = false;
  std::optional<Time> report_at_ = {};  ///< until then the report thread sleeps; nothing: until it is woken
  unsigned idle_hands_ = 0;
  unsigned lost_ = 0;
  std::optional<WorkerFault> fault_ = {};
  bool ever_heard_ = false;
  bool ever_warned_ = false;
  bool connected_ = false;
  bool polls_ = false;
  std::uint64_t taken_ = 0;
  std::uint64_t told_ = 0;
  std::vector<std::thread> hands_ = {};
  std::vector<std::thread::id> spare_hands_ = {};  ///< of them those that are about to end, as others have their places
  std::vector<std::thread> duties_ = {};
  std::unique_ptr<worker::CoroutineLane> coroutines_ = {};
};

}  // namespace coremachine
