#pragma once

#include <memory>
#include <optional>
#include <string>

#include <coremachine/queue/queue_pump.hpp>
#include <coremachine/runtime/core_machine.hpp>
#include <coremachine/telemetry/log.hpp>
#include <coremachine/worker/transport.hpp>

namespace coremachine::cli {

// Queues between a server and its workers, by the URL of --queue.

/// What is wrong with the URL of a queue for a server, or with this build; nothing if it can be served.
std::optional<std::string> fault_of_queue(const std::string& url);

/// Hands tasks to the workers of that queue; null for `memory:`, which needs nobody. Throws Failure: see above.
std::unique_ptr<QueuePump> serve_queue(const std::string& url, CoreMachine& machine, std::shared_ptr<Logger> logger);

/// A worker's way to its machine through that queue. Throws CommandFailure (usage): this build has no queue of that
/// kind, or its URL is wrong.
std::shared_ptr<WorkerTransport> connect_to_queue(const std::string& url);

}  // namespace coremachine::cli
