#include "triggers/http/api/peers.hpp"

#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "triggers/http/api/problem.hpp"

namespace coremachine::http {
namespace {

json::array to_json(const std::vector<Field>& fields) {
  json::array list;
  for (const auto& field : fields) list.push_back(json::array{field.name, field.value});
  return list;
}

std::string text_of(const json::object& from, std::string_view name) {
  const auto* value = from.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<Field> fields_of(const json::object& from) {
  std::vector<Field> fields;
  for (const auto& each : from.at("fields").as_array()) {
    const auto& pair = each.as_array();
    fields.push_back({std::string(pair.at(0).as_string()), std::string(pair.at(1).as_string())});
  }
  return fields;
}

Response response_of(const json::object& from) {
  return {from.at("status").to_number<int>(), fields_of(from), text_of(from, "body")};
}

Response no_answer(const std::string& request_id) {
  auto problem = problem_of(503, "the server that has this job did not answer; another one will have it in a moment");
  problem.fields.push_back({"retry-after", "5"});
  return to_response(problem, request_id);
}

}  // namespace

/// What a peer is answered by, as long as the answer goes on.
class PeerDesk::Way {
 public:
  Way(PeerDesk& desk, Name name) : desk_(desk), name_(name) {}

  bool tell(std::string_view kind, json::object message = {}) {
    if (gone()) return false;
    desk_.tell(name_, kind, std::move(message));
    return true;
  }
  void forget() {
    const std::lock_guard lock(desk_.mutex_);
    desk_.ways_.erase(name_);
  }
  bool gone() {
    const std::lock_guard lock(mutex_);
    return gone_;
  }
  void on_gone(std::function<void()> then) {
    {
      const std::lock_guard lock(mutex_);
      if (!gone_) {
        on_gone_ = std::move(then);
        return;
      }
    }
    then();
  }
  void on_drained(std::function<void()> then) {
    const std::lock_guard lock(mutex_);
    on_drained_ = std::move(then);
  }
  void client_has_gone() {
    std::function<void()> then;
    {
      const std::lock_guard lock(mutex_);
      gone_ = true;
      then = std::exchange(on_gone_, nullptr);
      on_drained_ = nullptr;
    }
    if (then) then();
  }
  void drained() {
    std::function<void()> then;
    {
      const std::lock_guard lock(mutex_);
      then = on_drained_;
    }
    if (then) then();
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    on_gone_ = on_drained_ = nullptr;
  }

 private:
  PeerDesk& desk_;
  const Name name_;
  std::mutex mutex_;
  bool gone_ = false;
  std::function<void()> on_gone_;
  std::function<void()> on_drained_;
};

class PeerDesk::WayFlow : public Outflow {
 public:
  explicit WayFlow(std::shared_ptr<Way> way) : way_(std::move(way)) {}
  ~WayFlow() override {
    if (!ended_) way_->tell("broken");
    way_->let_go();
    way_->forget();
  }
  bool write(std::string bytes) override { return way_->tell("more", {{"bytes", std::move(bytes)}}); }
  void end() override {
    ended_ = true;
    way_->tell("end");
  }
  void on_gone(std::function<void()> then) override { way_->on_gone(std::move(then)); }
  void on_drained(std::function<void()> then) override { way_->on_drained(std::move(then)); }

 private:
  const std::shared_ptr<Way> way_;
  std::atomic<bool> ended_{false};
};

class PeerDesk::WayOutlet : public Outlet {
 public:
  explicit WayOutlet(std::shared_ptr<Way> way) : way_(std::move(way)) {}
  ~WayOutlet() override {
    if (way_) send(to_response(problem_of(500, "the request was dropped without an answer"), {}));
  }
  void send(Response response) override {
    const auto way = std::exchange(way_, nullptr);
    way->tell("answer", head_of(response, false));
    way->let_go();
    way->forget();
  }
  std::shared_ptr<Outflow> stream(Response head) override {
    const auto way = std::exchange(way_, nullptr);
    way->tell("answer", head_of(head, true));
    return std::make_shared<WayFlow>(way);
  }
  void on_gone(std::function<void()> then) override {
    if (way_) way_->on_gone(std::move(then));
  }

