#include <string>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"
#include "tests/http/api/gate.hpp"
#include "tests/support/empty_job.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;
using coremachine::tests::GatedJob;
using coremachine::tests::Gatekeeper;

namespace {

struct SignalledJob : support::EmptyJob {
  StagePolicy stage_policy(int, const JobContext&) const override { return {.gate = Gate{.signal = "approved"}}; }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"data", results.signal() ? *results.signal() : json::value()}};
  }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

/// Goes after the machine, whose tasks use it to the end.
struct Kept {
  Gatekeeper keeper;
};

struct World : Kept, ApiFixture {
  explicit World(http::ApiOptions options = {})
      : ApiFixture(std::move(options), {.workers = 2}, [this](JobRegistry& job_types, TaskRegistry& task_types) {
          job_types.add<GatedJob>("gated").add<SignalledJob>("signalled").add<GatedJob>("disabled", {.enabled = false});
          job_types.add<GatedJob>("unique", {.unique_by_params = true});
          task_types.add("gated", [this](const json::object&) { return keeper.run(); });
        }) {}
  ~World() { keeper.open(); }

  json::object job(const std::string& id, const std::string& query = "") {
    return json_of(get("/api/v1/jobs/" + id + query));
  }
  std::string status(const std::string& id) { return text(job(id), "status"); }
};

}  // namespace

