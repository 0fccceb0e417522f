// Several servers on one store: whoever is asked, who has the job answers.

#include <deque>
#include <map>
#include <thread>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"
#include "tests/http/api/gate.hpp"

using namespace coremachine;
using coremachine::tests::Answered;
using coremachine::tests::ApiFixture;

namespace {

/// Two servers, each with jobs of its own, and the wires between them.
class World {
 public:
  World() {
    for (http::Peer peer : {1U, 2U}) {
      links_[peer] = std::make_unique<Link>(*this, peer);
      http::ApiOptions options;
      options.peers = links_[peer].get();
      servers_[peer] = std::make_unique<ApiFixture>(
          std::move(options), MachineOptions{}, [this](JobRegistry& jobs, TaskRegistry& tasks) {
            jobs.add<tests::GatedJob>("kept");
            tasks.add("gated", [this](const json::object&) { return keeper.run(); });
          });
    }
    wires_ = std::thread([this] { carry(); });
  }
  ~World() {
    keeper.open();
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      changed_.notify_all();
    }
    wires_.join();
    for (auto& [peer, server] : servers_) server->api->peer_desk()->peer_has_gone(3 - peer);
  }
  ApiFixture& server(http::Peer peer) { return *servers_.at(peer); }
  std::string submit(http::Peer peer, const std::string& type) {
    const auto id = server(peer).submit(type, "{}");
    const std::lock_guard lock(mutex_);
    owners_[id] = peer;
    return id;
  }
  void cut() {
    const std::lock_guard lock(mutex_);
    cut_ = true;
  }

  tests::Gatekeeper keeper;

 private:
  struct Message {
    http::Peer from = 0;
    http::Peer to = 0;
    std::string text;
  };
  class Link : public http::PeerLink {
   public:
    Link(World& world, http::Peer self) : world_(world), self_(self) {}
    std::optional<http::Peer> owner_elsewhere(JobId job) override {
      const std::lock_guard lock(world_.mutex_);
      const auto found = world_.owners_.find(job.str());
      if (found == world_.owners_.end() || found->second == self_) return std::nullopt;
      return found->second;
    }
    std::vector<http::Peer> others() override { return {3 - self_}; }
    std::optional<http::Peer> first_elsewhere() override {
      return self_ == 1 ? std::nullopt : std::optional<http::Peer>(1);
    }
    void send(http::Peer to, std::string message) override {
      const std::lock_guard lock(world_.mutex_);
      if (world_.cut_) throw Failure(Error{ErrorCode::store_failed, "cut"});
      world_.messages_.push_back({self_, to, std::move(message)});
      world_.changed_.notify_all();
    }

   private:
    World& world_;
    const http::Peer self_;
  };

  void carry() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopped_ || !messages_.empty(); });
      if (messages_.empty()) return;
      auto message = std::move(messages_.front());
      messages_.pop_front();
      lock.unlock();
      servers_.at(message.to)->api->peer_desk()->take(message.from, message.text);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Message> messages_;
  std::map<std::string, http::Peer> owners_;
  bool stopped_ = false;
  bool cut_ = false;
  std::map<http::Peer, std::unique_ptr<Link>> links_;
  std::map<http::Peer, std::unique_ptr<ApiFixture>> servers_;
  std::thread wires_;
};

}  // namespace

