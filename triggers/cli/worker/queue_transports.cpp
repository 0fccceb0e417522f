#include "triggers/cli/worker/queue_transports.hpp"

#ifdef COREMACHINE_WITH_REDIS
#include <coremachine/redis.hpp>
#endif

#include "triggers/cli/command_failure.hpp"

namespace coremachine::cli {
namespace {

std::string known_kinds() {
  std::string text;
  for (const auto& [scheme, make] : queue_transports())
    text.append(text.empty() ? "" : ", ").append(scheme).append("://…");
  return text.empty() ? "none; a worker of this build takes its tasks from a server, by --server" : text;
}

#ifdef COREMACHINE_WITH_REDIS
std::shared_ptr<WorkerTransport> redis_transport(const std::string& url) {
  auto target = RedisTarget::parse(url).value();
  return RedisQueue(std::move(target.address), std::move(target.prefix)).transport();
}
#endif

}  // namespace

const std::map<std::string_view, MakeTransport>& queue_transports() {
  static const std::map<std::string_view, MakeTransport> all{
#ifdef COREMACHINE_WITH_REDIS
      {"redis", redis_transport},
      {"rediss", redis_transport},
      {"unix", redis_transport},
#endif
  };
  return all;
}

std::shared_ptr<WorkerTransport> connect_to_queue(const std::string& url) {
  const auto scheme = url.substr(0, url.find(':'));
  const auto found = queue_transports().find(scheme);
  if (scheme == "memory") {
    throw CommandFailure(ExitCode::usage,
                         "--queue memory: is within a server; another process takes its tasks by --server");
  }
  if (found == queue_transports().end()) {
    throw CommandFailure(ExitCode::usage,
                         "--queue: this build has no queue of the kind of \"" + url + "\"; it has " + known_kinds());
  }
  try {
    return found->second(url);
  } catch (const Failure& failure) {
    throw CommandFailure(ExitCode::usage, "--queue: " + failure.error().message);
  }
}

}  // namespace coremachine::cli
