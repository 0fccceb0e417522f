// What a connection does with what comes in.
#include "triggers/http/server/connection.hpp"
#include "triggers/http/wire/response_writer.hpp"

namespace coremachine::http {

namespace {

constexpr std::uint64_t skipped_body = 64 * 1024;             // of a request that is refused, to keep the connection
constexpr std::size_t held_answers = 256 * 1024;              // bytes; beyond, no more requests are begun
constexpr std::uint64_t dropped_before_answer = 1024 * 1024;  // bytes after the last request
constexpr std::uint64_t dropped_at_most = 64 * 1024 * 1024;

constexpr std::string_view speak_tls =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 44\r\n"
    "connection: close\r\n\r\nThis port speaks HTTPS; begin with https://\n";
static_assert(speak_tls.size() - speak_tls.find("This") == 44);

bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

Exchange::About about(const Request& request) {
  return {request.id,
          request.method,
          request.target,
          request.minor_version,
          request.method == "HEAD",
          is_safe(request.method),
          !request.keep_alive,
          std::chrono::steady_clock::now()};
}

}  // namespace

bool Connection::shake_hands() {
  switch (transport_.handshake().kind) {
    case Transfer::Kind::done: readable_ = true; return true;
    case Transfer::Kind::wants_read: readable_ = false; return false;
    case Transfer::Kind::wants_write: writable_ = false; return false;
    case Transfer::Kind::end:
    case Transfer::Kind::broken: break;
  }
  Counters::add(service_.counters.failed_handshakes);
  if (!transport_.heard_plain_http()) {
    close();
    return false;
  }
  transport_.give_up_tls();
  output().append(speak_tls);
  closing_ = last_ = true;
  return true;
}

bool Connection::wants_to_read() const {
  if (ended_) return false;
  if (lingering_) return true;
  if (last_) return dropped_ < dropped_before_answer;
  return !blocked_ && !holds_body_;
}

void Connection::read() {
  while (readable_ && reads_left_ > 0 && !closed_ && wants_to_read()) {
    --reads_left_;
    auto& buffer = loop_.read_buffer();
    const auto got = transport_.read(buffer.data(), buffer.size());
    switch (got.kind) {
      case Transfer::Kind::done:
        readable_ = got.count == buffer.size() || ends_ || transport_.secure();
        take({buffer.data(), got.count});
        break;
      case Transfer::Kind::wants_read: readable_ = false; break;
      case Transfer::Kind::wants_write: readable_ = writable_ = false; break;
      case Transfer::Kind::end:
        ended_ = true;
        if (lingering_) close();
        break;
      case Transfer::Kind::broken: close(); break;
    }
  }
}

void Connection::take(std::string_view bytes) {
  received_ += bytes.size();
  Counters::add(service_.counters.bytes_in, bytes.size());
  if (last_) {
    dropped_ += bytes.size();
    if (dropped_ > dropped_at_most) close();
    return;
  }
  if (!reader_) {
    auto limits = service_.options.message;
    limits.body = UINT64_MAX;  // the application says for each request
    reader_ = std::make_unique<RequestReader>(limits, peer_, transport_.secure());
  }
  reader_->feed(bytes);
  read_requests();
}

bool Connection::reads_request() const {
  return reader_ && !last_ && reader_->started();
}

void Connection::read_requests() {
  blocked_ = false;
  while (!last_) {
    switch (reader_->state()) {
      case RequestReader::State::needs_head: return;
      case RequestReader::State::head_ready:
        if (!may_begin()) {
          blocked_ = true;
          return;
        }
        begin_request();
        break;
      case RequestReader::State::needs_body:
        owes_continue_ = reader_->wants_continue() && !sent_continue_;
        hand_on_body();
        return;
      case RequestReader::State::complete: end_request(); break;
      case RequestReader::State::refused: refuse(reader_->head(), reader_->refusal()); break;
    }
  }
}

// RFC 9112, 9.3.2: side by side may be answered what changes nothing. What does change something is handed over in its
// order, one without waiting for the other, so that clients who send many of them share the syncs.
bool Connection::may_begin() const {
  if (queue_.empty() && out_.empty()) return true;
  auto held = out_.size();
  for (const auto& exchange : queue_) held += exchange->held();
  if (held > held_answers || queue_.size() >= service_.options.limits.pipelined) return false;
  return queue_.empty() || queue_.back()->about().safe == is_safe(reader_->head()->method);
}

void Connection::begin_request() {
  ++requests_;
  sent_continue_ = owes_continue_ = skips_body_ = false;
  const auto& head = *reader_->head();
  if (surplus_) {
    Counters::add(service_.counters.over_capacity);
    return refuse(&head, {503, "there are too many connections; try again in a moment", {{"retry-after", "1"}}});
  }
  const auto refusal = service_.admit(head);
  if (!refusal) {
    return begin_body(head);
  }
  auto described = about(head);
  auto response = service_.refuse(&head, *refusal);
  skips_body_ = reader_->skip_body(skipped_body);
  described.last = described.last || !skips_body_;
  answer(std::move(described), std::move(response));
}

void Connection::begin_body(const Request& head) {
  taker_ = service_.receive(head);
  if (taker_) {
    // The taker may be kept by what it calls.
    taker_->set_resume([mailbox = loop_.mailbox(), self = weak_from_this()] { mailbox->put_room(self); });
  }
  reader_->read_body(service_.body_limit(head));
}

void Connection::hand_on_body() {
  if (!taker_) return;
  auto piece = reader_->take_body_part();
  if (!piece.empty() && !service_.take(*taker_, std::move(piece))) holds_body_ = true;
}

void Connection::end_request() {
  hand_on_body();
  auto request = reader_->take();
  request.taker = std::move(taker_);
  holds_body_ = false;
  owes_continue_ = false;  // the body came without it
  if (std::exchange(skips_body_, false)) return;
  const auto exchange = open_exchange(about(request));
  service_.handle(std::move(request), Reply(exchange));
}

void Connection::refuse(const Request* request, const Refusal& refusal) {
  taker_.reset();
  Request unread;  // its problem is to have the id that its header has
  if (!request) {
    unread.id = make_request_id();
    request = &unread;
  }
  auto described = about(*request);
  described.last = true;
  auto response = service_.refuse(request, refusal);
  answer(std::move(described), std::move(response));
}

void Connection::answer(Exchange::About described, Response response) {
  open_exchange(std::move(described))->take(Letter::Answer{std::move(response)});
}

std::shared_ptr<Exchange> Connection::open_exchange(Exchange::About described) {
  last_ = last_ || described.last;
  return queue_.emplace_back(std::make_shared<Exchange>(*this, loop_, std::move(described)));
}

}  // namespace coremachine::http
