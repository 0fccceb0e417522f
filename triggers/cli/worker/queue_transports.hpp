#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <coremachine/worker/transport.hpp>

namespace coremachine::cli {

/// Makes a worker's way to its machine through the queue that a URL names. Throws Failure (invalid_argument): the URL is
/// none of its kind.
using MakeTransport = std::function<std::shared_ptr<WorkerTransport>(const std::string& url)>;

/// What this build has, by the scheme of the URL: one line for each kind of queue.
const std::map<std::string_view, MakeTransport>& queue_transports();

/// Throws CommandFailure (usage): this build has no queue of that kind, or its URL is wrong.
std::shared_ptr<WorkerTransport> connect_to_queue(const std::string& url);

}  // namespace coremachine::cli
