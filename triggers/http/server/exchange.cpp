#include "triggers/http/server/exchange.hpp"

#include <boost/assert.hpp>

#include "triggers/http/server/connection.hpp"
#include "triggers/http/server/loop.hpp"

namespace coremachine::http {

namespace {

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

Exchange::Exchange(Connection& connection, Loop& loop, About about)
    : about_(std::move(about)),
      connection_(&connection),
      service_(loop.service()),
      mailbox_(loop.mailbox()),
      buffer_limit_(loop.service().options.limits.stream_buffer) {
  Counters::add(service_.counters.waiting);
}

void Exchange::enter(Stage stage) {
  if (stage_ == stage) return;
  if (stage_ == Stage::waiting) Counters::subtract(service_.counters.waiting);
  if (stage_ == Stage::streaming) Counters::subtract(service_.counters.streams);
  stage_ = stage;
  if (stage_ == Stage::streaming) Counters::add(service_.counters.streams);
}

void Exchange::tell(Letter::Content content) {
  mailbox_->put({shared_from_this(), std::move(content)});
}

void Exchange::tell_now(Letter::Content content) {
  // The connection looks at its exchanges when it has handed out its requests, and when its letters were read.
  if (mailbox_->is_mine() && connection_ && (runs_ || connection_->in_turn())) return take(std::move(content));
  tell(std::move(content));
}

void Exchange::close(Letter::Content how) {
  if (!unread_.exchange(true, std::memory_order_acq_rel)) tell(std::move(how));
}

bool Exchange::write(std::string bytes) {
  if (unread_.load(std::memory_order_acquire)) return false;
  const auto size = bytes.size();
  const auto before = queued_.fetch_add(size, std::memory_order_relaxed);
  if (before > 0 && before + size > buffer_limit_) {
    if (!unread_.exchange(true, std::memory_order_acq_rel)) tell(Letter::CutOff{});
    return false;
  }
  tell(Letter::Piece{std::move(bytes)});
  return true;
}

void Exchange::take(Letter::Content content) {
  const Overloaded act{
      [this](Letter::Answer& answer) {
        if (stage_ != Stage::waiting) return;
        enter(Stage::answered);
        response_ = std::move(answer.response);
        on_gone_ = nullptr;
      },
      [this](Letter::Lost&) {
        if (stage_ != Stage::waiting) return;
        enter(Stage::answered);
        response_ = connection_->answer_to_lost(about_);
        on_gone_ = nullptr;
      },
      [this](Letter::Begin& begin) { begin_stream(std::move(begin.head)); },
      [this](Letter::Piece& piece) {
        if (stage_ != Stage::streaming || ended_) return;
        pending_.empty() ? pending_.swap(piece.bytes) : void(pending_.append(piece.bytes));
        told_drained_ = false;
      },
      [this](Letter::End&) {
        if (ended_) return;
        end_stream();
      },
      [this](Letter::BreakOff&) {
        if (ended_) return;
        broken_off_ = true;
        end_stream();
      },
      [this](Letter::CutOff&) {
        if (connection_) connection_->cut_off();
      },
      [this](Letter::Run& run) {
        runs_ = true;
        service_.call(run.work, "run");
        runs_ = false;
      },
      [this](Letter::WhenGone& when) { call_when_gone(std::move(when.then)); },
      [this](Letter::WhenDrained& when) {
        if (stage_ != Stage::streaming || ended_) return;
        on_drained_ = std::move(when.then);
        told_drained_ = false;
      },
  };
  std::visit(act, content);
}

void Exchange::begin_stream(Response head) {
  if (stage_ != Stage::waiting) return;
  enter(Stage::streaming);
  head_due_ = true;
  response_ = std::move(head);
  on_gone_ = nullptr;
  if (about_.head_only || connection_->draining()) give_up();
}

void Exchange::head_written() {
  head_due_ = false;
  response_ = {};
}

void Exchange::call_when_gone(std::function<void()> then) {
  if (given_up_) return service_.call(then, "on_gone");
  if (is_open()) on_gone_ = std::move(then);
}

void Exchange::drained() {
  if (stage_ != Stage::streaming || ended_ || head_due_ || told_drained_ || !pending_.empty()) return;
  told_drained_ = true;
  if (on_drained_) service_.call(on_drained_, "on_drained");
}

void Exchange::end_stream() {
  ended_ = true;
  unread_.store(true, std::memory_order_release);
  on_gone_ = nullptr;
  on_drained_ = nullptr;
}

void Exchange::give_up() {
  const auto then = std::exchange(on_gone_, nullptr);
  given_up_ = true;
  end_stream();
  if (then) service_.call(then, "on_gone");
}

void Exchange::lose() {
  const bool open = is_open();
  connection_ = nullptr;
  enter(Stage::over);
  if (open) give_up();
}

Reply::Reply(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

Reply& Reply::operator=(Reply&& other) noexcept {
  if (this != &other) {
    const Reply dropped(std::move(*this));
    exchange_ = std::move(other.exchange_);
  }
  return *this;
}

Reply::~Reply() {
  if (exchange_) exchange_->tell_now(Letter::Lost{});
}

void Reply::send(Response response) {
  BOOST_ASSERT(exchange_);
  std::exchange(exchange_, nullptr)->tell_now(Letter::Answer{std::move(response)});
}

std::shared_ptr<Stream> Reply::stream(Response head) {
  BOOST_ASSERT(exchange_);
  auto exchange = std::exchange(exchange_, nullptr);
  exchange->tell_now(Letter::Begin{std::move(head)});
  return std::make_shared<Stream>(std::move(exchange));
}

void Reply::run(std::function<void()> work) {
  BOOST_ASSERT(exchange_);
  const auto exchange = exchange_;  // the work may answer, and let it go, before this returns
  exchange->tell(Letter::Run{std::move(work)});
}

void Reply::on_gone(std::function<void()> then) {
  BOOST_ASSERT(exchange_);
  exchange_->tell_now(Letter::WhenGone{std::move(then)});
}

Stream::Stream(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

Stream::~Stream() {
  exchange_->close(Letter::BreakOff{});
}

bool Stream::write(std::string bytes) {
  return exchange_->write(std::move(bytes));
}

void Stream::end() {
  exchange_->close(Letter::End{});
}

void Stream::on_gone(std::function<void()> then) {
  exchange_->tell(Letter::WhenGone{std::move(then)});
}

void Stream::on_drained(std::function<void()> then) {
  exchange_->tell(Letter::WhenDrained{std::move(then)});
}

}  // namespace coremachine::http
