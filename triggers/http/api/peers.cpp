#include "triggers/http/api/peers.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>

#include "core/model/value_parser.hpp"
#include "triggers/http/api/peer_message.hpp"
#include "triggers/http/api/peer_way.hpp"
#include "triggers/http/api/problem.hpp"

namespace coremachine::http {
namespace {

/// How long others are waited for at the end.
constexpr Milliseconds patience_at_the_end{1'000};
/// Nobody waits for longer than a minute for what goes well; bulk operations alone may take longer.
constexpr int looks_until_asked = 5;
constexpr int looks_until_given_up = 10;

Response no_answer(const std::string& request_id) {
  constexpr auto why = "the server that has this job did not answer; another one will have it in a moment";
  return to_response(unavailable(why, std::chrono::seconds{5}), request_id);
}

}  // namespace

PeerDesk::PeerDesk(PeerLink& link, Hooks hooks) : link_(link), hooks_(std::move(hooks)), outbox_(link) {}

PeerDesk::~PeerDesk() {
  close(Milliseconds{0});
}

void PeerDesk::warn(const std::string& message) const {
  if (hooks_.warn) hooks_.warn(message);
}

void PeerDesk::tell(Name name, std::string_view kind, std::function<void()> lost) {
  outbox_.put({name.first, text_of_message({}, kind, name.second), {}, std::move(lost)});
}

// ---- what is passed on ----

void PeerDesk::pass_on(Peer to, const Request& request, std::unique_ptr<Outlet> outlet) {
  const auto passed = std::make_shared<Passed>();
  passed->name = {to, ++last_};
  passed->request_id = request.id;
  passed->outlet = std::move(outlet);
  // Before anybody could answer it: an outlet is not told two things at a time.
  passed->outlet->on_gone([this, weak = std::weak_ptr(passed)] {
    if (const auto mine = weak.lock()) client_has_gone(*mine);
  });
  if (!enter(passed, request)) give_up(*passed);
}

/// False: it cannot be passed on.
bool PeerDesk::enter(const PassedPtr& passed, const Request& request) {
  const auto name = passed->name;
  const auto ends_here = [&] { return closed_ || gone_.contains(name.first); };
  {
    const std::lock_guard lock(mutex_);
    if (passed->gone || ends_here()) return passed->gone;
  }
  auto text = text_of_message(message_of(request), "request", name.second);
  const std::lock_guard lock(mutex_);
  if (passed->gone) return true;
  // With the mutex held, so that the peer hears of the request before it hears that the client has gone.
  if (ends_here() || !outbox_.offer({name.first, std::move(text), {}, [this, name] { give_up(name); }})) return false;
  passed_.emplace(name, passed);
  return true;
}

void PeerDesk::client_has_gone(Passed& passed) {
  {
    const std::lock_guard lock(mutex_);
    passed.gone = true;
  }
  if (take_out(passed.name)) tell(passed.name, "gone");
}

/// What it was asked for will not come.
void PeerDesk::give_up(Name name) {
  if (const auto mine = take_out(name)) give_up(*mine);
}

/// A stream breaks off where it is dropped.
void PeerDesk::give_up(Passed& passed) {
  if (!passed.streams) passed.outlet->send(no_answer(passed.request_id));
}

PeerDesk::PassedPtr PeerDesk::find(Name name) {
  const std::lock_guard lock(mutex_);
  const auto found = passed_.find(name);
  return found == passed_.end() ? nullptr : found->second;
}

PeerDesk::PassedPtr PeerDesk::take_out(Name name) {
  const std::lock_guard lock(mutex_);
  const auto found = passed_.find(name);
  if (found == passed_.end()) return nullptr;
  auto passed = std::move(found->second);
  passed_.erase(found);
  changed_.notify_all();
  return passed;
}

// ---- what comes ----

void PeerDesk::take(Peer from, std::string_view text) {
  try {
    read(from, text);
  } catch (const std::exception&) {
    // Not even that it cannot be read could be told; who waits for it asks.
  }
}

void PeerDesk::read(Peer from, std::string_view text) {
  std::string kind;
  std::optional<Name> name;
  try {
    const auto parsed = parse_value(text);
    const auto& message = parsed.as_object();
    kind = text_of(message, "kind");
    name = Name{from, message.at("id").to_number<std::uint64_t>()};
    if (!is_repeat(from, message)) act(kind, *name, message);
  } catch (const std::exception& error) {
    // Whoever waits for it is told.
    if (name && kind == "request") tell(*name, "broken");
    if (name && (kind == "answer" || kind == "more")) give_up(*name);
    warn("a message of another server cannot be read" + (kind.empty() ? "" : " (" + kind + ")") + ": " + error.what());
  }
}

bool PeerDesk::is_repeat(Peer from, const json::object& message) {
  const auto* said = message.if_contains("number");
  if (!said) return false;  // it is from a server of before there were numbers
  const auto number = said->to_number<std::uint64_t>();
  const std::lock_guard lock(mutex_);
  auto& last = taken_[from];
  return number <= std::exchange(last, std::max(last, number));
}

void PeerDesk::act(std::string_view kind, Name name, const json::object& message) {
  if (kind == "request") return take_request(name, message);
  if (kind == "answer") return take_answer(name, message);
  if (kind == "more") return take_more(name, message);
  if (kind == "works") return note_heard(name);
  if (kind == "broken") return give_up(name);
  if (kind == "end") {
    const auto over = take_out(name);
    if (!over) return;
    return over->flow ? over->flow->end() : give_up(*over);
  }
  const auto answering = way(name);
  if (kind == "ask") return tell(name, answering ? "works" : "broken");
  if (!answering) return;
  if (kind == "gone") return answering->client_has_gone();
  if (kind == "drained") return answering->drained();
}

void PeerDesk::take_request(Name name, const json::object& message) {
  auto request = request_of(message);
  const auto way = std::make_shared<Way>(*this, name);
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    if (gone_.contains(name.first)) return;
    taken = !closed_;
    if (taken) ways_.emplace(name, way);
  }
  if (!taken) return tell(name, "broken");
  auto outlet = std::make_unique<WayOutlet>(way, request.id);
  hooks_.answer(std::move(request), std::move(outlet));
}

void PeerDesk::take_answer(Name name, const json::object& message) {
  auto response = response_of(message);
  if (message.at("streams").as_bool()) return take_stream(name, std::move(response));
  if (const auto over = take_out(name)) return over->outlet->send(std::move(response));
  if (hooks_.too_late && message.contains("hands_out")) hooks_.too_late(name.first, response);
}

void PeerDesk::take_stream(Name name, Response head) {
  PassedPtr waiting;
  {
    const std::lock_guard lock(mutex_);
    const auto found = passed_.find(name);
    if (found != passed_.end()) {
      waiting = found->second;
      waiting->streams = true;
      waiting->looks = 0;
    }
  }
  auto flow = waiting ? waiting->outlet->stream(std::move(head)) : nullptr;
  if (!flow) {
    const auto dropped = take_out(name);
    return tell(name, "gone");
  }
  {
    const std::lock_guard lock(mutex_);
    waiting->flow = flow;
  }
  flow->on_gone([this, weak = std::weak_ptr(waiting)] {
    if (const auto mine = weak.lock()) client_has_gone(*mine);
  });
  // Where that is lost nothing more would come.
  flow->on_drained([this, name] { tell(name, "drained", [this, name] { give_up(name); }); });
}

void PeerDesk::take_more(Name name, const json::object& message) {
  const auto waiting = find(name);
  if (!waiting || !waiting->flow) return;
  note_heard(name);
  if (waiting->flow->write(text_of(message, "bytes"))) return;
  if (take_out(name)) tell(name, "gone");
}

std::shared_ptr<PeerDesk::Way> PeerDesk::way(Name name) {
  const std::lock_guard lock(mutex_);
  const auto found = ways_.find(name);
  return found == ways_.end() ? nullptr : found->second;
}

// ---- when nothing is heard ----

void PeerDesk::note_heard(Name name) {
  const std::lock_guard lock(mutex_);
  const auto found = passed_.find(name);
  if (found != passed_.end()) found->second->looks = 0;
}

void PeerDesk::look_around() {
  std::vector<Name> silent;
  std::vector<Name> lost;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, each] : passed_) {
      ++each->looks;
      if (each->looks == looks_until_asked) silent.push_back(name);
      if (each->looks >= looks_until_given_up) lost.push_back(name);
    }
  }
  for (const auto& name : silent) tell(name, "ask");
  for (const auto& name : lost) {
    give_up(name);
    tell(name, "gone");
  }
}

