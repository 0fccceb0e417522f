#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

#include "triggers/http/api/outbox.hpp"
#include "triggers/http/api/outlet.hpp"
#include "triggers/http/api/peer_link.hpp"

namespace coremachine::http {

namespace json = boost::json;

/// Passes requests about jobs on to the server that has them, and their answers back: any server answers any request.
/// Any thread may call it; nothing but `close` blocks. A message that comes twice counts once.
///
/// A request whose answer is lost, or that was lost itself, ends with 503. At once, where it is known: the message
/// could not be sent or read, or the peer has gone. Otherwise a peer that has said nothing of a request for a minute is
/// asked whether it is still at it, and given up if it is not, or does not say so for another minute. A stream of which
/// a part could not be sent breaks off; of one that was lost on its way only that the stream is over is found out.
class PeerDesk {
 public:
  struct Hooks {
    /// How requests that others passed on are answered here.
    std::function<void(Request request, std::unique_ptr<Outlet> outlet)> answer;
    /// Told of tasks that a poll was given when nobody waited for them any more; may be null.
    std::function<void(Peer from, const Response& response)> too_late = {};
    /// Told of what cannot be read; may be null.
    std::function<void(const std::string& message)> warn = {};
  };
  using Answer = decltype(Hooks::answer);
  PeerDesk(PeerLink& link, Hooks hooks);
  /// Closes at once.
  ~PeerDesk();

  PeerLink& link() { return link_; }
  /// The body is UTF-8; fields that are not are left out.
  void pass_on(Peer to, const Request& request, std::unique_ptr<Outlet> outlet);
  /// What a peer has sent. What cannot be read is told and passed over. Of what comes when this is closed, a request is
  /// answered as broken.
  void take(Peer from, std::string_view message);
  /// To be called every `look_every`: asks after requests of which nothing was heard, and gives them up.
  void look_around();
  static constexpr Milliseconds look_every{15'000};
  /// It answers nothing more, and is not asked again: who comes back has another number.
  void peer_has_gone(Peer peer);
  /// Passes nothing more on. What others answer is waited for a moment, half of the time at most; then who still waits
  /// is told to come again, and streams end. Returns when all that is to be sent has been, or after so long.
  void close(Milliseconds at_most);

 private:
  class Way;
  class WayFlow;
  class WayOutlet;
  using Name = std::pair<Peer, std::uint64_t>;
  /// A request that waits for a peer, and from the head of a stream on where the stream goes.
  struct Passed {
    Name name;
    std::string request_id;
    std::unique_ptr<Outlet> outlet;
    std::shared_ptr<Outflow> flow;
    bool streams = false;  ///< the head has come
    bool gone = false;     ///< the client
    int looks = 0;         ///< since something was heard of it
  };
  using PassedPtr = std::shared_ptr<Passed>;

  bool enter(const PassedPtr& passed, const Request& request);
  void read(Peer from, std::string_view message);
  bool is_repeat(Peer from, const json::object& message);
  void act(std::string_view kind, Name name, const json::object& message);
  void take_request(Name name, const json::object& message);
  void take_answer(Name name, const json::object& message);
  void take_stream(Name name, Response head);
  void take_more(Name name, const json::object& message);
  void note_heard(Name name);
  PassedPtr find(Name name);
  PassedPtr take_out(Name name);
  void give_up(Name name);
  static void give_up(Passed& passed);
  void client_has_gone(Passed& passed);
  std::shared_ptr<Way> way(Name name);
  void tell(Name name, std::string_view kind, std::function<void()> lost = {});
  void warn(const std::string& message) const;

  PeerLink& link_;
  const Hooks hooks_;
  std::atomic<std::uint64_t> last_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  std::set<Peer> gone_;
  std::map<Peer, std::uint64_t> taken_;        ///< the number of the last message
  std::map<Name, PassedPtr> passed_;           ///< to peers
  std::map<Name, std::shared_ptr<Way>> ways_;  ///< for peers, as long as an answer is on its way
  Outbox outbox_;                              // last: what it calls uses the rest
};

}  // namespace coremachine::http
