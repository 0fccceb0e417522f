#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <boost/json/serialize.hpp>

#include "tests/http/api/api_fixture.hpp"

using namespace coremachine;
using coremachine::tests::Answered;
using coremachine::tests::ApiFixture;

namespace {

MachineOptions without_workers(Milliseconds term = Milliseconds{30'000}) {
  MachineOptions options;
  options.workers = 0;
  options.lease_term = term;
  return options;
}

/// A machine that leaves all tasks to workers elsewhere.
struct World : ApiFixture {
  explicit World(Milliseconds term = Milliseconds{30'000}) : ApiFixture({}, without_workers(term)) {}

  static std::string body(const std::string& more = "") {
    return R"({"worker": "w1", "task_types": ["greet", "plan", "echo"])" + more + "}";
  }
  json::array poll(const std::string& more = R"(, "wait": "10s")") {
    const auto answer = post("/api/v1/workers/$poll", body(more));
    REQUIRE(answer.status == 200);
    return json_of(answer).at("tasks").as_array();
  }
  http::Response complete(const json::array& outcomes) {
    json::object said{{"worker", "w1"}};
    said["outcomes"] = outcomes;
    return post("/api/v1/workers/$complete", json::serialize(said));
  }
  static json::object outcome_of(const json::object& task, const std::string& status) {
    json::object outcome{{"status", status}};
    for (const auto* key : {"lease", "index", "attempt"}) outcome[key] = task.at(key);
    return outcome;
  }
  static std::string state_in(const http::Response& answer, std::size_t at = 0) {
    REQUIRE(answer.status == 200);
    return text(json_of(answer).at("leases").as_array().at(at).as_object(), "state");
  }
  std::string status_of(const std::string& job) { return text(json_of(get("/api/v1/jobs/" + job)), "status"); }
};

std::vector<std::string> pointers_of(const http::Response& answer) {
  std::vector<std::string> pointers;
  const auto problem = ApiFixture::json_of(answer);
  if (!problem.contains("errors")) return pointers;
  for (const auto& fault : problem.at("errors").as_array())
    pointers.push_back(World::text(fault.as_object(), "pointer"));
  return pointers;
}

}  // namespace

TEST_SUITE("http: workers in other processes") {
  TEST_CASE("a task goes out as a record with its lease, and its result comes back") {
    World world;
    const auto job = world.submit("hello_world", R"({"message": "Welcome"})");
    const auto tasks = world.poll();
    REQUIRE(tasks.size() == 1);
    const auto& task = tasks[0].as_object();
    CHECK(task.at("schema") == 1);
    CHECK(World::text(task, "task_id") == job + ":1:0");
    CHECK(task.at("status") == "ready");
    CHECK(task.at("created_at").is_number());
    CHECK(task.at("resolver_id") == "default");
    CHECK(task.at("strategy") == "reference");
    CHECK(task.at("serialized_task").at("payload").at("name") == "greet");
    CHECK(task.at("params") == json::value{{"message", "Welcome"}});
    CHECK(task.at("attempt") == 1);
    CHECK(World::text(task, "group_id") == job);
    CHECK(World::text(task, "job_id") == job);
    CHECK(task.at("task_type") == "greet");
    CHECK(task.at("stage") == 1);
    CHECK(task.at("round") == 1);
    CHECK(task.at("index") == 0);
    CHECK(World::text(task, "idempotency_key") == job + "/1/0");
    CHECK(task.at("term_ms") == 30'000);
    CHECK(task.at("timeout_ms").is_number());
    CHECK(task.at("heartbeat_ms").is_number());
    CHECK(task.at("alone") == false);

    auto outcome = World::outcome_of(task, "completed");
    outcome["result"] = {{"output", "Hi"}};
    const auto answer = world.complete({outcome});
    CHECK(World::state_in(answer) == "gone");
    CHECK(World::state_in(world.complete({outcome})) == "gone");  // again does no harm
    const auto done = World::json_of(world.get("/api/v1/jobs/" + job + "?wait=30s"));
    CHECK(done.at("result") == json::value{{"greeting", "Hi"}});
  }

  TEST_CASE("grouped, what tasks of a lease have in common is said once") {
    World world;
    world.submit("fan_out", R"({"count": 3})");
    auto tasks = world.poll();
    REQUIRE(tasks.size() == 1);  // the plan
    auto planned = World::outcome_of(tasks[0].as_object(), "completed");
    planned["result"] = json::object{{"count", 3}};
    planned["took_ms"] = 1;
    world.complete({planned});
    const auto answer = world.post("/api/v1/workers/$poll", World::body(R"(, "grouped": true, "max_tasks": 10)"));
    const auto hand_outs = World::json_of(answer).at("hand_outs").as_array();
    REQUIRE_FALSE(hand_outs.empty());
    const auto& hand_out = hand_outs[0].as_object();
    CHECK(hand_out.at("task_type") == "echo");
    CHECK(hand_out.at("stage") == 2);
    CHECK(hand_out.at("tasks").as_array()[0].at("attempt") == 1);
  }

  TEST_CASE("failures: retried with what was said, or not at all") {
    World world;
    const auto job = world.submit("hello_world", "{}");
    const auto first = world.poll();
    auto failed = World::outcome_of(first[0].as_object(), "failed");
    failed["error"] = {{"type", "Busy"}, {"message", "later"}, {"retry_after", "0ms"}};
    failed["progress"] = {{"half", true}};
    CHECK(World::state_in(world.complete({failed})) == "gone");
    const auto second = world.poll();
    REQUIRE(second.size() == 1);
    CHECK(second[0].at("attempt") == 2);
    CHECK(second[0].at("progress") == json::value{{"half", true}});
    auto final = World::outcome_of(second[0].as_object(), "failed");
    final["error"] = {{"type", "Wrong"}, {"message", "never"}, {"permanent", true}};
    world.complete({final});
    const auto done = World::json_of(world.get("/api/v1/jobs/" + job + "?wait=30s"));
    CHECK(done.at("status") == "failed");
    CHECK(done.at("error").at("message").as_string().find("never") != std::string_view::npos);
  }

  TEST_CASE("an attempt that was never begun does not count") {
    World world;
    world.submit("hello_world", "{}");
    const auto first = world.poll();
    world.complete({World::outcome_of(first[0].as_object(), "returned")});
    const auto second = world.poll();
    REQUIRE(second.size() == 1);
    CHECK(second[0].at("attempt") == 1);
    CHECK(second[0].at("lease") != first[0].at("lease"));
  }

  TEST_CASE("heartbeats keep a lease and tell what became of it") {
    World world;
    const auto job = world.submit("hello_world", "{}");
    const auto tasks = world.poll();
    const auto lease = World::text(tasks[0].as_object(), "lease");
    const auto beat = [&](const std::string& more = "") {
      return world.post("/api/v1/workers/$heartbeat",
                        World::body(R"(, "leases": [")" + lease + R"(", "fffff"])" + more));
    };
    const auto held = beat(R"(, "progress": [{"lease": ")" + lease + R"(", "index": 0, "attempt": 1, "progress": 5}])");
    CHECK(World::state_in(held, 0) == "held");
    CHECK(World::state_in(held, 1) == "gone");
    world.post("/api/v1/jobs/" + job + "/$cancel");
    CHECK(World::state_in(beat()) == "cancelled");
    auto outcome = World::outcome_of(tasks[0].as_object(), "completed");
    outcome["result"] = json::object{{"output", ""}};
    world.complete({outcome});
    CHECK(World::text(World::json_of(world.get("/api/v1/jobs/" + job + "?wait=30s")), "status") == "cancelled");
  }

  TEST_CASE("a poll waits, a leave answers it, and workers are listed with their tasks") {
    World world;
    const auto waiting = world.begin("POST", "/api/v1/workers/$poll", World::body(R"(, "wait": "1000000d")"));
    CHECK_FALSE(waiting->has_response());
    CHECK(world.post("/api/v1/workers/$leave", R"({"worker": "w1"})").status == 204);
    CHECK(ApiFixture::json_of(waiting->response()).at("tasks").as_array().empty());
    world.submit("hello_world", "{}");
    const auto tasks = world.poll();
    const auto workers = World::json_of(world.get("/api/v1/workers")).at("items").as_array();
    const auto named = [&](std::string_view name) -> const json::object* {
      for (const auto& worker : workers) {
        if (World::text(worker.as_object(), "name") == name) return &worker.as_object();
      }
      return nullptr;
    };
    const auto* worker = named("w1");
    REQUIRE(worker);
    CHECK(worker->at("kind") == "http");
    REQUIRE(worker->at("tasks").as_array().size() == 1);
    CHECK(worker->at("tasks").as_array()[0].at("job_id") == tasks[0].at("job_id"));
  }

  TEST_CASE("nobody is left to take the answer: the tasks go to the next who asks") {
    World world;
    const auto waiting = world.begin("POST", "/api/v1/workers/$poll", World::body(R"(, "wait": "60s")"));
    waiting->go();
    world.submit("hello_world", "{}");
    CHECK(world.poll().size() == 1);
  }

  TEST_CASE("no tasks in time: an empty list") {
    World world;
    CHECK(world.poll(R"(, "wait": "1ms")").empty());
  }

  TEST_CASE("results come back to the bit, also from under escaped names, and may be as deep as elsewhere") {
    World world;
    const auto job = world.submit("hello_world", "{}");
    const auto task = world.poll()[0].as_object();
    const auto lease = World::text(task, "lease");
    std::string deep = "1";
    for (int i = 0; i < 31; ++i) deep = "[" + deep + "]";
    const auto sent = world.post(
        "/api/v1/workers/$complete",
        R"({"worker": "w1", "outcomes": [{"lease": ")" + lease +
            R"(", "index": 0, "attempt": 1, "stat\u0075s": "completed", "result": {"output":)" + deep + "}}]}");
    CHECK(World::state_in(sent) == "gone");
    const auto done = world.get("/api/v1/jobs/" + job + "?wait=30s").body;
    CHECK(done.find(deep) != std::string::npos);
  }

