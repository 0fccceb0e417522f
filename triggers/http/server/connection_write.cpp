// What a connection does with answers.
#include <algorithm>

#include "triggers/http/server/connection.hpp"
#include "triggers/http/wire/response_writer.hpp"

namespace coremachine::http {
namespace {

/// What an answer says of itself; the rest is of its request.
Answered note_of(const Response& response, int status, std::uint64_t bytes) {
  Answered what;
  what.route = response.route;
  what.subject = response.subject;
  what.status = status;
  what.bytes = bytes;
  return what;
}

}  // namespace

std::string& Connection::output() {
  if (!out_.has_buffer()) out_.exchange_buffer(loop_.borrow_buffer());
  return out_.text();
}

void Connection::collect() {
  std::size_t done = 0;
  for (; done < queue_.size() && !closing_; ++done) {
    auto& exchange = *queue_[done];
    if (exchange.stage() == Exchange::Stage::waiting) break;
    if (exchange.stage() == Exchange::Stage::streaming) {
      if (!write_stream(exchange)) break;
    } else {
      write_answer(exchange);
    }
  }
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(done));
  if (queue_.empty() && owes_continue_ && !last_ && reader_->wants_continue()) {
    output().append(continue_response);
    owes_continue_ = false;
    sent_continue_ = true;
  }
}

bool Connection::keeps_alive_after(const Exchange& exchange) const {
  if (exchange.about().last) return false;
  return !draining() || queue_.back().get() != &exchange || reads_request();
}

void Connection::write_answer(Exchange& exchange) {
  const auto& asked = exchange.about();
  const bool keep_alive = keeps_alive_after(exchange);
  const auto& response = exchange.response();
  const bool sound =
      append_response(output(), response, {asked.minor_version, keep_alive, asked.head_only, asked.id, loop_.date()});
  if (!sound)
    service_.log(Severity::error, "the answer to " + asked.method + " " + asked.target + " cannot be written");
  const auto bytes = sound && !asked.head_only ? response.body.size() : 0;
  note(exchange, note_of(response, sound ? response.status : 500, bytes));
  end_of(exchange, keep_alive);
}

void Connection::end_of(Exchange& exchange, bool keep_alive) {
  exchange.finish();
  if (!keep_alive) closing_ = last_ = true;
}

void Connection::begin_stream(Exchange& exchange) {
  const auto& asked = exchange.about();
  stream_is_counted_ = says_length(exchange.response());
  stream_keeps_alive_ = keeps_alive_after(exchange) && (asked.minor_version > 0 || stream_is_counted_);
  stream_note_ = note_of(exchange.response(), exchange.response().status, exchange.response().body.size());
  in_flight_ = 0;
  const bool sound =
      append_stream_head(output(), exchange.response(),
                         {asked.minor_version, stream_keeps_alive_, asked.head_only, asked.id, loop_.date()});
  stream_has_pieces_ = sound && !asked.head_only;
  if (!sound) {
    stream_note_.status = 500;
    service_.log(Severity::error,
                 "the head of the answer to " + asked.method + " " + asked.target + " cannot be written");
    exchange.give_up();
  }
  exchange.head_written();
}

// True when it is over.
bool Connection::write_stream(Exchange& exchange) {
  if (exchange.head_due()) begin_stream(exchange);
  const auto& asked = exchange.about();
  const auto pieces = exchange.take_pending();
  if (stream_has_pieces_) {
    append_piece(output(), pieces, stream_is_counted_ ? 0 : asked.minor_version);
    in_flight_ += pieces.size();
    stream_note_.bytes += pieces.size();
  }
  if (!exchange.ended()) return false;
  const bool whole = !stream_has_pieces_ || !exchange.broken_off();
  if (stream_has_pieces_ && whole && !stream_is_counted_) append_stream_end(output(), asked.minor_version);
  // Without chunks, an orderly end of the connection would pass for the end of the answer.
  resets_ = !whole && asked.minor_version == 0 && !stream_is_counted_;
  if (!stream_has_pieces_) stream_note_.bytes = 0;
  note(exchange, std::move(stream_note_));
  in_flight_ = 0;
  end_of(exchange, whole && stream_keeps_alive_);
  return true;
}

void Connection::note(const Exchange& exchange, Answered what) {
  const auto digit = static_cast<std::size_t>(std::clamp(what.status / 100, 0, 5));
  Counters::add(service_.counters.answers[digit]);
  if (!service_.wants_answered()) return;
  const auto& asked = exchange.about();
  what.id = asked.id;
  what.method = asked.method;
  what.target = asked.target;
  what.peer = peer_;
  // The time it took is known when it has left; until then this is when it began.
  what.took = asked.begun.time_since_epoch();
  notes_.emplace_back(sent_ + out_.size(), std::move(what));
}

void Connection::write() {
  while (!out_.empty() && writable_) {
    const auto put = transport_.write(out_.view());
    switch (put.kind) {
      case Transfer::Kind::done: account(put.count); break;
      case Transfer::Kind::wants_write: writable_ = false; break;
      case Transfer::Kind::wants_read: readable_ = writable_ = false; break;
      case Transfer::Kind::end:
      case Transfer::Kind::broken: return close();
    }
  }
  if (!out_.empty()) return;
  if (out_.has_buffer()) loop_.give_back_buffer(out_.exchange_buffer({}));
  if (!queue_.empty()) queue_.front()->drained();
}

void Connection::account(std::size_t bytes) {
  out_.consume(bytes);
  sent_ += bytes;
  Counters::add(service_.counters.bytes_out, bytes);
  const auto left = std::min(in_flight_, out_.size());
  if (left < in_flight_) queue_.front()->sent(in_flight_ - left);
  in_flight_ = left;
  while (!notes_.empty() && notes_.front().first <= sent_) {
    auto what = std::move(notes_.front().second);
    notes_.erase(notes_.begin());
    what.took = std::chrono::steady_clock::now().time_since_epoch() - what.took;
    service_.answered(what);
  }
}

}  // namespace coremachine::http
