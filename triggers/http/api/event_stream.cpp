#include "triggers/http/api/event_stream.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/model/json_text.hpp"
#include "core/model/utf8.hpp"
#include "triggers/http/api/answers.hpp"

namespace coremachine::http {
namespace {

/// At most so much is written at once, less than what a stream buffers, and no character is cut: each piece may go to
/// another server as text.
constexpr std::size_t piece = std::size_t{64} << 10U;
/// A client that has so much before it has lost touch.
constexpr std::size_t most_pending = std::size_t{8} << 20U;

bool is_last(const JobEvent& event) {
  constexpr std::string_view prefix = "job.";
  if (!event.name.starts_with(prefix)) return false;
  const auto status = job_status_from(std::string_view(event.name).substr(prefix.size()));
  return status && is_terminal(*status);
}

std::string text_of(const JobEvent& event) {
  std::string text = "id: " + std::to_string(event.sequence) + "\nevent: " + event.name + "\ndata: ";
  append_json(text, event.data);
  return text.append("\n\n");
}

}  // namespace

void EventStream::begin(JobId job, std::uint64_t after) {
  const auto self = shared_from_this();
  Parts parts;
  parts.seat = api_.streams().enter(std::nullopt, [self] { self->close(); });
  if (!parts.seat) {
    return call_->refuse(Error{ErrorCode::overloaded, "too many event streams are open already; come again"});
  }
  // What has happened is told before this returns.
  auto followed = api_.machine().follow(job, after, [self](const JobEvent& event) { self->take(event); });
  if (!followed) return api_.refuse(*call_, followed.error());
  parts.subscription = std::move(*followed);
  const auto view = api_.machine().job(job);
  const bool nothing_left = [&] {
    const std::lock_guard lock(mutex_);
    return after > 0 && pending_.empty() && view && is_terminal(view->status);
  }();
  // A browser comes back after the end of a stream, for ever, unless it is told that there is nothing more.
  if (nothing_left) return call_->send(Response{204, {{"cache-control", "no-store"}}, {}});
  if (call_->is_head()) return call_->send(event_stream_head());
  open(std::move(parts));
}

void EventStream::open(Parts parts) {
  parts.flow = call_->stream(event_stream_head());
  if (!parts.flow) return;
  const auto weak = weak_from_this();
  parts.flow->on_gone([weak] {
    if (const auto self = weak.lock()) self->close();
  });
  parts.flow->on_drained([weak] {
    if (const auto self = weak.lock()) self->drained();
  });
  Parts gone;
  {
    const std::lock_guard lock(mutex_);
    parts_ = std::move(parts);
    pending_.insert(0, "retry: 1000\n\n");
    gone = closed_ ? let_go() : write_more();
  }
  api_.timers().after(api_.options().heartbeat, [weak] {
    if (const auto self = weak.lock()) self->beat();
  });
}

void EventStream::take(const JobEvent& event) {
  auto text = text_of(event);
  Parts gone;
  const std::lock_guard lock(mutex_);
  // Before the stream is open, the past is told, where a retry may have overtaken an end.
  if (closed_ || (last_seen_ && parts_.flow)) return;
  last_seen_ = is_last(event);
  pending_ += text;
  if (parts_.flow) gone = pending_.size() > most_pending ? let_go() : write_more();
}

void EventStream::beat() {
  Parts gone;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (pending_.empty()) pending_ = ":\n\n";
    gone = write_more();
  }
  api_.timers().after(api_.options().heartbeat, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->beat();
  });
}

void EventStream::drained() {
  Parts gone;
  const std::lock_guard lock(mutex_);
  writing_ = false;
  gone = write_more();
}

void EventStream::close() {
  Parts gone;
  const std::lock_guard lock(mutex_);
  if (parts_.flow && !closed_) parts_.flow->end();
  gone = let_go();
}

EventStream::Parts EventStream::write_more() {
  if (closed_ || writing_ || !parts_.flow) return {};
  if (!pending_.empty()) {
    writing_ = true;
    auto text = pending_.substr(0, whole_characters(pending_, piece));
    pending_.erase(0, text.size());
    return parts_.flow->write(std::move(text)) ? Parts{} : let_go();
  }
  if (!last_seen_) return {};
  parts_.flow->end();
  return let_go();
}

EventStream::Parts EventStream::let_go() {
  closed_ = true;
  pending_.clear();
  return std::exchange(parts_, Parts{});
}

}  // namespace coremachine::http
