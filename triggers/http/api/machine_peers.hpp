#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "triggers/http/api/peers.hpp"

namespace coremachine::http {

/// The machines that share the store of this one. It must outlive the machine's `stop`.
class MachinePeers final : public PeerLink {
 public:
  explicit MachinePeers(CoreMachine& machine) : machine_(machine) {}

  std::optional<Peer> owner_elsewhere(JobId job) override {
    auto owner = machine_.owner_elsewhere(job);
    if (!owner) throw Failure(owner.error());
    return *owner;
  }
  std::map<LeaseId, LeasePlace> places_of(const std::vector<LeaseId>& leases) override {
    auto places = machine_.places_of(leases);
    if (!places) throw Failure(places.error());
    return *std::move(places);
  }
  std::vector<Peer> others() override { return machine_.peers(); }
  std::optional<Peer> first_elsewhere() override { return machine_.first_peer(); }
  void send(Peer to, std::string message) override {
    if (const auto sent = machine_.send_to_peer(to, message); !sent) throw Failure(sent.error());
  }

 private:
  CoreMachine& machine_;
};

/// As long as it is there, the desk is told what the other machines send, and which of them have gone. It stays until
/// the machine has stopped: a desk that is closed tells the others that it answers nothing, which they wait for.
class PeerListener {
 public:
  /// Null: there is nobody to tell. Machine and desk outlive it.
  PeerListener(CoreMachine& machine, PeerDesk* desk) : machine_(machine) {
    if (!desk) return;
    machine_.on_peers([desk](std::uint64_t from, const std::string& message) { desk->take(from, message); },
                      [desk](std::uint64_t peer) { desk->peer_has_gone(peer); });
  }
  ~PeerListener() { stop(); }
  PeerListener(const PeerListener&) = delete;
  PeerListener& operator=(const PeerListener&) = delete;
  /// The desk is not told of anything any more when this returns.
  void stop() { machine_.on_peers({}, {}); }

 private:
  CoreMachine& machine_;
};

}  // namespace coremachine::http
