#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include <coremachine/model/ids.hpp>
#include <coremachine/runtime/core_machine.hpp>

#include "triggers/http/api/outlet.hpp"

namespace coremachine::http {

namespace json = boost::json;

/// A server that works on the same store.
using Peer = std::uint64_t;

/// The way to the other servers. Any thread may call it; `send` may block for as long as the store takes.
class PeerLink {
 public:
  virtual ~PeerLink() = default;
  /// Who has this job; nothing: this server, nobody, or it is over.
  virtual std::optional<Peer> owner_elsewhere(JobId job) = 0;
  virtual LeasePlace place_of(LeaseId lease) = 0;
  virtual std::vector<Peer> others() = 0;
  /// The one that does what one of them has to do; nothing: this one.
  virtual std::optional<Peer> first_elsewhere() = 0;
  /// Messages to one peer arrive in the order in which they were sent, or not at all. Throws Failure.
  virtual void send(Peer to, std::string message) = 0;
};

/// Passes requests about jobs on to the server that has them, and their answers back: any server answers any request.
/// Any thread may call it.
class PeerDesk {
 public:
  /// How requests that others passed on are answered here.
  using Answer = std::function<void(Request request, std::unique_ptr<Outlet> outlet)>;
  /// Told of an answer that came when nobody waited for it any more.
  using TooLate = std::function<void(Peer from, Response response)>;
  PeerDesk(PeerLink& link, Answer answer, TooLate too_late = {});
  ~PeerDesk();

  PeerLink& link() { return link_; }
  void pass_on(Peer to, const Request& request, std::unique_ptr<Outlet> outlet);
  /// What a peer has sent.
  void take(Peer from, std::string_view message);
  /// It answers nothing more.
  void peer_has_gone(Peer peer);

 private:
  class Way;
  class WayFlow;
  class WayOutlet;
  using Name = std::pair<Peer, std::uint64_t>;
  /// A request that waits for a peer, and from the head of a stream on where the stream goes.
  struct Passed {
    std::unique_ptr<Outlet> outlet;
    std::shared_ptr<Outflow> flow;
    std::string request_id;
    bool sent = false;
    bool gone = false;  ///< the client, before the request was sent
  };

  void take_request(Name name, const json::object& message);
  void take_answer(Name name, const json::object& message);
  void take_more(Name name, const json::object& message);
  std::shared_ptr<Passed> passed(Name name);
  std::shared_ptr<Passed> take_out(Name name);
  void client_has_gone(Name name);
  std::shared_ptr<Way> way(Name name);
  void tell(Name name, std::string_view kind, json::object message = {});

  PeerLink& link_;
  const Answer answer_;
  const TooLate too_late_;
  std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::map<Name, std::shared_ptr<Passed>> passed_;  ///< to peers
  std::map<Name, std::shared_ptr<Way>> ways_;       ///< for peers, as long as an answer is on its way
};

}  // namespace coremachine::http
