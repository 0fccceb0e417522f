#include "triggers/http/api/worker_routing.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include <boost/json/array.hpp>

#include "core/model/json_text.hpp"
#include "core/model/value_parser.hpp"
#include "triggers/http/api/answers.hpp"
#include "triggers/http/api/api.hpp"
#include "triggers/http/api/gathering.hpp"
#include "triggers/http/api/worker_report.hpp"

namespace coremachine::http {
namespace {

/// How long the others are waited for where what this server knows is an answer as well.
constexpr Milliseconds patience_with_others{1'000};
/// How long a poll waits to find what is there already.
constexpr auto a_glance = "2ms";
constexpr auto a_look = "20ms";

class Sink : public Outlet {
 public:
  void send(Response) override {}
  std::shared_ptr<Outflow> stream(Response) override { return nullptr; }
  void on_gone(std::function<void()>) override {}
};

Response no_tasks() {
  return json_response(200, R"({"tasks":[]})");
}

Request with_body(Request head, std::string body) {
  head.body = std::move(body);
  return head;
}

/// How long a poll waits; nothing: it says something else.
std::optional<Milliseconds> wait_in(const json::object& body) {
  constexpr Milliseconds usual{20'000};
  const auto* said = body.if_contains("wait");
  if (!said) return usual;
  return said->is_string() ? parse_wait(std::string(said->get_string())) : std::nullopt;
}

}  // namespace

/// A poll that is answered by whoever has tasks first.
struct WorkerRouting::Poll {
  Request head;      ///< without its body
  std::string text;  ///< of the body
  json::object body;
  bool waits = true;
  std::unique_ptr<Outlet> outlet;

  std::mutex mutex;
  bool gone = false;
  std::weak_ptr<Contest> contest;

  Request asking(const std::string& how_long) const {
    auto changed = body;
    changed["wait"] = how_long;
    std::string made;
    append_json(made, changed);
    return with_body(head, std::move(made));
  }
};

/// Several are asked, and one is listened to: who first has tasks. What others hand out as well goes back.
class WorkerRouting::Contest : public std::enable_shared_from_this<Contest> {
 public:
  /// Of nobody who had tasks: the answer that was final, if there was one.
  using Then = std::function<void(std::optional<Response> response)>;
  Contest(std::shared_ptr<WorkerRouting> routing, std::string request_id, std::size_t parts, Then then)
      : routing_(std::move(routing)),
        request_id_(std::move(request_id)),
        missing_(parts),
        gone_(parts),
        then_(std::move(then)) {}

  /// `peer`: nothing is this server. `is_final`: whatever it answers is listened to.
  std::unique_ptr<Outlet> part(std::size_t index, std::optional<Peer> peer, bool is_final);
  /// Nobody is listened to any more; `then` is told of nothing.
  void end();
  /// The same, but nobody waits to be told.
  void cancel();

 private:
  class Part;
  void add(std::size_t index, std::optional<Peer> peer, bool is_final, Response response);
  /// What is to be done when it is over. With the mutex held.
  std::function<void()> decide(std::optional<std::size_t> winner, std::optional<Response> response);
  void on_gone(std::size_t index, std::function<void()> then);

  const std::shared_ptr<WorkerRouting> routing_;
  const std::string request_id_;
  std::mutex mutex_;
  std::size_t missing_;
  bool over_ = false;
  std::vector<std::function<void()>> gone_;
  Then then_;
};

class WorkerRouting::Contest::Part : public Outlet {
 public:
  Part(std::shared_ptr<Contest> contest, std::size_t index, std::optional<Peer> peer, bool is_final)
      : contest_(std::move(contest)), index_(index), peer_(peer), is_final_(is_final) {}
  ~Part() override {
    if (!contest_ || contest_->routing_->api_.closed()) return;
    constexpr auto why = "the request was dropped without an answer";
    send(to_response(unavailable(why, std::chrono::seconds{1}), contest_->request_id_));
  }
  void send(Response response) override {
    std::exchange(contest_, nullptr)->add(index_, peer_, is_final_, std::move(response));
  }
  std::shared_ptr<Outflow> stream(Response) override { return nullptr; }
  void on_gone(std::function<void()> then) override {
    if (contest_) contest_->on_gone(index_, std::move(then));
  }

 private:
  std::shared_ptr<Contest> contest_;
  const std::size_t index_;
  const std::optional<Peer> peer_;
  const bool is_final_;
};

std::unique_ptr<Outlet> WorkerRouting::Contest::part(std::size_t index, std::optional<Peer> peer, bool is_final) {
  return std::make_unique<Part>(shared_from_this(), index, peer, is_final);
}

void WorkerRouting::Contest::add(std::size_t index, std::optional<Peer> peer, bool is_final, Response response) {
  std::function<void()> work;
  {
    const std::lock_guard lock(mutex_);
    if (over_) {
      if (!has_tasks(response)) return;
      work = [routing = routing_, peer, response = std::move(response)] {
        if (peer) return routing->give_back(*peer, response);
        routing->give_back_here(response);
      };
    } else if (is_final || has_tasks(response)) {
      work = decide(index, std::move(response));
    } else if (--missing_ == 0) {
      work = decide(std::nullopt, std::nullopt);
    } else {
      return;
    }
  }
  work();
}

std::function<void()> WorkerRouting::Contest::decide(std::optional<std::size_t> winner,
                                                     std::optional<Response> response) {
  over_ = true;
  auto losers = std::exchange(gone_, {});
  if (winner) losers.at(*winner) = nullptr;
  auto then = std::exchange(then_, nullptr);
  return [losers = std::move(losers), then = std::move(then), response = std::move(response)] {
    if (then) then(response);
    for (const auto& each : losers) {
      if (each) each();
    }
  };
}

void WorkerRouting::Contest::end() {
  std::function<void()> work;
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    work = decide(std::nullopt, std::nullopt);
  }
  work();
}

void WorkerRouting::Contest::cancel() {
  std::function<void()> work;
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    then_ = nullptr;
    work = decide(std::nullopt, std::nullopt);
  }
  work();
}

void WorkerRouting::Contest::on_gone(std::size_t index, std::function<void()> then) {
  {
    const std::lock_guard lock(mutex_);
    if (!over_) {
      gone_.at(index) = std::move(then);
      return;
    }
  }
  then();
}

void WorkerRouting::route(std::string_view operation, Request request, std::unique_ptr<Outlet> outlet) {
  if (operation == "pollTasks") return poll(std::move(request), std::move(outlet));
  if (operation == "leaveWorkers") return leave(std::move(request), std::move(outlet));
  split(std::move(request), std::move(outlet), operation == "renewLeases");
}

// ---- $poll ----

void WorkerRouting::poll(Request request, std::unique_ptr<Outlet> outlet) {
  std::vector<ParamFault> beyond;
  auto body = read_body(request.body, beyond);
  const bool is_fine = body && beyond.empty() && body->is_object() && wait_in(body->get_object());
  if (!is_fine || desk_.link().others().empty()) return here_(std::move(request), std::move(outlet));
  const auto poll = std::make_shared<Poll>();
  poll->body = std::move(body->get_object());
  poll->text = std::exchange(request.body, {});
  poll->head = std::move(request);
  poll->outlet = std::move(outlet);
  poll->waits = wait_in(poll->body) > Milliseconds{0};
  poll->outlet->on_gone([weak = std::weak_ptr(poll)] {
    const auto gone = weak.lock();
    if (!gone) return;
    std::shared_ptr<Contest> contest;
    {
      const std::lock_guard lock(gone->mutex);
      gone->gone = true;
      contest = gone->contest.lock();
    }
    if (contest) contest->cancel();
  });
  // Whoever has workers and work is to lend a hand to the others too.
  constexpr std::uint32_t once_in = 4;
  if (polls_.fetch_add(1) % once_in != once_in - 1) return ask_here(poll);
  ask_others(poll, [self = shared_from_this(), poll] { self->ask_here(poll); });
}

/// False: the client has gone.
bool WorkerRouting::begin(const std::shared_ptr<Poll>& poll, const std::shared_ptr<Contest>& contest) {
  const std::lock_guard lock(poll->mutex);
  poll->contest = contest;
  return !poll->gone;
}

/// Asks the others for what they have now; if they have nothing, or do not answer in time, `otherwise` goes on.
void WorkerRouting::ask_others(const std::shared_ptr<Poll>& poll, std::function<void()> otherwise) {
  const auto others = desk_.link().others();
  if (others.empty()) return otherwise();
  auto then = [poll, otherwise = std::move(otherwise)](std::optional<Response> response) {
    if (!response) return otherwise();
    poll->outlet->send(std::move(*response));
  };
  const auto contest = std::make_shared<Contest>(shared_from_this(), poll->head.id, others.size(), std::move(then));
  if (!begin(poll, contest)) return;
  const auto request = poll->asking(a_look);
  for (std::size_t i = 0; i < others.size(); ++i) desk_.pass_on(others[i], request, contest->part(i, others[i], false));
  api_.timers().after(patience_with_others, [contest] { contest->end(); });
}

/// What is refused here is refused.
void WorkerRouting::ask_here(const std::shared_ptr<Poll>& poll) {
  auto then = [self = shared_from_this(), poll](std::optional<Response> told) {
    if (!told || told->status != 200 || has_tasks(*told))
      return poll->outlet->send(std::move(told).value_or(no_tasks()));
    if (poll->waits) return self->wait_for_all(poll);
    self->ask_others(poll, [poll, nothing = *told] { poll->outlet->send(nothing); });
  };
  const auto contest = std::make_shared<Contest>(shared_from_this(), poll->head.id, 1, std::move(then));
  if (begin(poll, contest)) here_(poll->asking(a_glance), contest->part(0, std::nullopt, true));
}

/// Until this server says that the time is over.
void WorkerRouting::wait_for_all(const std::shared_ptr<Poll>& poll) {
  const auto others = desk_.link().others();
  auto then = [poll](std::optional<Response> told) { poll->outlet->send(std::move(told).value_or(no_tasks())); };
  const auto count = others.size() + 1;
  const auto contest = std::make_shared<Contest>(shared_from_this(), poll->head.id, count, std::move(then));
  if (!begin(poll, contest)) return;
  auto request = with_body(poll->head, poll->text);
  for (std::size_t i = 0; i < others.size(); ++i)
    desk_.pass_on(others[i], request, contest->part(i + 1, others[i], false));
  here_(std::move(request), contest->part(0, std::nullopt, true));
}

void WorkerRouting::give_back(Peer from, const Response& response) {
  if (has_tasks(response)) desk_.pass_on(from, return_of(response), std::make_unique<Sink>());
}

void WorkerRouting::give_back_here(const Response& response) {
  here_(return_of(response), std::make_unique<Sink>());
}

// ---- $complete and $heartbeat ----

struct WorkerRouting::Split {
  Request head;  ///< without its body
  std::unique_ptr<Outlet> outlet;
  bool is_heartbeat = false;
  WorkerReport said;
  std::vector<const WorkerReport::Item*> here;
  std::map<Peer, std::vector<const WorkerReport::Item*>> there;
  /// Of a server that is gone: whether they are here is not known yet.
  std::vector<const WorkerReport::Item*> doubtful;
  /// Nobody has them at the moment.
  std::set<LeaseId> nobodys;

