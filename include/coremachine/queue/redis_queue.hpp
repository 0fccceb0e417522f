#pragma once

#include <memory>
#include <string>

#include <coremachine/export.hpp>
#include <coremachine/queue/queue_pump.hpp>
#include <coremachine/queue/redis_address.hpp>
#include <coremachine/resolve/task_resolver.hpp>
#include <coremachine/runtime/core_machine.hpp>
#include <coremachine/telemetry/log.hpp>
#include <coremachine/worker/transport.hpp>

namespace coremachine {

/// A queue in Redis, between machines and workers in other processes. It is in the library CoreMachine::redis, the
/// component `redis` of the CMake package.
///
/// The store of the machine is the truth, and the queue has copies of it: whatever becomes of Redis costs time, never
/// a task, and no task has two recorded outcomes. All machines on one store may have the same prefix; another store has
/// another.
class COREMACHINE_API RedisQueue {
 public:
  /// Connects to nothing yet. Throws Failure (invalid_argument): the prefix, or the resolver id, is none. The registry
  /// outlives the queue and what it makes.
  RedisQueue(RedisAddress connection, std::string prefix,
             const TaskResolverRegistry& resolvers = TaskResolverRegistry::instance(),
             std::string default_resolver_id = "default");

  /// Hands tasks of this machine to the workers of the queue. It connects by and by, and again whenever that is lost.
  /// The machine outlives the pump.
  std::unique_ptr<QueuePump> serve(CoreMachine& machine, std::shared_ptr<Logger> logger = {}) const;
  /// The way of one worker to the machines of the queue. A worker without a resolver id takes tasks of the default one.
  std::shared_ptr<WorkerTransport> transport() const;

 private:
  RedisTarget target_;
  const TaskResolverRegistry& resolvers_;
  std::string default_resolver_id_;
};

}  // namespace coremachine
