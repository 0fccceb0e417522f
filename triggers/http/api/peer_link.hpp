#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <coremachine/model/ids.hpp>
#include <coremachine/runtime/core_machine.hpp>

namespace coremachine::http {

/// A server that works on the same store.
using Peer = std::uint64_t;

/// The way to the other servers. Any thread may call it. What asks the store may block for as long as that takes, and
/// throws Failure.
class PeerLink {
 public:
  virtual ~PeerLink() = default;
  /// Who has this job; nothing: this server, nobody, or it is over. Asks the store.
  virtual std::optional<Peer> owner_elsewhere(JobId job) = 0;
  /// Of each of them. May ask the store.
  virtual std::map<LeaseId, LeasePlace> places_of(const std::vector<LeaseId>& leases) = 0;
  virtual std::vector<Peer> others() = 0;
  /// The one that does what one of them has to do; nothing: this one.
  virtual std::optional<Peer> first_elsewhere() = 0;
  /// Messages to one peer arrive in the order in which they were sent, or not at all; each of them perhaps twice, also
  /// after others that were sent later. They are UTF-8. Asks the store.
  virtual void send(Peer to, std::string message) = 0;
};

}  // namespace coremachine::http