TEST_SUITE("http: several servers") {
  TEST_CASE("a job is shown, explained, cancelled and waited for through a server that does not have it") {
    World world;
    const auto id = world.submit(1, "kept");
    const auto path = "/api/v1/jobs/" + id;
    auto& other = world.server(2);
    CHECK(ApiFixture::text(ApiFixture::json_of(other.get(path)), "job_id") == id);
    CHECK(other.get(path + "/explain").status == 200);
    CHECK(other.get(path + "/result").status == 409);
    CHECK(other.get(path + "/nowhere").status == 404);
    const auto waiting = other.begin("GET", path + "?wait=60s");
    CHECK(other.post(path + "/$pause").status == 202);
    CHECK(other.post(path + "/$pause").status == world.server(1).post(path + "/$pause").status);
    CHECK(other.post(path + "/$resume").status == 202);
    world.keeper.open();
    const auto over = waiting->response();
    CHECK(over.status == 200);
    CHECK(ApiFixture::text(ApiFixture::json_of(over), "status") == "completed");
    CHECK(ApiFixture::field(over, "Content-Type") == "application/json");
  }

  TEST_CASE("what is to happen once is done by one of them, whoever is asked") {
    World world;
    const auto submit = [&](http::Peer peer) {
      return world.server(peer).ask("POST", "/api/v1/jobs/kept", "{}", {{"idempotency-key", "once"}});
    };
    const auto first = submit(2);
    const auto again = submit(1);
    CHECK(first.status == 202);
    CHECK(again.status == 200);
    CHECK(ApiFixture::json_of(first).at("job_id") == ApiFixture::json_of(again).at("job_id"));
    CHECK(world.server(2).ask("PUT", "/api/v1/schedules/nightly", R"({"job_type": "kept", "every": "1d"})").status ==
          201);
    CHECK(world.server(1).get("/api/v1/schedules/nightly").status == 200);
  }

  TEST_CASE("what is done to many jobs is done by each of them to its own, and counted together") {
    World world;
    world.submit(1, "kept");
    world.submit(2, "kept");
    world.submit(2, "kept");
    const auto cancelled = ApiFixture::json_of(
        world.server(1).post("/api/v1/jobs/$cancel", R"({"filter": {"type": "kept"}, "dry_run": false})"));
    CHECK(cancelled.at("matched").to_number<int>() == 3);
    CHECK(cancelled.at("changed").to_number<int>() == 3);
    CHECK(world.server(2).post("/api/v1/jobs/$cancel", R"({"filter": {}})").status == 422);
    world.server(2).ask("PUT", "/api/v1/limits", R"({"gated": {"max_concurrency": 2}})");
    CHECK(world.server(1).get("/api/v1/limits").body == world.server(2).get("/api/v1/limits").body);
  }

  TEST_CASE("what neither has is unknown to both") {
    World world;
    const auto id = JobId::make(Timestamp{Milliseconds{1'767'268'800'000}}, 1, 2).str();
    CHECK(world.server(1).get("/api/v1/jobs/" + id).status == 404);
    CHECK(world.server(2).get("/api/v1/jobs/none").status == 404);
  }

  TEST_CASE("events come from the first to the last") {
    World world;
    const auto id = world.submit(1, "kept");
    const auto stream = world.server(2).begin("GET", "/api/v1/jobs/" + id + "/events");
    CHECK(stream->response().status == 200);
    CHECK(ApiFixture::field(stream->response(), "Content-Type") == "text/event-stream");
    stream->read_until([](const std::string& text) { return text.find("job.started") != std::string::npos; });
    world.keeper.open();
    const auto all = stream->read_all();
    CHECK(all.find("job.accepted") != std::string::npos);
    CHECK(all.find("job.completed") != std::string::npos);
  }

  TEST_CASE("a client that goes away is no longer waited for") {
    World world;
    const auto id = world.submit(1, "kept");
    const auto stream = world.server(2).begin("GET", "/api/v1/jobs/" + id + "/events");
    stream->read_until([](const std::string& text) { return text.find("job.started") != std::string::npos; });
    const auto waiting = world.server(2).begin("GET", "/api/v1/jobs/" + id + "?wait=60s");
    stream->go();
    waiting->go();
    // Messages come in order: when this is answered, both have been heard.
    CHECK(world.server(2).get("/api/v1/jobs/" + id).status == 200);
    CHECK(world.server(1).api->streams().size() == 0);
    CHECK(world.server(1).api->waiting().size() == 0);
  }

  TEST_CASE("who asks is told when the server that has the job is gone") {
    World world;
    const auto id = world.submit(1, "kept");
    const auto waiting = world.server(2).begin("GET", "/api/v1/jobs/" + id + "?wait=60s");
    CHECK(world.server(2).get("/api/v1/jobs/" + id).status == 200);
    world.server(2).api->peer_desk()->peer_has_gone(1);
    const auto answer = waiting->response();
    CHECK(answer.status == 503);
    CHECK(ApiFixture::field(answer, "Retry-After") == "5");
    world.cut();
    CHECK(world.server(2).get("/api/v1/jobs/" + id).status == 503);
  }
}