  Response sum(const Gathering::Parts& parts) const;
};

void WorkerRouting::split(Request request, std::unique_ptr<Outlet> outlet, bool is_heartbeat) {
  auto said = WorkerReport::read(request.body);
  if (!said) return here_(std::move(request), std::move(outlet));
  const auto split = std::make_shared<Split>();
  split->said = std::move(*said);
  split->is_heartbeat = is_heartbeat;
  try {
    find_places(*split);
  } catch (const Failure& failure) {
    return outlet->send(to_response(problem_of(failure.error()), request.id));
  }
  if (split->there.empty() && split->doubtful.empty()) return here_(std::move(request), std::move(outlet));
  request.body.clear();
  split->head = std::move(request);
  split->outlet = std::move(outlet);
  if (split->doubtful.empty()) return send_parts(split);
  settle_doubts(split);
}

/// Asks the store.
void WorkerRouting::find_places(Split& split) {
  if (split.is_heartbeat) {
    for (const auto peer : desk_.link().others()) split.there[peer];
  }
  std::set<LeaseId> leases;
  for (const auto& item : split.said.items) leases.insert(item.lease);
  const auto places = desk_.link().places_of({leases.begin(), leases.end()});
  for (const auto& item : split.said.items) {
    const auto& place = places.at(item.lease);
    auto& list = place.peer ? split.there[*place.peer] : place.is_certain ? split.here : split.doubtful;
    list.push_back(&item);
  }
}

/// Which of the doubtful ones this server knows: a report of nothing is answered with how it stands with the lease.
void WorkerRouting::settle_doubts(const std::shared_ptr<Split>& split) {
  std::vector<RemoteReport> asked;
  for (const auto* item : split->doubtful) {
    if (split->nobodys.insert(item->lease).second) asked.push_back({item->lease, {}});
  }
  api_.machine().report_then({}, std::move(asked),
                             [self = shared_from_this(), split](const Result<std::vector<LeaseNews>>& news) {
                               if (news) {
                                 for (const auto& each : *news) {
                                   if (each.state != LeaseState::gone) split->nobodys.erase(each.lease);
                                 }
                               }
                               for (const auto* item : split->doubtful) {
                                 if (!split->nobodys.contains(item->lease)) split->here.push_back(item);
                               }
                               self->send_parts(split);
                             });
}

void WorkerRouting::send_parts(const std::shared_ptr<Split>& split) {
  const bool asks_here = split->is_heartbeat || !split->here.empty();
  auto sum = [split](const Gathering::Parts& parts) { return split->sum(parts); };
  const auto count = split->there.size() + (asks_here ? 1 : 0);
  if (count == 0) return split->outlet->send(split->sum({}));
  const auto whole = std::make_shared<Gathering>(count, split->head.id, std::move(split->outlet), std::move(sum));
  if (split->is_heartbeat) whole->wait_at_most(api_.timers(), patience_with_others);
  std::size_t index = 0;
  if (asks_here) here_(with_body(split->head, split->said.text(split->here)), whole->part(index++));
  for (const auto& [peer, items] : split->there)
    desk_.pass_on(peer, with_body(split->head, split->said.text(items)), whole->part(index++));
}

/// Of a report a part that was not taken makes the worker say all of it again, which does no harm. A heartbeat is
/// answered with what is known: who has not answered has the lease, or will give it a full term when it takes it over.
Response WorkerRouting::Split::sum(const Gathering::Parts& parts) const {
  std::map<LeaseId, std::string> states;
  if (is_heartbeat) {
    for (const auto& item : said.items) states.emplace(item.lease, to_string(LeaseState::held));
  }
  for (const auto& part : parts) {
    const bool may_fail = is_heartbeat && &part != &parts.front();
    if (!part || part->status != 200) {
      if (part && !may_fail) return *part;
      continue;
    }
    const auto body = parse_value(part->body);
    for (const auto& news : body.at("leases").as_array()) {
      if (const auto lease = LeaseId::parse(std::string(news.at("lease").as_string())))
        states[*lease] = std::string(news.at("state").as_string());
    }
  }
  if (!is_heartbeat && !nobodys.empty()) {
    constexpr auto why = "the server that had handed out these tasks is gone; another one will have them in a moment";
    return to_response(unavailable(why, std::chrono::seconds{1}), head.id);
  }
  json::array leases;
  for (const auto& [lease, state] : states) leases.push_back(json::object{{"lease", lease.str()}, {"state", state}});
  json::object body;
  body["leases"] = std::move(leases);
  std::string text;
  append_json(text, body);
  return json_response(200, std::move(text));
}

// ---- $leave ----

/// Nobody waits for the others: a worker that leaves has no time for a server that is gone.
void WorkerRouting::leave(Request request, std::unique_ptr<Outlet> outlet) {
  for (const auto peer : desk_.link().others()) desk_.pass_on(peer, request, std::make_unique<Sink>());
  here_(std::move(request), std::move(outlet));
}

}  // namespace coremachine::http
