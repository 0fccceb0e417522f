#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include <coremachine/model/time.hpp>

#include "triggers/http/api/peer_link.hpp"

namespace coremachine::http {

/// Messages to other servers, sent by a thread of its own in the order in which they came: to send one takes a write,
/// which those who answer requests may not wait for. Any thread may call it; nothing but `close` blocks.
///
/// Each message has a number, greater than those before it: one whose connection was lost is sent again, and may then
/// arrive twice.
class Outbox {
 public:
  struct Message {
    Peer to = 0;
    std::string text;  ///< a JSON object, as text_of_message makes it
    /// Asked before it is sent; false: it is dropped. Null: it is sent.
    std::function<bool()> is_wanted = {};
    /// Called on the thread of the outbox: it could not be sent. What comes after it is sent all the same.
    std::function<void()> lost = {};
  };
  struct Room {
    std::size_t messages = 16'384;
    std::size_t bytes = std::size_t{64} << 20U;
  };
  /// `link` outlives it.
  explicit Outbox(PeerLink& link) : Outbox(link, Room()) {}
  Outbox(PeerLink& link, Room room);
  /// What is there is still sent, unless `close` has given up.
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// False: there is no room for it, or it is closed.
  bool offer(Message message);
  /// There is always room for it: it belongs to something that was taken before, or says that nothing is taken. So it
  /// is sent when the outbox is closed, too, unless `close` has given up.
  void put(Message message);
  /// Accepts no offer from now on. Returns when all that was there has been sent. After so long it gives up: what is
  /// left then is not sent, nor what comes.
  void close(Milliseconds at_most);

 private:
  void take(Message message);
  void serve();
  void send(const Message& message);
  bool deliver(const Message& message);

  PeerLink& link_;
  const Room room_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Message> messages_;
  std::size_t bytes_ = 0;
  bool sending_ = false;
  bool closed_ = false;
  bool given_up_ = false;
  bool ended_ = false;
  std::uint64_t last_number_ = 0;  ///< of the thread
  std::thread thread_;
};

}  // namespace coremachine::http
