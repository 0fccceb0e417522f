#include "triggers/http/server/connection.hpp"

#include <boost/asio/post.hpp>

namespace coremachine::http {

namespace asio = boost::asio;

namespace {

constexpr int reads_per_turn = 8;  // then others have theirs

std::uint64_t bytes_at(std::uint64_t per_second, std::chrono::milliseconds time) {
  return per_second * static_cast<std::uint64_t>(time.count()) / 1'000;
}

}  // namespace

Connection::Connection(Loop& loop, Socket socket, std::string peer, bool surplus)
    : loop_(loop),
      service_(loop.service()),
      transport_([&] {
        const auto tls = service_.tls();
        return tls ? Transport(std::move(socket), *tls) : Transport(std::move(socket));
      }()),
      peer_(std::move(peer)),
      surplus_(surplus) {}

void Connection::turn() {
  touched_ = false;
  if (closed_) return;
  const auto self = shared_from_this();
  in_turn_ = true;
  reads_left_ = reads_per_turn;
  if (!transport_.shaking_hands() || shake_hands()) act();
  in_turn_ = false;
  if (!closed_) wait_on();
}

void Connection::act() {
  do {
    read();
    do {
      if (can_resume()) read_requests();
      if (!closed_) collect();
    } while (can_resume());
    if (!closed_) write();
  } while (can_resume() || (!closed_ && readable_ && reads_left_ > 0 && wants_to_read()));
  if (!closed_) finish();
}

// What a turn has left behind: the end of the connection, and what it does not need while it waits.
void Connection::finish() {
  if (ended_ && !last_ && !blocked_) {
    if (reads_request()) {
      refuse(reader_->head(), {400, "the connection ended in the middle of the request"});
      collect();
      write();
      if (closed_) return;
    }
    last_ = true;
  }
  if (reader_ && !blocked_ && (last_ || (!reads_request() && reader_->buffered() == 0))) reader_.reset();
  if (lingering_ || !out_.empty()) return;
  if (closing_) return begin_linger();
  const bool idle = queue_.empty() && !reader_;
  if (idle && (last_ || draining())) end();
}

// Nobody waits for an answer.
void Connection::end() {
  transport_.end_writing();
  close();
}

// To close while the client still sends would make its system throw away the answer that it has not read yet.
void Connection::begin_linger() {
  if (resets_) transport_.reset_on_close();
  if (ended_ || resets_) return close();
  lingering_ = closing_ = last_ = true;
  reader_.reset();
  transport_.end_writing();
  readable_ = true;
  read();
}

void Connection::wait_on() {
  if (readable_ && wants_to_read() && !transport_.shaking_hands()) {
    // There is more, and others have their turn first.
    if (!std::exchange(turn_posted_, true)) {
      asio::post(loop_.context(), [self = shared_from_this()] {
        self->turn_posted_ = false;
        self->turn();
      });
    }
  }
  set_deadline();
}

void Connection::changed(const Sockets::Change& change) {
  if (closed_) return;
  // TLS may have to write in order to read, and the other way round.
  if (change.readable || transport_.secure()) readable_ = true;
  if (change.writable || transport_.secure()) writable_ = true;
  if (change.ends) ends_ = true;
  turn();
}

Wait Connection::awaited() const {
  if (lingering_) return Wait::linger;
  if (transport_.shaking_hands()) return Wait::head;
  if (!out_.empty()) return Wait::write;
  if (reads_request() && !blocked_) return reader_->head() ? Wait::body : Wait::head;
  if (queue_.empty()) return requests_ == 0 ? Wait::head : Wait::idle;
  return ended_ ? Wait::half_closed : Wait::none;
}

void Connection::set_deadline() {
  const auto due = awaited();
  if (due == wait() && requests_ == deadline_request_) return;
  deadline_request_ = requests_;
  deadline_bytes_ = due == Wait::write ? sent_ : received_;
  loop_.begin_wait(*this, due);
}

bool Connection::has_kept_pace() const {
  const auto bytes = (wait() == Wait::write ? sent_ : received_) - deadline_bytes_;
  return bytes >= bytes_at(service_.options.limits.slowest, loop_.limit(wait()));
}

void Connection::out_of_time() {
  const auto self = shared_from_this();
  const auto over = wait();
  if ((over == Wait::body || over == Wait::write) && has_kept_pace()) {
    leave();
    return set_deadline();
  }
  leave();
  switch (over) {
    case Wait::none: return;
    case Wait::write: return cut_off();
    case Wait::idle: return end();
    case Wait::half_closed:
    case Wait::linger: return close();
    case Wait::head:
    case Wait::body: break;
  }
  Counters::add(service_.counters.timed_out);
  if (!reads_request() || skips_body_) return close();
  const char* const what = over == Wait::head ? "the head of the request" : "the body";
  const auto seconds = std::chrono::duration<double>(loop_.limit(over)).count();
  std::string text = std::to_string(seconds);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  refuse(reader_->head(), {408, std::string(what) + " did not come within " + text + " s"});
  turn();
}

void Connection::drain() {
  const auto self = shared_from_this();
  if (transport_.shaking_hands()) return close();
  for (const auto& exchange : std::vector(queue_)) {
    if (exchange->stage() == Exchange::Stage::streaming && !exchange->ended()) exchange->give_up();
  }
  turn();
}

void Connection::cut_off() {
  if (closed_) return;
  Counters::add(service_.counters.cut_off);
  transport_.reset_on_close();
  close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  taker_.reset();
  const auto self = shared_from_this();
  leave();
  loop_.unwatch(transport_.socket());
  transport_.close();
  for (const auto& exchange : std::exchange(queue_, {})) exchange->lose();
  loop_.forget(self);
}

Response Connection::answer_to_lost(const Exchange::About& about) const {
  Request request;
  request.method = about.method;
  request.target = about.target;
  request.id = about.id;
  request.peer = peer_;
  service_.log(Severity::error, "nobody answered request " + about.id + ", " + about.method + " " + about.target);
  return service_.refuse(&request, {500, "the server lost this request; it is in the log", {}, false});
}

}  // namespace coremachine::http
