#include "triggers/cli/serve/queue_pumps.hpp"

#include <utility>

#ifdef COREMACHINE_WITH_REDIS
#include <coremachine/redis.hpp>
#endif

namespace coremachine::cli {
namespace {

bool is_redis(const std::string& url) {
  for (const auto* scheme : {"redis:", "rediss:", "unix:"}) {
    if (url.starts_with(scheme)) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> fault_of_queue(const std::string& url) {
  if (url == "memory:") return std::nullopt;
  if (!is_redis(url)) {
    return "\"" + url +
           "\" is not a queue: use memory:, redis://HOST:PORT/DATABASE?prefix=NAME or unix:///PATH?prefix=NAME";
  }
#ifdef COREMACHINE_WITH_REDIS
  const auto target = RedisTarget::parse(url);
  return target ? std::nullopt : std::optional(target.error().message);
#else
  return "this program was built without Redis: it has it when hiredis (Debian: libhiredis-dev) is there as it is "
         "built, "
         "with cmake -D COREMACHINE_REDIS=on";
#endif
}

std::unique_ptr<QueuePump> serve_queue(const std::string& url, CoreMachine& machine, std::shared_ptr<Logger> logger) {
  if (auto fault = fault_of_queue(url))
    throw Failure(Error{ErrorCode::invalid_argument, "--queue: " + std::move(*fault)});
#ifdef COREMACHINE_WITH_REDIS
  if (is_redis(url)) {
    auto target = RedisTarget::parse(url).value();
    return RedisQueue(std::move(target.address), std::move(target.prefix)).serve(machine, std::move(logger));
  }
#else
  (void)machine;
#endif
  return nullptr;
}

}  // namespace coremachine::cli
