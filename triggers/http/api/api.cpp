#include "triggers/http/api/api.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "core/model/suggest.hpp"
#include "core/model/utf8.hpp"
#include "triggers/http/api/peer_routing.hpp"
#include "triggers/http/api/router.hpp"
#include "triggers/http/api/worker_routing.hpp"
#include "triggers/http/wire/characters.hpp"

namespace coremachine::http {
namespace {

/// What is there for this at least, at the end.
constexpr Milliseconds for_others{1'000};

Refusal refusal_of(const Problem& problem, const Route* route = nullptr) {
  return Refusal{.status = problem.status,
                 .detail = problem.detail,
                 .fields = problem.fields,
                 .close = false,
                 .route = route ? route->path : std::string_view(),
                 .more = std::make_shared<const Problem>(problem)};
}

/// While the server stops, those who watch over it are still told.
bool is_for_watchers(const Route& route) {
  return route.group == "system";
}

Problem is_draining() {
  return problem_of(Error{ErrorCode::draining, "the server is stopping and takes nothing new"});
}

/// `application/json`, with any parameters but another charset; or a type that ends in `+json`.
bool is_json(std::string_view content_type) {
  if (content_type == json_media_type) return true;
  std::string text(content_type);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t' || c == '"'; }),
             text.end());
  const auto type = text.substr(0, text.find(';'));
  if (type != json_media_type && !(type.starts_with("application/") && type.ends_with("+json"))) return false;
  const auto charset = text.find(";charset=");
  if (charset == std::string::npos) return true;
  const auto name = text.substr(charset + 9, text.find(';', charset + 1) - charset - 9);
  return name == "utf-8" || name == "utf8" || name == "us-ascii";
}

std::optional<Problem> wrong_content_type(const Request& head) {
  if (const auto* coding = head.find("content-encoding"); coding && !coding->empty() && *coding != "identity")
    return problem_of(415, "the body is encoded as " + *coding + ", and should be sent as it is");
  const auto* type = head.find("content-type");
  if (!type || is_json(*type)) return std::nullopt;
  auto problem = problem_of(415, "the body is " + *type + ", and should be application/json in UTF-8");
  problem.fields.push_back({"accept", std::string(json_media_type)});
  return problem;
}

bool brings_body(const Request& head) {
  const auto* length = head.find("content-length");
  return head.find("transfer-encoding") || (length && *length != "0") || !head.body.empty();
}

bool is_empty(const json::value& body) {
  return body.is_object() && body.get_object().empty();
}

/// The body of a route that takes one, or what is wrong with it.
std::optional<Problem> read_body_of(const Request& request, Call::Parts& parts) {
  const auto& route = *parts.route;
  if (route.receive) return std::nullopt;
  if (route.body.empty() && request.body.empty()) return std::nullopt;
  if (route.body.empty()) {
    auto body = read_body(request.body, parts.beyond);
    if (body && is_empty(*body)) return std::nullopt;
    return problem_of(400, "there is a body where none is due");
  }
  if (request.body.empty()) return problem_of(400, "the body is missing: a JSON object is due, if only {}");
  if (auto problem = wrong_content_type(request)) return problem;
  auto body = read_body(request.body, parts.beyond, route.values_inside);
  if (!body) return problem_of(body.error());
  parts.body = std::move(*body);
  if (parts.body.is_object()) return std::nullopt;
  auto problem = problem_of(422, "the body is not an object");
  problem.code = to_string(ErrorCode::invalid_params);
  problem.faults.push_back({"", "should be an object"});
  return problem;
}

Problem bad_parameters(std::vector<ParameterFault> faults) {
  auto problem = problem_of(400, faults.front().parameter + " " + faults.front().detail);
  problem.code = "invalid_argument";
  problem.parameters = std::move(faults);
  return problem;
}

/// What goes to other servers is text; what is none is refused by whoever is asked. Fields that no route reads do not
/// count.
bool is_text(const Request& request, const Route& route) {
  const auto is_utf8 = [](std::string_view text) { return find_invalid_utf8(text) == std::string_view::npos; };
  const auto is_read = [&](const Field& field) {
    return std::any_of(route.parameters.begin(), route.parameters.end(), [&](const Parameter& parameter) {
      return parameter.in == Parameter::In::header && equals_lower(parameter.name, field.name);
    });
  };
  return is_utf8(request.body) && std::all_of(request.fields.begin(), request.fields.end(), [&](const Field& field) {
           return is_utf8(field.value) || !is_read(field);
         });
}

/// What is thrown is the answer.
void guarded(Call& call, const std::function<void()>& work) {
  try {
    work();
  } catch (const Failure& failure) {
    call.refuse(failure.error());
  } catch (const std::exception& error) {
    call.refuse(problem_of(500, error.what()));
  }
}

}  // namespace

std::shared_ptr<const void> CallCount::enter() {
  const std::lock_guard lock(mutex_);
  ++count_;
  return {this, [self = shared_from_this()](const void*) {
            const std::lock_guard at_end(self->mutex_);
            if (--self->count_ == 0) self->none_.notify_all();
          }};
}

bool CallCount::wait_for_none(Milliseconds at_most) {
  std::unique_lock lock(mutex_);
  return none_.wait_for(lock, at_most, [this] { return count_ == 0; });
}

Api::Api(ApiOptions options)
    : options_(std::move(options)),
      calls_(std::make_shared<CallCount>()),
      readers_(options_.readers, options_.most_reading),
      waiting_(timers_, options_.most_waiting),
      streams_(timers_, options_.most_streams),
      shared_(*this),
      overview_(std::make_shared<Overview>(*this)) {
  if (options_.peers) {
    const auto here = [this](Request request, std::unique_ptr<Outlet> outlet) {
      answer(std::move(request), std::move(outlet));
    };
    const auto too_late = [this](Peer from, const Response& response) { worker_routing_->give_back(from, response); };
    peers_ = std::make_unique<PeerDesk>(*options_.peers, PeerDesk::Hooks{here, too_late, options_.warn});
    worker_routing_ = std::make_shared<WorkerRouting>(*this, *peers_, here);
    look_around();
  }
  overview_->begin();
}

Api::~Api() {
  drain(Milliseconds{0});
  timers_.stop();
  readers_.stop();
}

void Api::look_around() {
  timers_.after(PeerDesk::look_every, [this] {
    peers_->look_around();
    look_around();
  });
}

std::optional<Refusal> Api::admit(const Request& head) const {
  if (head.target == "*") return std::nullopt;
  const auto to = destination_of(head);
  if (!to->target) return refusal_of(problem_of(to->target.error()));
  const auto& found = to->match;
  const auto* route = found.find(head.method);
  if (options_.access) {
    // Who may do nothing learns nothing, not even which paths there are.
    const auto otherwise = head.method == "OPTIONS" ? std::optional<Role>() : Role::read;
    if (auto refused = options_.access(head, route ? route->role : otherwise)) {
      if (route) refused->route = route->path;
      return refused;
    }
  }
  if (found.routes.empty()) return refusal_of(unknown_path(head.target));
  if (head.method == "OPTIONS") return std::nullopt;
  if (!route) return refusal_of(wrong_method(head.method, found));
  if (draining_ && !is_for_watchers(*route)) return refusal_of(is_draining(), route);
  if (!route->body.empty() && brings_body(head)) {
    if (const auto problem = wrong_content_type(head)) return refusal_of(*problem, route);
    if (head.find("expect")) return foresee(head, *route, *to->target, found.values);
  }
  return std::nullopt;
}

// A client that asks before it sends the body is told what its head alone is refused for; all others learn it after.
std::optional<Refusal> Api::foresee(const Request& head, const Route& route, const Target& target,
                                    const std::vector<std::string>& values) const {
  std::vector<ParameterFault> faults;
  Parameters::read(route.parameters, target.query, head, faults);
  if (!faults.empty()) return refusal_of(bad_parameters(std::move(faults)), &route);
  const auto variables = path_variables(route.path);
  if (variables.empty()) return std::nullopt;
  if (variables.front() == "job_type") {
    if (const auto info = jobs().get_info(values.front()); !info) return refusal_of(problem_of(info.error()), &route);
  }
  if (variables.front() == "name" && route.group == "registries") {
    if (const auto info = tasks().get_info(values.front()); !info) return refusal_of(problem_of(info.error()), &route);
  }
  return std::nullopt;
}

std::uint64_t Api::body_limit(const Request& head, std::uint64_t otherwise) {
  const auto* route = destination_of(head)->match.find(head.method);
  return route ? std::max(route->body_limit, otherwise) : otherwise;
}

std::shared_ptr<BodyTaker> Api::receive(const Request& head) {
  const auto* route = destination_of(head)->match.find(head.method);
  return route && route->receive ? route->receive(*this, head) : nullptr;
}

void Api::handle(Request request, std::unique_ptr<Outlet> outlet) {
  if (!peers_ || draining_) return answer(std::move(request), std::move(outlet));
  const auto to = destination_of(request);
  const auto* route = to->match.find(request.method);
  if (whose(to->match, request, jobs()) == Whose::anyone || !is_text(request, *route))
    return answer(std::move(request), std::move(outlet));
  // Who has the job is read from the store.
  struct Kept {
    Request request;
    std::unique_ptr<Outlet> outlet;
  };
  const auto kept = std::make_shared<Kept>(Kept{std::move(request), std::move(outlet)});
  auto work = [this, kept] { answer_or_pass_on(std::move(kept->request), std::move(kept->outlet)); };
  if (run_on_reader_even_closed(std::move(work))) return;
  const Error error{ErrorCode::overloaded, "too many requests are being answered; come again"};
  kept->outlet->send(to_response(problem_of(error), kept->request.id));
}

void Api::answer_or_pass_on(Request request, std::unique_ptr<Outlet> outlet) {
  const auto here = [this](Request mine, std::unique_ptr<Outlet> to) { answer(std::move(mine), std::move(to)); };
  const auto to = destination_of(request);
  std::optional<Peer> peer;
  switch (whose(to->match, request, jobs())) {
    case Whose::anyone: break;
    case Whose::owner:
      if (const auto id = JobId::parse(to->match.values.at(0))) {
        try {
          peer = peers_->link().owner_elsewhere(*id);
        } catch (const Failure& failure) {
          return outlet->send(to_response(problem_of(failure.error()), request.id));
        }
      }
      break;
    case Whose::first: peer = peers_->link().first_elsewhere(); break;
    case Whose::everyone:
      return ask_everyone(*peers_, timers_, peers_->link().others(), request, std::move(outlet), here);
    case Whose::workers: {
      const auto operation = to->match.find(request.method)->operation;
      return worker_routing_->route(operation, std::move(request), std::move(outlet));
    }
  }
  if (peer) return peers_->pass_on(*peer, request, std::move(outlet));
  here(std::move(request), std::move(outlet));
}

void Api::answer(Request request, std::unique_ptr<Outlet> outlet) {
  const auto refuse = [&](const Problem& problem) { outlet->send(to_response(problem, request.id)); };
  const auto options = [&](std::string allow) { outlet->send(Response{204, {{"allow", std::move(allow)}}, {}}); };
  if (request.target == "*") return options("DELETE, GET, HEAD, OPTIONS, POST, PUT");
  const auto to = destination_of(request);
  if (!to->target) return refuse(problem_of(to->target.error()));
  const auto& found = to->match;
  if (found.routes.empty()) return refuse(unknown_path(request.target));
  if (request.method == "OPTIONS") return options(found.allow());
  const auto* route = found.find(request.method);
  if (!route) return refuse(wrong_method(request.method, found));
  if (draining_ && !is_for_watchers(*route)) return refuse(is_draining());

  Call::Parts parts;
  parts.route = route;
  parts.values = found.values;
  std::vector<ParameterFault> faults;
  parts.parameters = Parameters::read(route->parameters, to->target->query, request, faults);
  if (!faults.empty()) return refuse(bad_parameters(std::move(faults)));
  if (const auto problem = read_body_of(request, parts)) return refuse(*problem);
  parts.request = std::move(request);
  parts.guard = calls_->enter();
  const auto call = std::make_shared<Call>(std::move(parts), std::move(outlet));
  guarded(*call, [&] { route->handler(*this, call); });
}

Response Api::refusal(const Request* request, const Refusal& refusal) {
  auto problem =
      refusal.more ? *static_cast<const Problem*>(refusal.more.get()) : problem_of(refusal.status, refusal.detail);
  problem.fields = refusal.fields;
  if ((problem.status == 429 || problem.status == 503) &&
      std::none_of(problem.fields.begin(), problem.fields.end(),
                   [](const Field& field) { return field.name == "retry-after"; })) {
    problem.fields.push_back({"retry-after", "5"});
  }
  auto response = to_response(problem, request ? request->id : std::string());
  response.route = refusal.route;
  return response;
}

std::optional<JobId> Api::job_id(const std::shared_ptr<Call>& call) {
  auto id = JobId::parse(call->path("id"));
  if (!id) {
    const Error unknown{ErrorCode::unknown_job, "there is no job " + quoted_name(call->path("id"))};
    on_reader(call, [this, call, unknown] { refuse(*call, unknown); });
  }
  return id;
}

void Api::refuse(Call& call, Error error) {
  const auto variables = path_variables(call.route().path);
  const bool has_id = std::find(variables.begin(), variables.end(), "id") != variables.end();
  if (error.code == ErrorCode::unknown_job && has_id && !closed_) {
    JobQuery newest;
    newest.limit = max_page_items;
    std::vector<std::string> ids;
    if (const auto page = machine().jobs(newest)) {
      for (const auto& job : page->items) ids.push_back(job.id.str());
    }
    std::string nearest;
    for (const auto id : nearest_names(call.path("id"), {ids.begin(), ids.end()})) {
      nearest.append(nearest.empty() ? "; nearest: " : ", ").append(id);
    }
    error.message += nearest;
  }
  call.refuse(error);
}

void Api::drain(Milliseconds at_most) {
  draining_ = true;
  waiting_.close();
  streams_.close();
  const auto until = std::chrono::steady_clock::now() + at_most;
  calls_->wait_for_none(at_most);
  const auto rest = std::chrono::duration_cast<Milliseconds>(until - std::chrono::steady_clock::now());
  // What was answered to others is to reach them, and who waits for them is told, however long the calls took.
  if (peers_) peers_->close(std::max(rest, for_others));
  closed_ = true;
}

void Api::on_reader(const std::shared_ptr<Call>& call, std::function<void()> work, Effort effort) {
  auto unless_closed = [this, call, work = std::move(work)] {
    if (closed_) return call->refuse(is_draining());
    guarded(*call, work);
  };
  const bool taken = readers_.run(std::move(unless_closed), effort);
  if (!taken) call->refuse(Error{ErrorCode::overloaded, "too many requests are being answered; come again"});
}

void Api::on_reader_or_here(const std::shared_ptr<Call>& call, std::function<void()> work) {
  const auto shared = std::make_shared<const std::function<void()>>(std::move(work));
  if (!readers_.run([call, shared] { guarded(*call, *shared); }, Effort::brief)) guarded(*call, *shared);
}

void Api::near_outlet(const std::shared_ptr<Call>& call, std::function<void()> work) {
  std::function<void()> answer = [call, work = std::move(work)] { guarded(*call, work); };
  if (!call->run(answer)) on_reader_or_here(call, std::move(answer));
}

bool Api::run_on_reader(std::function<void()> work) {
  return !closed_ && run_on_reader_even_closed([this, work = std::move(work)] {
    if (!closed_) work();
  });
}

bool Api::run_on_reader_even_closed(std::function<void()> work) {
  return readers_.run([work = std::move(work)] {
    try {
      work();
    } catch (const std::exception&) {
      // Nobody waits for it, or who does is told as its outlet goes.
    }
  });
}

}  // namespace coremachine::http
