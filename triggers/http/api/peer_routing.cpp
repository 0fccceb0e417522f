#include "triggers/http/api/peer_routing.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace coremachine::http {
namespace {

/// One answer made of several.
class Gathering {
 public:
  Gathering(std::size_t expected, std::unique_ptr<Outlet> outlet) : missing_(expected), outlet_(std::move(outlet)) {}

  void add(Response response, bool from_here) {
    const std::lock_guard lock(mutex_);
    if (from_here) {
      here_ = std::move(response);
    } else if (response.status >= 400) {
      refusal_ = std::move(response);
    } else {
      others_.push_back(std::move(response));
    }
    if (--missing_ == 0) outlet_->send(sum());
  }

 private:
  Response sum() {
    if (here_.status >= 400) return std::move(here_);
    if (refusal_) return std::move(*refusal_);
    boost::system::error_code bad;
    auto total = json::parse(here_.body, bad);
    if (bad || !total.is_object() || !total.get_object().contains("matched")) return std::move(here_);
    for (const auto& other : others_) {
      const auto counts = json::parse(other.body);
      for (const auto* name : {"matched", "changed"}) {
        total.get_object()[name] =
            total.at(name).to_number<std::uint64_t>() + counts.at(name).to_number<std::uint64_t>();
      }
    }
    here_.body = json::serialize(total);
    return std::move(here_);
  }

  std::mutex mutex_;
  std::size_t missing_;
  const std::unique_ptr<Outlet> outlet_;
  Response here_ = {};
  std::vector<Response> others_ = {};
  std::optional<Response> refusal_ = {};
};

class PartOutlet : public Outlet {
 public:
  PartOutlet(std::shared_ptr<Gathering> whole, bool from_here) : whole_(std::move(whole)), from_here_(from_here) {}
  ~PartOutlet() override {
    if (whole_) send(to_response(problem_of(500, "a part of the request was dropped without an answer"), {}));
  }
  void send(Response response) override { std::exchange(whole_, nullptr)->add(std::move(response), from_here_); }
  std::shared_ptr<Outflow> stream(Response) override {
    send(to_response(problem_of(500, "what several servers answer is no stream"), {}));
    return nullptr;
  }
  void on_gone(std::function<void()>) override {}

 private:
  std::shared_ptr<Gathering> whole_;
  const bool from_here_;
};

bool happens_once(const Match& match, const Route& route, const Request& request, const JobRegistry& jobs) {
  if (request.find("idempotency-key")) return true;
  if (route.operation != "submitJob") return false;
  const auto info = jobs.get_info(match.values.at(0));
  return info && info->unique_by_params;
}

}  // namespace

Whose whose(const Match& match, const Request& request, const JobRegistry& jobs) {
  const auto* route = match.find(request.method);
  if (!route) return Whose::anyone;
  const auto path = route->path;
  if (path.starts_with("/api/v1/jobs/{id}")) return Whose::owner;
  if (path.starts_with("/api/v1/schedules")) return Whose::first;
  if (path.starts_with("/api/v1/jobs/$")) return Whose::everyone;
  if (route->method != "GET" && (path.starts_with("/api/v1/limits") || path.starts_with("/api/v1/queues")))
    return Whose::everyone;
  if (route->method == "POST" && happens_once(match, *route, request, jobs)) return Whose::first;
  return Whose::anyone;
}

void ask_everyone(PeerDesk& desk, const std::vector<Peer>& peers, const Request& request,
                  std::unique_ptr<Outlet> outlet, const PeerDesk::Answer& here) {
  const auto whole = std::make_shared<Gathering>(peers.size() + 1, std::move(outlet));
  for (const auto peer : peers) desk.pass_on(peer, request, std::make_unique<PartOutlet>(whole, false));
  here(request, std::make_unique<PartOutlet>(whole, true));
}

}  // namespace coremachine::http