 private:
  static json::object head_of(const Response& response, bool streams) {
    return {{"status", response.status},
            {"fields", to_json(response.fields)},
            {"body", response.body},
            {"streams", streams}};
  }
  std::shared_ptr<Way> way_;
};

PeerDesk::PeerDesk(PeerLink& link, Answer answer, TooLate too_late)
    : link_(link), answer_(std::move(answer)), too_late_(std::move(too_late)) {}
PeerDesk::~PeerDesk() = default;

void PeerDesk::tell(Name name, std::string_view kind, json::object message) {
  message["kind"] = kind;
  message["id"] = name.second;
  try {
    link_.send(name.first, json::serialize(message));
  } catch (const Failure&) {
    // The peer, or this server, is about to be replaced: whoever waits is told so then.
  }
}

void PeerDesk::pass_on(Peer to, const Request& request, std::unique_ptr<Outlet> outlet) {
  const auto kept = std::make_shared<Passed>();
  Name name{to, 0};
  {
    const std::lock_guard lock(mutex_);
    name.second = ++last_;
    passed_.emplace(name, kept);
  }
  outlet->on_gone([this, name] { client_has_gone(name); });
  kept->outlet = std::move(outlet);
  kept->request_id = request.id;
  json::object message{{"kind", "request"},
                       {"id", name.second},
                       {"method", request.method},
                       {"target", request.target},
                       {"fields", to_json(request.fields)},
                       {"body", request.body},
                       {"peer", request.peer},
                       {"request_id", request.id}};
  try {
    link_.send(to, json::serialize(message));
  } catch (const Failure&) {
    if (const auto mine = take_out(name)) mine->outlet->send(no_answer(request.id));
    return;
  }
  bool gone = false;
  {
    const std::lock_guard lock(mutex_);
    kept->sent = true;
    gone = kept->gone;
  }
  if (gone) client_has_gone(name);
}

/// The peer hears of it after the request.
void PeerDesk::client_has_gone(Name name) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = passed_.find(name);
    if (found == passed_.end()) return;
    found->second->gone = true;
    if (!found->second->sent) return;
    passed_.erase(found);
  }
  tell(name, "gone");
}

void PeerDesk::take(Peer from, std::string_view text) {
  const auto parsed = json::parse(text);
  const auto& message = parsed.as_object();
  const Name name{from, message.at("id").to_number<std::uint64_t>()};
  const auto kind = text_of(message, "kind");
  if (kind == "request") return take_request(name, message);
  if (kind == "answer") return take_answer(name, message);
  if (kind == "more") return take_more(name, message);
  if (kind == "end" || kind == "broken") {
    const auto over = take_out(name);
    if (over && over->flow && kind == "end") over->flow->end();
    return;
  }
  const auto answering = way(name);
  if (!answering) return;
  if (kind == "gone") return answering->client_has_gone();
  if (kind == "drained") return answering->drained();
}

void PeerDesk::take_request(Name name, const json::object& message) {
  Request request;
  request.method = text_of(message, "method");
  request.target = text_of(message, "target");
  request.fields = fields_of(message);
  request.body = text_of(message, "body");
  request.peer = text_of(message, "peer");
  request.id = text_of(message, "request_id");
  const auto way = std::make_shared<Way>(*this, name);
  {
    const std::lock_guard lock(mutex_);
    ways_.emplace(name, way);
  }
  answer_(std::move(request), std::make_unique<WayOutlet>(way));
}

void PeerDesk::take_answer(Name name, const json::object& message) {
  if (!message.at("streams").as_bool()) {
    if (const auto over = take_out(name)) return over->outlet->send(response_of(message));
    if (too_late_) too_late_(name.first, response_of(message));
    return;
  }
  const auto waiting = passed(name);
  if (!waiting) return tell(name, "gone");
  waiting->flow = waiting->outlet->stream(response_of(message));
  if (!waiting->flow) return;
  waiting->flow->on_gone([this, name] { client_has_gone(name); });
  waiting->flow->on_drained([this, name] { tell(name, "drained"); });
}

void PeerDesk::take_more(Name name, const json::object& message) {
  const auto waiting = passed(name);
  if (!waiting || !waiting->flow) return;
  if (waiting->flow->write(text_of(message, "bytes"))) return;
  if (take_out(name)) tell(name, "gone");
}

void PeerDesk::peer_has_gone(Peer peer) {
  std::vector<std::shared_ptr<Passed>> waiting;
  std::vector<std::shared_ptr<Way>> answering;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, each] : passed_) {
      if (name.first == peer) waiting.push_back(each);
    }
    for (const auto& [name, each] : ways_) {
      if (name.first == peer) answering.push_back(each);
    }
    std::erase_if(passed_, [&](const auto& entry) { return entry.first.first == peer; });
    std::erase_if(ways_, [&](const auto& entry) { return entry.first.first == peer; });
  }
  for (const auto& each : waiting) {
    if (!each->flow) each->outlet->send(no_answer(each->request_id));
  }
  for (const auto& each : answering) each->client_has_gone();
}

std::shared_ptr<PeerDesk::Passed> PeerDesk::passed(Name name) {
  const std::lock_guard lock(mutex_);
  const auto found = passed_.find(name);
  return found == passed_.end() ? nullptr : found->second;
}

std::shared_ptr<PeerDesk::Passed> PeerDesk::take_out(Name name) {
  const std::lock_guard lock(mutex_);
  const auto found = passed_.find(name);
  if (found == passed_.end()) return nullptr;
  auto passed = std::move(found->second);
  passed_.erase(found);
  return passed;
}

std::shared_ptr<PeerDesk::Way> PeerDesk::way(Name name) {
  const std::lock_guard lock(mutex_);
  const auto found = ways_.find(name);
  return found == ways_.end() ? nullptr : found->second;
}

}  // namespace coremachine::http
