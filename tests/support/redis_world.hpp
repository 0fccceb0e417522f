#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>
#include <coremachine/worker/worker.hpp>

#include "core/queue/redis/pump.hpp"
#include "core/queue/redis/transport.hpp"
#include "tests/support/redis_server.hpp"

namespace coremachine::support {

/// What the task `redis.step` does besides returning its index.
using Step = std::function<void(std::int64_t index, TaskContext& context)>;

/// A worker in this process that runs `redis.step` and takes it out of a queue in Redis.
class RedisWorker {
 public:
  explicit RedisWorker(const RedisTarget& target, Step step = {}, unsigned concurrency = 2, std::string name = {},
                       redis::TransportTimes times = quick());
  ~RedisWorker();
  RedisWorker(const RedisWorker&) = delete;
  RedisWorker& operator=(const RedisWorker&) = delete;

  /// As a SIGTERM would; how it ended.
  WorkerEnd drain();
  /// Ends as if it had never been: the machine hears nothing more.
  void vanish();
  WorkerCounts counts() const { return worker_->counts(); }
  const std::string& name() const { return worker_->name(); }

  static redis::TransportTimes quick();

 private:
  TaskRegistry tasks_;
  TaskResolverRegistry resolvers_;
  std::shared_ptr<redis::Transport> transport_;
  std::unique_ptr<Worker> worker_;
  WorkerEnd end_ = {};
  std::thread thread_;
};

/// A machine whose tasks all go to workers by a queue in Redis. Its jobs of type `steps` have `count` tasks
/// `redis.step`; their result is how many completed, and the sum of their indexes.
class RedisMachine {
 public:
  /// `term`: of a lease.
  explicit RedisMachine(const RedisTarget& target,
                        std::string store = "memory:", Milliseconds term = Milliseconds{2000},
                        unsigned local_workers = 0, Milliseconds server_term = Milliseconds{15'000},
                        const std::function<void(redis::PumpTimes&)>& change = {});
  ~RedisMachine();

  CoreMachine& machine() { return *machine_; }
  redis::Pump& pump() { return *pump_; }
  JobId submit(std::int64_t count, int priority = 0);
  /// Waits for the end, and checks that each task has one outcome, and that the job has completed.
  void check_completed(JobId job, std::int64_t count);
  /// How many of the tasks of the current stage are over.
  std::uint64_t completed(JobId job);
  void stop_pump() { pump_.reset(); }
  void start_pump();

 private:
  JobRegistry jobs_;
  TaskRegistry tasks_;
  const RedisTarget target_;
  redis::PumpTimes times_;
  std::unique_ptr<CoreMachine> machine_;
  std::unique_ptr<redis::Pump> pump_;
};

}  // namespace coremachine::support
