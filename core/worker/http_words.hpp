#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <coremachine/runtime/remote.hpp>

namespace coremachine::worker {

// What a worker and a machine say to each other in the bodies of HTTP. The side of the machine is triggers/http/api.

std::string poll_body(const RemoteWorker& worker, std::uint32_t max_tasks, Milliseconds wait);
std::string complete_body(const RemoteWorker& worker, const std::vector<RemoteReport>& reports);
std::string heartbeat_body(const RemoteWorker& worker, const std::vector<LeaseRenewal>& leases);
std::string leave_body(const RemoteWorker& worker);

/// `{"hand_outs": […], "tasks": …}`, and of it the former. Throws JsonMismatch.
std::vector<HandOut> read_hand_outs(std::string_view body);
/// `{"leases": [{lease, state}, …]}`. Throws JsonMismatch.
std::vector<LeaseNews> read_news(std::string_view body);

/// A hand-out as one object, with what its tasks have in common said once; `read_hand_outs` reads it. A comma before it
/// comes by itself.
void append_hand_out(std::string& out, const HandOut& hand_out);

}  // namespace coremachine::worker
