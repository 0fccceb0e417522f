#include <utility>

#include <coremachine/queue/redis_queue.hpp>

#include "core/queue/redis/pump.hpp"
#include "core/queue/redis/transport.hpp"

namespace coremachine {

RedisQueue::RedisQueue(RedisAddress connection, std::string prefix, const TaskResolverRegistry& resolvers,
                       std::string default_resolver_id)
    : target_{std::move(connection), std::move(prefix)},
      resolvers_(resolvers),
      default_resolver_id_(std::move(default_resolver_id)) {
  if (auto fault = fault_of_prefix(target_.prefix); !fault.empty())
    throw Failure(Error{ErrorCode::invalid_argument, std::move(fault)});
  if (!is_valid_name(default_resolver_id_)) {
    throw Failure(Error{ErrorCode::invalid_argument,
                        "a resolver id is " + std::string(name_rule) + ", and not \"" + default_resolver_id_ + "\""});
  }
}

std::unique_ptr<QueuePump> RedisQueue::serve(CoreMachine& machine, std::shared_ptr<Logger> logger) const {
  return std::make_unique<redis::Pump>(machine, target_, std::move(logger));
}

std::shared_ptr<WorkerTransport> RedisQueue::transport() const {
  return std::make_shared<redis::Transport>(target_, resolvers_, default_resolver_id_);
}

}  // namespace coremachine
