#include "triggers/cli/queue_kinds.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#ifdef COREMACHINE_WITH_REDIS
#include <coremachine/redis.hpp>
#endif

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/config/settings.hpp"

namespace coremachine::cli {
namespace {

#ifdef COREMACHINE_WITH_REDIS
std::optional<std::string> fault_of_redis(const std::string& url) {
  const auto target = RedisTarget::parse(url);
  return target ? std::nullopt : std::optional(target.error().message);
}
RedisQueue redis_queue(const std::string& url) {
  auto target = RedisTarget::parse(url).value();
  return {std::move(target.address), std::move(target.prefix)};
}
std::unique_ptr<QueuePump> serve_redis(const std::string& url, CoreMachine& machine, std::shared_ptr<Logger> logger) {
  return redis_queue(url).serve(machine, std::move(logger));
}
std::shared_ptr<WorkerTransport> connect_to_redis(const std::string& url) {
  return redis_queue(url).transport();
}
#else
std::optional<std::string> fault_of_redis(const std::string&) {
  return "this program was built without Redis: it has it when hiredis (Debian: libhiredis-dev) is there as it is "
         "built, with cmake -D COREMACHINE_REDIS=on";
}
std::unique_ptr<QueuePump> serve_redis(const std::string&, CoreMachine&, std::shared_ptr<Logger>) {
  return nullptr;
}
std::shared_ptr<WorkerTransport> connect_to_redis(const std::string&) {
  return nullptr;
}
#endif

struct QueueKind {
  std::string_view scheme;
  std::string_view example;
  /// What is wrong with the URL, or with this build.
  std::optional<std::string> (*fault)(const std::string& url);
  // Of a URL that has no fault.
  std::unique_ptr<QueuePump> (*serve)(const std::string& url, CoreMachine& machine, std::shared_ptr<Logger> logger);
  std::shared_ptr<WorkerTransport> (*connect)(const std::string& url);
};

/// One line for each kind of queue besides `memory:`.
constexpr std::array kinds{
    QueueKind{"redis", "redis://HOST:PORT/DATABASE?prefix=NAME", fault_of_redis, serve_redis, connect_to_redis},
    QueueKind{"rediss", "rediss://HOST:PORT/DATABASE?prefix=NAME", fault_of_redis, serve_redis, connect_to_redis},
    QueueKind{"unix", "unix:///PATH?prefix=NAME", fault_of_redis, serve_redis, connect_to_redis},
};

const QueueKind* kind_of(const std::string& url) {
  const auto scheme = std::string_view(url).substr(0, url.find(':'));
  const auto* found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.scheme == scheme; });
  return found == kinds.end() || url.size() == scheme.size() ? nullptr : found;
}

/// `a, b or c`; `first` is one of them, unless it is empty.
std::string examples(std::string_view first) {
  std::vector<std::string_view> all;
  if (!first.empty()) all.push_back(first);
  for (const auto& kind : kinds) all.push_back(kind.example);
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i)
    text.append(i == 0 ? "" : i + 1 == all.size() ? " or " : ", ").append(all[i]);
  return text;
}

CommandFailure usage(const std::string& why) {
  return {ExitCode::usage, "--queue" + why};
}

}  // namespace

std::optional<std::string> fault_of_queue(const std::string& url) {
  if (url == "memory:") return std::nullopt;
  const auto* kind = kind_of(url);
  return kind ? kind->fault(url)
              : "\"" + shown(setting("queue"), url) + "\" is not a queue: use " + examples("memory:");
}

std::unique_ptr<QueuePump> serve_queue(const std::string& url, CoreMachine& machine, std::shared_ptr<Logger> logger) {
  if (auto fault = fault_of_queue(url))
    throw Failure(Error{ErrorCode::invalid_argument, "--queue: " + std::move(*fault)});
  const auto* kind = kind_of(url);
  return kind ? kind->serve(url, machine, std::move(logger)) : nullptr;
}

std::shared_ptr<WorkerTransport> connect_to_queue(const std::string& url) {
  if (url.starts_with("memory:"))
    throw usage(" memory: is within a server; another process takes its tasks by --server");
  const auto* kind = kind_of(url);
  if (!kind)
    throw usage(": there is no queue of the kind of \"" + shown(setting("queue"), url) + "\": use " + examples(""));
  if (const auto fault = kind->fault(url)) throw usage(": " + *fault);
  return kind->connect(url);
}

}  // namespace coremachine::cli
