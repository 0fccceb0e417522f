#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <coremachine/model/time.hpp>
#include <coremachine/registry/job_registry.hpp>

#include "triggers/http/api/peers.hpp"
#include "triggers/http/api/router.hpp"
#include "triggers/http/api/timers.hpp"

namespace coremachine::http {

/// Which of several servers answers a request.
enum class Whose : std::uint8_t {
  anyone,    ///< the one that was asked
  owner,     ///< the one that has the job
  first,     ///< one for all, so that what is to happen once does
  everyone,  ///< each its part
  workers,   ///< of a call of a worker: see WorkerRouting
};
Whose whose(const Match& match, const Request& request, const JobRegistry& jobs);

/// Asks all peers and `here`; `outlet` gets one answer when all have come: of counts the sums, of lists of workers and
/// queues one of all, and of anything else the answer from here. What a peer refuses is the answer; but of lists what
/// it would have said is left out, and it is not waited for long.
inline constexpr Milliseconds patience_for_lists{2'000};
void ask_everyone(PeerDesk& desk, Timers& timers, const std::vector<Peer>& peers, const Request& request,
                  std::unique_ptr<Outlet> outlet, const PeerDesk::Answer& here,
                  Milliseconds patience = patience_for_lists);

}  // namespace coremachine::http
