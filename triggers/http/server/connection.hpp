#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "triggers/http/server/deadlines.hpp"
#include "triggers/http/server/exchange.hpp"
#include "triggers/http/server/loop.hpp"
#include "triggers/http/server/output.hpp"
#include "triggers/http/server/sockets.hpp"
#include "triggers/http/server/transport.hpp"
#include "triggers/http/wire/request_reader.hpp"

namespace coremachine::http {

/// One client. Everything happens in turns: whatever woke it up, a turn reads what is there, hands out the requests in
/// it, gathers the answers that are ready, writes them together, and says what to wait for next. While it waits it has
/// neither a buffer nor a reader. All of it on the thread of its loop.
class Connection final : public Deadlines::Entry, public std::enable_shared_from_this<Connection> {
 public:
  /// `surplus`: there are too many, and the first request is told so.
  Connection(Loop& loop, Socket socket, std::string peer, bool surplus);

  void turn();
  /// Something new can be read or written.
  void changed(const Sockets::Change& change);
  /// True for the first time since the last turn.
  bool touch() { return !std::exchange(touched_, true); }
  bool in_turn() const { return in_turn_; }
  bool draining() const { return loop_.draining(); }

  /// Its time limit has passed.
  void out_of_time();
  /// The server is about to stop.
  void drain();
  /// Who takes the body that it reads has room again.
  void go_on_with_body() { holds_body_ = false; }
  /// The client takes too long to read.
  void cut_off();
  /// At once. Who is answering hears of it.
  void close();

  /// To a request that the application has lost.
  Response answer_to_lost(const Exchange::About& about) const;

 private:
  void act();
  void finish();
  void begin_linger();
  void end();
  void wait_on();
  void set_deadline();
  Wait awaited() const;
  bool has_kept_pace() const;

  bool shake_hands();
  void read();
  void take(std::string_view bytes);
  bool wants_to_read() const;
  bool reads_request() const;
  void read_requests();
  bool may_begin() const;
  bool can_resume() const { return !closed_ && blocked_ && may_begin(); }
  void begin_request();
  void begin_body(const Request& head);
  void hand_on_body();
  void end_request();
  void refuse(const Request* request, const Refusal& refusal);
  void answer(Exchange::About about, Response response);
  std::shared_ptr<Exchange> open_exchange(Exchange::About about);

  void collect();
  void write_answer(Exchange& exchange);
  bool write_stream(Exchange& exchange);
  void begin_stream(Exchange& exchange);
  void end_of(Exchange& exchange, bool keep_alive);
  bool keeps_alive_after(const Exchange& exchange) const;
  std::string& output();
  void note(const Exchange& exchange, Answered what);
  void write();
  void account(std::size_t bytes);

  Loop& loop_;
  Service& service_;
  Transport transport_;
  const std::string peer_;
  const bool surplus_;

  std::unique_ptr<RequestReader> reader_ = {};         ///< while something of a request is there
  std::vector<std::shared_ptr<Exchange>> queue_ = {};  ///< in the order in which they came, and are answered
  Output out_ = {};

  bool in_turn_ = false;
  bool touched_ = false;
  bool turn_posted_ = false;
  bool readable_ = true;  ///< as far as is known
  bool writable_ = true;
  bool ends_ = false;     ///< behind what can be read there is the end, which is not told again
  int reads_left_ = 0;    ///< in this turn
  bool blocked_ = false;  ///< a head is there, and those before it have to be answered first
  bool skips_body_ = false;
  std::shared_ptr<BodyTaker> taker_ = {};  ///< of the body that is read
  bool holds_body_ = false;                ///< it has no room now
  bool owes_continue_ = false;
  bool sent_continue_ = false;
  bool ended_ = false;    ///< the client has ended its side
  bool last_ = false;     ///< no more requests are read
  bool closing_ = false;  ///< when what is in `out_` is written
  bool resets_ = false;   ///< and that in a way that nobody takes for the end of an answer
  bool lingering_ = false;
  bool closed_ = false;

  bool stream_has_pieces_ = true;   ///< of the stream at the front
  bool stream_is_counted_ = false;  ///< its head says how long it is
  bool stream_keeps_alive_ = false;
  Answered stream_note_ = {};
  std::size_t in_flight_ = 0;  ///< of its bytes those that are in `out_`

  std::uint64_t requests_ = 0;  ///< begun
  std::uint64_t received_ = 0;  ///< bytes
  std::uint64_t sent_ = 0;
  std::uint64_t dropped_ = 0;  ///< bytes that were read although nobody wants them
  std::uint64_t deadline_request_ =
      0;  ///< what `requests_` was when the time limit began, and the bytes that had come or gone
  std::uint64_t deadline_bytes_ = 0;
  /// Of answers that somebody wants to know of: where they end, in bytes sent.
  std::vector<std::pair<std::uint64_t, Answered>> notes_ = {};
};

}  // namespace coremachine::http