TEST_SUITE("http: jobs") {
  TEST_CASE("a submission is answered with 202, where the job is, and the job") {
    World world;
    const auto response = world.post("/api/v1/jobs/hello_world?priority=7&tags=a,b&timeout=1h", R"({"message": "Hi"})");
    CHECK(response.status == 202);
    const auto job = World::json_of(response);
    const auto id = World::text(job, "job_id");
    CHECK(World::field(response, "Location") == "/api/v1/jobs/" + id);
    CHECK(job.at("job_type") == "hello_world");
    CHECK(job.at("params") == json::value{{"message", "Hi"}});
    CHECK(job.at("priority") == 7);
    CHECK(job.at("tags") == json::value{"a", "b"});
    CHECK_FALSE(job.contains("deduplicated"));

    const auto done = world.get("/api/v1/jobs/" + id + "?wait=60s");
    CHECK(done.status == 200);
    CHECK(World::json_of(done).at("status") == "completed");
    CHECK(World::json_of(done).at("result") == json::value{{"greeting", "Hi"}});
    const auto result = world.get("/api/v1/jobs/" + id + "/result");
    CHECK(result.status == 200);
    CHECK(json::parse(result.body) == json::value{{"greeting", "Hi"}});
  }

  TEST_CASE("the short path is the same endpoint") {
    World world;
    const auto response = world.post("/api/jobs/hello_world?wait=60s", "{}");
    CHECK(response.status == 200);
    CHECK(World::json_of(response).at("result") == json::value{{"greeting", "Hello"}});
    CHECK(world.get("/api/jobs/hello_world").status == 405);
  }

  TEST_CASE("a wait ends with the job, or with its time") {
    World world;
    const auto late = world.post("/api/v1/jobs/gated?wait=1ms", "{}");
    CHECK(late.status == 202);
    const auto id = World::text(World::json_of(late), "job_id");
    CHECK(world.get("/api/v1/jobs/" + id + "?wait=0s").status == 200);
    CHECK(world.get("/api/v1/jobs/" + id + "/result").status == 409);
    CHECK(World::json_of(world.get("/api/v1/jobs/" + id + "/result?wait=1ms")).at("code") == "not_finished");

    const auto waiting = world.begin("GET", "/api/v1/jobs/" + id + "?wait=60s");
    world.keeper.wait_for_one();
    CHECK_FALSE(waiting->has_response());
    world.keeper.open();
    CHECK(World::json_of(waiting->response()).at("status") == "completed");
    CHECK(world.get("/api/v1/jobs/" + id + "/result?wait=60s").status == 200);
    // Longer than anybody waits, and than a number can say.
    for (const char* wait : {"61s", "1000000d", "99999999999999999999999.5ms"})
      CHECK(world.get("/api/v1/jobs/" + id + "?wait=" + wait).status == 200);
    for (const char* wait : {"", "s", "1000000", "1000000x", "-1000000d", "1000000d1"})
      CHECK(world.get("/api/v1/jobs/" + id + "?wait=" + wait).status == 400);
  }

  TEST_CASE("of waiting requests there are only so many, and those whose client has gone do not count") {
    http::ApiOptions options;
    options.most_waiting = 1;
    World world(std::move(options));
    const auto id = world.submit("gated", "{}");
    const auto first = world.begin("GET", "/api/v1/jobs/" + id + "?wait=60s");
    const auto refused = world.get("/api/v1/jobs/" + id + "?wait=60s");
    CHECK(refused.status == 429);
    CHECK_FALSE(World::field(refused, "Retry-After").empty());
    CHECK(world.get("/api/v1/jobs/" + id).status == 200);
    first->go();
    const auto second = world.begin("GET", "/api/v1/jobs/" + id + "?wait=60s");
    world.keeper.open();
    CHECK(second->response().status == 200);
    CHECK(world.api->waiting().size() == 0);
  }

  TEST_CASE("a key makes two submissions one job, or is refused for another") {
    World world;
    const std::vector<http::Field> key{{"idempotency-key", "k-1"}};
    const auto first = world.ask("POST", "/api/v1/jobs/hello_world", R"({"message": "a"})", key);
    CHECK(first.status == 202);
    const auto again = world.ask("POST", "/api/v1/jobs/hello_world", R"({"message": "a"})", key);
    CHECK(again.status == 200);
    CHECK(World::json_of(again).at("job_id") == World::json_of(first).at("job_id"));
    const auto other = world.ask("POST", "/api/v1/jobs/hello_world", R"({"message": "b"})", key);
    CHECK(other.status == 422);
    CHECK(World::json_of(other).at("code") == "key_conflict");
    CHECK(world.ask("POST", "/api/v1/jobs/fan_out", R"({"count": 0})", key).status == 422);
    CHECK(world.ask("POST", "/api/v1/jobs/hello_world", "{}", {{"idempotency-key", ""}}).status == 400);
  }

  TEST_CASE("a repeat of a unique job is the first one") {
    World world;
    const auto first = world.submit("unique", R"({"a": 1, "b": 2})");
    const auto again = world.post("/api/v1/jobs/unique", R"({"b": 2, "a": 1})");
    CHECK(again.status == 200);
    CHECK(World::json_of(again).at("job_id") == json::value(first));
    CHECK(World::json_of(again).at("deduplicated") == true);
    CHECK(world.post("/api/v1/jobs/unique", R"({"a": 1})").status == 202);
  }

  TEST_CASE("what can be done with a job depends on its status") {
    World world;
    const auto id = world.submit("gated", "{}");
    world.keeper.wait_for_one();
    const auto act = [&](const std::string& verb) { return world.post("/api/v1/jobs/" + id + "/" + verb).status; };
    CHECK(act("$resume") == 409);
    CHECK(act("$retry") == 409);
    CHECK(world.ask("DELETE", "/api/v1/jobs/" + id).status == 409);
    CHECK(act("$pause") == 202);
    CHECK(world.status(id) == "paused");
    CHECK(act("resume") == 202);
    CHECK(act("cancel") == 202);
    CHECK(world.status(id) == "cancelling");
    world.keeper.open();
    CHECK(World::text(world.job(id, "?wait=60s"), "status") == "cancelled");
    for (const auto* verb : {"$cancel", "$pause", "$resume"}) {
      CAPTURE(verb);
      const auto refused = world.post("/api/v1/jobs/" + id + "/" + verb);
      CHECK(refused.status == 409);
      CHECK(World::text(World::json_of(refused), "detail").find("cancelled") != std::string::npos);
    }
    const auto retried = world.post("/api/v1/jobs/" + id + "/$retry");
    CHECK(retried.status == 202);
    CHECK(World::json_of(retried).at("job_id") == json::value(id));
    CHECK(World::json_of(retried).at("attempt") == 2);
    CHECK(World::text(world.job(id, "?wait=60s"), "status") == "completed");
    CHECK(world.ask("DELETE", "/api/v1/jobs/" + id).status == 204);
    CHECK(world.get("/api/v1/jobs/" + id).status == 404);
    CHECK(world.ask("DELETE", "/api/v1/jobs/" + id).status == 404);
  }

  TEST_CASE("a signal opens a gate") {
    World world;
    const auto id = world.submit("signalled", "{}");
    const auto path = "/api/v1/jobs/" + id + "/$signal";
    for (const auto* body :
         {R"({})", R"({"name": 5})", R"({"name": "no such name!"})", R"({"name": "a", "more": 1})"}) {
      CAPTURE(body);
      CHECK(world.post(path, body).status == 422);
    }
    CHECK(world.post(path).status == 400);
    CHECK(world.post(path, R"({"name": "approved", "data": {"by": "ann"}})").status == 202);
    CHECK(world.job(id, "?wait=60s").at("result") == json::value{{"data", {{"by", "ann"}}}});
    CHECK(world.post(path, R"({"name": "approved"})").status == 409);
  }

  TEST_CASE("a job that ended without a result says why") {
    World world;
    const auto id =
        world.submit("fan_out", R"({"count": 1, "fail_percent": 100, "fail_attempts": 9, "max_attempts": 1})");
    CHECK(World::text(world.job(id, "?wait=60s"), "status") == "failed");
    const auto response = world.get("/api/v1/jobs/" + id + "/result");
    CHECK(response.status == 404);
    const auto problem = World::json_of(response);
    CHECK(problem.at("code") == "no_result");
    CHECK(problem.at("error").at("task_index") == 0);
    CHECK(problem.at("job_status") == "failed");
  }

  TEST_CASE("a job for later is scheduled") {
    World world;
    const auto delayed = world.submit("hello_world", "{}", "?delay=1h");
    CHECK(world.status(delayed) == "scheduled");
    const auto timed = world.submit("hello_world", "{}", "?run_at=2999-01-31T12:00:00%2B01:00");
    CHECK(world.job(timed).at("run_at") == "2999-01-31T11:00:00.000Z");
    CHECK(world.post("/api/v1/jobs/hello_world?run_at=2999-01-01T00:00:00Z&delay=1s", "{}").status == 400);
  }

  TEST_CASE("while the server stops, nothing is taken and nobody waits") {
    World world;
    const auto id = world.submit("gated", "{}");
    world.keeper.wait_for_one();
    const auto waiting = world.begin("GET", "/api/v1/jobs/" + id + "?wait=60s");
    const auto submitting = world.begin("POST", "/api/v1/jobs/gated?wait=60s", "{}");
    world.api->drain(Milliseconds{60'000});
    CHECK(waiting->response().status == 200);
    CHECK((submitting->response().status == 202));
    const auto refused = world.post("/api/v1/jobs/hello_world", "{}");
    CHECK(refused.status == 503);
    CHECK_FALSE(World::field(refused, "Retry-After").empty());
    CHECK(world.get("/api/v1/jobs/" + id).status == 503);
    CHECK(world.get("/livez").status == 200);
    CHECK(world.get("/readyz").status == 503);
    world.keeper.open();
  }

  TEST_CASE("a disabled job type is a conflict") {
    World world;
    CHECK(world.post("/api/v1/jobs/disabled", "{}").status == 409);
  }
}