  TEST_CASE("a result that is large is kept as an artifact, also where the body is over the usual limit") {
    World world;
    const auto job = world.submit("hello_world", "{}");
    auto outcome = World::outcome_of(world.poll()[0].as_object(), "completed");
    outcome["result"] = json::object{{"output", std::string(3'000'000, 'x')}};
    CHECK(World::state_in(world.complete({outcome})) == "gone");
    const auto page = World::json_of(world.get("/api/v1/jobs/" + job + "/tasks?expand=result"));
    const auto& result = page.at("items").as_array()[0].at("result").as_object();
    CHECK(result.contains("$artifact"));
    http::Request head;
    head.method = "POST";
    head.target = "/api/v1/workers/$complete";
    CHECK(http::Api::body_limit(head, 1'000) == (std::uint64_t{64} << 20U));
    head.target = "/api/v1/jobs/hello_world";
    CHECK(http::Api::body_limit(head, 1'000) == 1'000);
  }

  TEST_CASE("what is wrong with a body is said, all of it, by pointer") {
    struct Row {
      const char* verb;
      const char* body;
      int status;
      std::vector<std::string> pointers;
    };
    const std::vector<Row> rows{
        {"$poll", "", 400, {}},
        {"$poll", "[]", 422, {"#"}},
        {"$poll", "{}", 422, {"#/task_types", "#/worker"}},
        {"$poll", R"({"worker": "", "task_types": ["a"]})", 422, {"#/worker"}},
        {"$poll", R"({"worker": "a b", "task_types": ["a"]})", 422, {"#/worker"}},
        {"$poll", R"({"worker": "w", "task_types": []})", 422, {"#/task_types"}},
        {"$poll", R"({"worker": "w", "task_types": ["a", "no way"]})", 422, {"#/task_types/1"}},
        {"$poll",
         R"({"worker": "w", "task_types": ["a"], "wait": "soon", "max_tasks": -1, "concurrency": 0})",
         422,
         {"#/concurrency", "#/max_tasks", "#/wait"}},
        {"$poll", R"({"worker": "w", "task_types": ["a"], "extra": 1})", 422, {"#/extra"}},
        {"$poll", R"({"worker": "local", "task_types": ["a"]})", 400, {}},
        {"$complete",
         R"({"worker": "w", "outcomes": [{"lease": "?", "index": 0, "attempt": 0, "status": "done"}]})",
         422,
         {"#/outcomes/0/attempt", "#/outcomes/0/lease", "#/outcomes/0/status"}},
        {"$complete",
         R"({"worker": "w", "outcomes": [{"lease": "1", "index": 0, "attempt": 1, "status": "failed",
             "error": {"message": 5, "retry_after": "x"}}]})",
         422,
         {"#/outcomes/0/error/message", "#/outcomes/0/error/retry_after"}},
        {"$complete",
         R"({"worker": "w", "outcomes": [{"lease": "1", "index": 0, "attempt": 1, "status": "completed",
             "result": 99999999999999999999}]})",
         422,
         {"#/outcomes/0/result"}},
        {"$heartbeat", R"({"worker": "w", "task_types": ["a"], "leases": ["?"]})", 422, {"#/leases/0"}},
        {"$leave", "{}", 422, {"#/worker"}},
    };
    World world;
    for (const auto& row : rows) {
      CAPTURE(row.verb);
      CAPTURE(row.body);
      const auto answer = world.post(std::string("/api/v1/workers/") + row.verb, row.body);
      CHECK(answer.status == row.status);
      auto pointers = pointers_of(answer);
      std::sort(pointers.begin(), pointers.end());
      CHECK(pointers == row.pointers);
    }
  }

  TEST_CASE("an outcome of nothing that was handed out changes nothing") {
    World world;
    const auto job = world.submit("hello_world", "{}");
    const auto task = world.poll()[0].as_object();
    auto wrong = World::outcome_of(task, "completed");
    wrong["attempt"] = 7;
    CHECK(World::state_in(world.complete({wrong})) == "held");
    wrong["attempt"] = 1;
    wrong["index"] = 5;
    CHECK(World::state_in(world.complete({wrong})) == "held");
    wrong["lease"] = "ffff";
    CHECK(World::state_in(world.complete({wrong})) == "gone");
    CHECK(world.status_of(job) == "running");
  }

  TEST_CASE("content comes in and stays") {
    World world;
    const auto put = [&](const std::string& content, const std::string& type) {
      return world.ask("POST", "/api/v1/artifacts", content, {{"content-type", type}});
    };
    for (const auto& content : {std::string(), std::string("a\0b", 3), std::string(3'000'000, 'y')}) {
      CAPTURE(content.size());
      const auto answer = put(content, "image/png");
      REQUIRE(answer.status == 201);
      const auto reference = World::json_of(answer);
      CHECK(reference.at("size") == content.size());
      CHECK(reference.at("media_type") == "image/png");
      const auto place = World::field(answer, "Location");
      CHECK(place == "/api/v1/artifacts/" + World::text(reference, "$artifact"));
      const auto answered = world.begin("GET", place);
      const auto head = answered->response();
      CHECK(head.status == 200);
      CHECK((head.body.size() == content.size() ? head.body : answered->read_all()) == content);
    }
    CHECK(put("x", "no type").status == 400);
    CHECK(world.ask("POST", "/api/v1/artifacts", "plain").status == 201);
  }
}