// ---- when it is over ----

void PeerDesk::peer_has_gone(Peer peer) {
  std::vector<PassedPtr> waiting;
  std::vector<std::shared_ptr<Way>> answering;
  {
    const std::lock_guard lock(mutex_);
    gone_.insert(peer);
    for (const auto& [name, each] : passed_) {
      if (name.first == peer) waiting.push_back(each);
    }
    for (const auto& [name, each] : ways_) {
      if (name.first == peer) answering.push_back(each);
    }
    std::erase_if(passed_, [&](const auto& entry) { return entry.first.first == peer; });
    std::erase_if(ways_, [&](const auto& entry) { return entry.first.first == peer; });
    changed_.notify_all();
  }
  for (const auto& each : waiting) give_up(*each);
  for (const auto& each : answering) each->client_has_gone();
}

void PeerDesk::close(Milliseconds at_most) {
  const auto until = std::chrono::steady_clock::now() + at_most;
  std::map<Name, PassedPtr> left;
  std::vector<std::shared_ptr<Outflow>> flows;
  {
    std::unique_lock lock(mutex_);
    closed_ = true;
    const auto all_stream = [this] {
      return std::all_of(passed_.begin(), passed_.end(), [](const auto& entry) { return entry.second->streams; });
    };
    changed_.wait_for(lock, std::min(at_most / 2, patience_at_the_end), all_stream);
    left.swap(passed_);
    for (const auto& [name, each] : left) {
      if (each->flow) flows.push_back(each->flow);
    }
  }
  for (const auto& flow : flows) flow->end();
  for (const auto& [name, each] : left) {
    give_up(*each);
    tell(name, "gone");
  }
  const auto rest = std::chrono::duration_cast<Milliseconds>(until - std::chrono::steady_clock::now());
  outbox_.close(std::max(rest, Milliseconds{0}));
}

}  // namespace coremachine::http
