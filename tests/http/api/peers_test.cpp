// Several servers on one store: whoever is asked, who has the job answers.

#include <deque>
#include <map>
#include <thread>

#include <doctest/doctest.h>

#include "core/model/utf8.hpp"
#include "tests/http/api/api_fixture.hpp"
#include "tests/http/api/gate.hpp"

using namespace coremachine;
using coremachine::tests::Answered;
using coremachine::tests::ApiFixture;

namespace {

/// Of each three places in it two are inside of a character: pieces of any power of two bytes end at each of them.
std::string words() {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "\xe2\x82\xac";
  return text;
}

struct WordyJob : tests::GatedJob {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {{"wordy"}}; }
};

/// Two servers, each with jobs of its own, and the wires between them.
class World {
 public:
  explicit World(std::optional<unsigned> workers = {}) {
    for (http::Peer peer : {1U, 2U}) {
      links_[peer] = std::make_unique<Link>(*this, peer);
      http::ApiOptions options;
      options.peers = links_[peer].get();
      options.server_name = "s" + std::to_string(peer);
      MachineOptions of_machine;
      of_machine.workers = workers;
      servers_[peer] = std::make_unique<ApiFixture>(
          std::move(options), std::move(of_machine), [this](JobRegistry& jobs, TaskRegistry& tasks) {
            jobs.add<tests::GatedJob>("kept");
            jobs.add<WordyJob>("wordy");
            tasks.add("wordy", [](const json::object&) -> TaskResult {
              return TaskFailure{"error", words(), TaskFailure::Kind::permanent};
            });
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
  /// What every server finds out of this lease.
  void put(const json::value& lease, LeasePlace place) {
    const std::lock_guard lock(mutex_);
    places_[std::string(lease.as_string())] = place;
  }
  void cut() {
    const std::lock_guard lock(mutex_);
    cut_ = true;
  }
  /// The store does not say where leases belong.
  void lose_places() {
    const std::lock_guard lock(mutex_);
    no_places_ = true;
  }
  /// How often the store was asked where leases belong.
  int looked_up() {
    const std::lock_guard lock(mutex_);
    return looked_up_;
  }
  /// From now on whoever sends waits.
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  void wait_for_sender() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
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
    std::map<LeaseId, LeasePlace> places_of(const std::vector<LeaseId>& leases) override {
      const std::lock_guard lock(world_.mutex_);
      ++world_.looked_up_;
      if (world_.no_places_) throw Failure(Error{ErrorCode::store_failed, "the store does not answer"});
      std::map<LeaseId, LeasePlace> places;
      for (const auto lease : leases) {
        auto& place = places[lease] = world_.places_[lease.str()];
        if (place.peer == self_) place.peer.reset();
      }
      return places;
    }
    std::vector<http::Peer> others() override { return {3 - self_}; }
    std::optional<http::Peer> first_elsewhere() override {
      return self_ == 1 ? std::nullopt : std::optional<http::Peer>(1);
    }
    void send(http::Peer to, std::string message) override {
      std::unique_lock lock(world_.mutex_);
      ++world_.waiting_;
      world_.changed_.notify_all();
      world_.changed_.wait(lock, [this] { return !world_.held_; });
      --world_.waiting_;
      // As PostgreSQL.
      const bool is_text = find_invalid_utf8(message) == std::string::npos;
      if (world_.cut_ || !is_text) throw Failure(Error{ErrorCode::store_failed, "cut"});
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
  std::map<std::string, LeasePlace> places_;
  bool stopped_ = false;
  bool cut_ = false;
  bool no_places_ = false;
  int looked_up_ = 0;
  bool held_ = false;
  int waiting_ = 0;
  std::map<http::Peer, std::unique_ptr<Link>> links_;
  std::map<http::Peer, std::unique_ptr<ApiFixture>> servers_;
  std::thread wires_;
};

constexpr auto worker_calls = "/api/v1/workers/$";

std::string worker_body(const std::string& more = "") {
  return R"({"worker": "w1", "task_types": ["greet", "plan", "echo"])" + more + "}";
}

json::array poll(ApiFixture& server, const std::string& more = R"(, "wait": "10s")") {
  const auto answer = server.post(std::string(worker_calls) + "poll", worker_body(more));
  REQUIRE(answer.status == 200);
  return ApiFixture::json_of(answer).at("tasks").as_array();
}

http::Response complete(ApiFixture& server, const json::array& tasks) {
  json::array outcomes;
  for (const auto& task : tasks) {
    json::object outcome{{"status", "completed"}, {"result", {{"output", "done"}}}};
    for (const auto* key : {"lease", "index", "attempt"}) outcome[key] = task.at(key);
    outcomes.push_back(std::move(outcome));
  }
  json::object said{{"worker", "w1"}};
  said["outcomes"] = outcomes;
  return server.post(std::string(worker_calls) + "complete", json::serialize(said));
}

http::Response beat(ApiFixture& server, const json::value& lease) {
  return server.post(std::string(worker_calls) + "heartbeat",
                     worker_body(R"(, "leases": [)" + json::serialize(lease) + "]"));
}

std::string state_in(const http::Response& answer) {
  REQUIRE(answer.status == 200);
  const auto body = ApiFixture::json_of(answer);
  REQUIRE(body.at("leases").as_array().size() == 1);
  return ApiFixture::text(body.at("leases").as_array().at(0).as_object(), "state");
}

}  // namespace

TEST_SUITE("http: several servers") {
  TEST_CASE("a worker is given tasks of the other server, and what it says of them goes there") {
    World world(0);
    const auto job = world.submit(1, "hello_world");
    auto& other = world.server(2);
    const auto tasks = poll(other);
    REQUIRE(tasks.size() == 1);
    const auto lease = tasks[0].at("lease");
    CHECK(ApiFixture::text(tasks[0].as_object(), "job_id") == job);
    world.put(lease, {1});
    CHECK(state_in(beat(other, lease)) == "held");
    for (http::Peer peer : {1U, 2U}) {
      const auto workers = ApiFixture::json_of(world.server(peer).get("/api/v1/workers")).at("items").as_array();
      REQUIRE(workers.size() == 1);
      CHECK(workers[0].at("name") == "w1");
      CHECK(workers[0].at("running") == 1);
    }
    CHECK(state_in(complete(other, tasks)) == "gone");
    const auto done = ApiFixture::json_of(world.server(1).get("/api/v1/jobs/" + job + "?wait=30s"));
    CHECK(done.at("result") == json::value{{"greeting", "done"}});
    CHECK(poll(other, R"(, "wait": "0s")").empty());
    CHECK(poll(other, R"(, "wait": "1ms")").empty());
  }

  TEST_CASE("a poll that waits is answered with what the other server is given meanwhile") {
    World world(0);
    const auto waiting =
        world.server(2).begin("POST", std::string(worker_calls) + "poll", worker_body(R"(, "wait": "60s")"));
    const auto job = world.submit(1, "hello_world");
    const auto tasks = ApiFixture::json_of(waiting->response()).at("tasks").as_array();
    REQUIRE(tasks.size() == 1);
    CHECK(ApiFixture::text(tasks[0].as_object(), "job_id") == job);
  }

  TEST_CASE("a poll that is refused here is refused") {
    World world(0);
    const auto path = std::string(worker_calls) + "poll";
    CHECK(world.server(2).post(path, R"({"worker": "w1"})").status == 422);
    CHECK(world.server(2).post(path, worker_body(R"(, "wait": "soon")")).status == 422);
    CHECK(world.server(2).post(path, "[").status == 400);
    CHECK(world.server(2).post(std::string(worker_calls) + "complete", R"({"worker": "w1", "outcomes": 1})").status ==
          422);
  }

  TEST_CASE("what nobody has at the moment is said again later, and what is here counts at once") {
    World world(0);
    const auto job = world.submit(2, "hello_world");
    const auto tasks = poll(world.server(2));
    REQUIRE(tasks.size() == 1);
    const json::value lost{{"lease", "ffff00000000001"}, {"index", 0}, {"attempt", 1}};
    world.put(lost.at("lease"), {std::nullopt, false});
    CHECK(state_in(beat(world.server(2), lost.at("lease"))) == "held");
    const auto answer = complete(world.server(2), {tasks[0], lost});
    CHECK(answer.status == 503);
    CHECK(ApiFixture::field(answer, "Retry-After") == "1");
    const auto done = ApiFixture::json_of(world.server(2).get("/api/v1/jobs/" + job + "?wait=30s"));
    CHECK(done.at("result") == json::value{{"greeting", "done"}});
    // Taken over by this server: it is doubtful where it is, and turns out to be here.
    const auto next = world.submit(2, "hello_world");
    const auto more = poll(world.server(2));
    REQUIRE(more.size() == 1);
    world.put(more[0].at("lease"), {std::nullopt, false});
    CHECK(state_in(beat(world.server(2), more[0].at("lease"))) == "held");
    CHECK(state_in(complete(world.server(2), more)) == "gone");
    CHECK(ApiFixture::text(ApiFixture::json_of(world.server(2).get("/api/v1/jobs/" + next + "?wait=30s")), "status") ==
          "completed");
  }

  TEST_CASE("tasks that come when nobody waits for them any more go back") {
    World world(0);
    world.submit(1, "hello_world");
    const auto answer =
        world.server(1).ask("POST", std::string(worker_calls) + "poll", worker_body(R"(, "wait": "10s")"));
    REQUIRE_FALSE(ApiFixture::json_of(answer).at("tasks").as_array().empty());
    json::object message{{"kind", "answer"}, {"id", 12345}, {"status", 200}, {"streams", false}};
    message["fields"] = json::array();
    message["body"] = answer.body;
    message["hands_out"] = true;
    world.server(2).api->peer_desk()->take(1, json::serialize(message));
    const auto again = poll(world.server(1), R"(, "wait": "60s")");
    REQUIRE(again.size() == 1);
    CHECK(again[0].at("attempt") == 1);
  }

  TEST_CASE("what a worker says is read as strictly as by one server alone") {
    World world(0);
    auto& server = world.server(2);
    const auto path = std::string(worker_calls);
    const std::string twice = R"("worker": "w1", "worker": "w1", "task_types": ["greet"])";
    CHECK(server.post(path + "poll", "{" + twice + R"(, "wait": "1ms"})").status == 400);
    CHECK(server.post(path + "poll", worker_body(R"(, "wait": "1ms", "concurrency": 18446744073709551616)")).status ==
          422);
    CHECK(server.post(path + "heartbeat", "{" + twice + R"(, "leases": ["1"]})").status == 400);
    CHECK(server.post(path + "heartbeat", worker_body(R"(, "leases": [ "1" ], "leases": [ "1" ])")).status == 400);
    CHECK(server.post(path + "heartbeat", R"({"worker":"w1","leases":["1"],"leases":["1"]})").status == 400);
  }

  TEST_CASE("where leases belong is asked once for all of a report") {
    World world(0);
    for (std::uint64_t number : {1U, 2U, 3U}) world.put(json::value(LeaseId{number}.str()), {1});
    const auto leases = "[\"" + LeaseId{1}.str() + "\",\"" + LeaseId{2}.str() + "\",\"" + LeaseId{3}.str() + "\"]";
    const auto answer =
        world.server(2).post(std::string(worker_calls) + "heartbeat", worker_body(R"(, "leases": )" + leases));
    CHECK(answer.status == 200);
    CHECK(ApiFixture::json_of(answer).at("leases").as_array().size() == 3);
    CHECK(world.looked_up() == 1);
  }

  TEST_CASE("lists of workers and queues are those of all") {
    World world;
    world.submit(1, "kept");
    world.submit(2, "kept");
    for (http::Peer peer : {1U, 2U}) {
      const auto workers = ApiFixture::json_of(world.server(peer).get("/api/v1/workers")).at("items").as_array();
      REQUIRE(workers.size() == 2);
      CHECK(workers[0].at("server") == "s1");
      CHECK(workers[1].at("server") == "s2");
      const auto queue = ApiFixture::json_of(world.server(peer).get("/api/v1/queues/gated"));
      CHECK(queue.at("depth").to_number<int>() + queue.at("running").to_number<int>() <= 2);
      CHECK(world.server(peer).get("/api/v1/queues").status == 200);
      CHECK(world.server(peer).get("/api/v1/queues/nobody").status == 404);
    }
    world.cut();
    CHECK(ApiFixture::json_of(world.server(1).get("/api/v1/workers")).at("items").as_array().size() == 1);
  }

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

  TEST_CASE("text is text all the way") {
    World world;
    const auto id = world.submit(1, "kept");
    auto& other = world.server(2);
    const auto path = "/api/v1/jobs/" + id;
    const auto bad = other.post(path + "/signal", "{\"name\": \"\xff\"}");
    CHECK(bad.status == 400);
    CHECK(ApiFixture::text(ApiFixture::json_of(bad), "detail").find("UTF-8") != std::string::npos);
    CHECK(other.ask("GET", path, {}, {{"user-agent", "caf\xe9"}}).status == 200);
    const auto keyed = other.ask("POST", "/api/v1/jobs/kept", "{}", {{"idempotency-key", "caf\xe9"}});
    CHECK(keyed.status == 400);
    CHECK(ApiFixture::text(ApiFixture::json_of(keyed), "detail").starts_with("Idempotency-Key"));
    const auto wordy = world.submit(1, "wordy");
    const auto told = other.begin("GET", "/api/v1/jobs/" + wordy + "/events")->read_all();
    CHECK(told.find("event: job.failed") != std::string::npos);
    CHECK(told.find(words()) != std::string::npos);
  }

  TEST_CASE("a job goes on while the way to another server is held up") {
    World world;
    const auto id = world.submit(1, "kept");
    const auto waiting = world.server(2).begin("GET", "/api/v1/jobs/" + id + "?wait=60s");
    const auto stream = world.server(2).begin("GET", "/api/v1/jobs/" + id + "/events");
    stream->read_until([](const std::string& text) { return text.find("job.started") != std::string::npos; });
    // Messages come in order: the others wait by now.
    CHECK(world.server(2).get("/api/v1/jobs/" + id).status == 200);
    world.hold(true);
    world.keeper.open();
    world.wait_for_sender();
    const auto next = world.server(1).submit("hello_world", "{}", "?wait=60s");
    CHECK(ApiFixture::text(ApiFixture::json_of(world.server(1).get("/api/v1/jobs/" + next)), "status") == "completed");
    CHECK_FALSE(waiting->has_response());
    world.hold(false);
    CHECK(waiting->response().status == 200);
    CHECK(stream->read_all().find("job.completed") != std::string::npos);
  }

  TEST_CASE("what a worker says is refused where the store does not say whom it is for") {
    World world(0);
    world.submit(1, "hello_world");
    const auto tasks = poll(world.server(2));
    REQUIRE(tasks.size() == 1);
    world.put(tasks[0].at("lease"), {1});
    world.lose_places();
    const auto answer = complete(world.server(2), tasks);
    CHECK(answer.status == 503);
    CHECK(ApiFixture::text(ApiFixture::json_of(answer), "detail").find("does not answer") != std::string::npos);
    CHECK(beat(world.server(2), tasks[0].at("lease")).status == 503);
  }

  TEST_CASE("a result that looks like tasks is no hand-out, whenever it comes") {
    World world;
    json::object message{{"kind", "answer"}, {"id", 12345}, {"status", 200}, {"streams", false}};
    message["fields"] = json::array();
    message["body"] = R"({"tasks":[1]})";
    world.server(2).api->peer_desk()->take(1, json::serialize(message));
    // Nor does one that says so, and is none, end the server.
    message["hands_out"] = true;
    world.server(2).api->peer_desk()->take(1, json::serialize(message));
    CHECK(world.server(2).get("/livez").status == 200);
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
