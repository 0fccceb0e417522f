#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;

namespace {

void add_tasks(JobRegistry&, TaskRegistry& tasks) {
  tasks
      .add("demo.fail",
           [](const json::object&) -> TaskResult {
             return TaskFailure{.type = "NoSuchThing", .message = "it: is gone", .kind = TaskFailure::Kind::permanent};
           })
      .add("demo.throw", [](const json::object&) -> TaskResult { throw std::invalid_argument("no"); },
           {.tags = {"demo", "bad"}, .retry = RetryPolicy{.max_attempts = 1}, .timeout = Milliseconds{1500}})
      .add("demo.off", [](const json::object&) { return json::value(1); }, {.tags = {"demo"}, .enabled = false})
      .add("demo.any", [](const json::object& params) -> TaskResult { return params; }, {.tags = {"demo"}});
}

std::vector<std::string> names(const http::Response& response) {
  std::vector<std::string> all;
  const auto items = json::parse(response.body);
  for (const auto& item : items.as_array()) all.emplace_back(item.at("name").as_string());
  return all;
}

}  // namespace

TEST_SUITE("http: registries") {
  TEST_CASE("job types and tasks are plain arrays by name, filtered by all of the tags") {
    ApiFixture world({}, {}, add_tasks);
    using Names = std::vector<std::string>;
    auto types = names(world.get("/api/v1/job-types"));
    std::erase(types, "stage_raster");  // only where GDAL is
    CHECK(types == Names{"execute_task", "fan_out", "hello_world", "list_container"});
    CHECK(names(world.get("/api/v1/tasks?tags=demo")) == Names{"demo.any", "demo.off", "demo.throw"});
    CHECK(names(world.get("/api/v1/tasks?tags=demo,bad")) == Names{"demo.throw"});
    CHECK(names(world.get("/api/v1/tasks?tags=demo&tags=bad")) == Names{"demo.throw"});
    CHECK(names(world.get("/api/v1/tasks?tags=builtin,demo")).empty());
    CHECK(world.get("/api/v1/tasks?tags=nobody").body == "[]");
    for (const auto& name : names(world.get("/api/v1/tasks?tags=builtin"))) {
      CHECK(ApiFixture::json_of(world.get("/api/v1/tasks/" + name)).at("tags").as_array().size() >= 2);
    }
  }

  TEST_CASE("a task type shows how it is called and retried") {
    ApiFixture world({}, {}, add_tasks);
    const auto greet = ApiFixture::json_of(world.get("/api/v1/tasks/greet"));
    CHECK(greet.at("params_schema").at("properties").as_object().contains("message"));
    CHECK(greet.at("retry") ==
          json::value{
              {"max_attempts", 3}, {"first_delay", "1s"}, {"factor", 2.0}, {"max_delay", "1m"}, {"jitter", true}});
    CHECK(greet.at("timeout").is_null());
    const auto thrower = ApiFixture::json_of(world.get("/api/v1/tasks/demo.throw"));
    CHECK(thrower.at("timeout") == "1500ms");
    CHECK(thrower.at("retry").at("max_attempts") == 1);
  }

  TEST_CASE("a job type shows its params and stages") {
    ApiFixture world;
    const auto type = ApiFixture::json_of(world.get("/api/v1/job-types/hello_world"));
    CHECK(type.at("name") == "hello_world");
    CHECK(type.at("stages").as_array().size() == 1);
    CHECK(type.at("params_schema").at("properties").as_object().contains("message"));
  }

  TEST_CASE("a task is executed by itself") {
    ApiFixture world({}, {}, add_tasks);
    const auto accepted = world.post("/api/v1/tasks/greet/$execute", R"({"params": {"message": "Hi"}})");
    CHECK(accepted.status == 202);
    const auto id = ApiFixture::text(ApiFixture::json_of(accepted), "job_id");
    CHECK(ApiFixture::field(accepted, "Location") == "/api/v1/jobs/" + id);
    const auto job = ApiFixture::json_of(world.get("/api/v1/jobs/" + id + "?wait=60s"));
    CHECK(job.at("status") == "completed");
    CHECK(job.at("result") == json::value{{"result", {{"output", "Hi"}}}});

    const auto done = ApiFixture::json_of(world.post("/api/v1/tasks/greet/execute?wait=60s", "{}"));
    CHECK(done.at("task_name") == "greet");
    CHECK(done.at("params") == json::object());
    CHECK(done.at("result") == json::value{{"output", "Hello"}});
    CHECK(done.at("error").is_null());
    CHECK(world.post("/api/v1/tasks/greet/$execute?wait=60s", "{}").status == 200);
    CHECK(world.post("/api/v1/tasks/greet/$execute").status == 400);
    CHECK(world.post("/api/v1/tasks/demo.off/$execute", "{}").status == 409);
    CHECK(world.post("/api/v1/tasks/demo.any/$execute?wait=60s", R"({"params": []})").status == 422);
  }

  TEST_CASE("a value that is large only with what is around it is shown, and a large result is an artifact") {
    constexpr std::size_t large = 1U << 20U;
    ApiFixture world({}, {}, [](JobRegistry& jobs, TaskRegistry& tasks) {
      add_tasks(jobs, tasks);
      tasks.add("demo.same", [](const json::object& params) -> TaskResult { return params.at("text"); });
    });
    for (const std::size_t size : {large - 100, large - 22, large - 10, large - 2, large, 2 * large}) {
      CAPTURE(size);
      const json::object params{{"text", std::string(size, 'x')}};
      const auto body = json::serialize(json::object{{"params", params}});
      for (const auto* wait : {"?wait=60s", ""}) {
        const auto answer = world.post("/api/v1/tasks/demo.same/$execute" + std::string(wait), body);
        const auto shown = ApiFixture::json_of(answer);
        CHECK(answer.status == (*wait ? 200 : 202));
        CHECK(shown.at("task_name") == "demo.same");
        CHECK((shown.at("params") == params));  // a megabyte is not for the message
        if (!*wait) continue;
        CHECK(shown.at("status") == "completed");
        if (size + 2 <= large) {
          CHECK((shown.at("result") == params.at("text")));
        } else {
          CHECK(shown.at("result").as_object().contains("$artifact"));
          CHECK((world.machine->artifact_value(shown.at("result")).value() == params.at("text")));
        }
      }
    }
  }

  TEST_CASE("all that is wrong with an execution is said, with the params in it") {
    ApiFixture world({}, {}, add_tasks);
    const auto refused = world.post("/api/v1/tasks/greet/$execute", R"({"params": {"message": 5, "x": 1}, "y": 2})");
    CHECK(refused.status == 422);
    CHECK(ApiFixture::pointers(refused) == std::set<std::string>{"#/params/message", "#/params/x", "#/y"});
  }

  TEST_CASE("a short answer is made by who sends it, but not a long one nor that of a failure") {
    ApiFixture world({}, {}, add_tasks);
    const auto ran = [&](const std::string& target, const std::string& body) {
      const auto answered = world.begin("POST", target, body);
      CHECK(answered->response().status == 200);
      return answered->ran();
    };
    CHECK(ran("/api/v1/jobs/hello_world?wait=60s", "{}"));
    CHECK(ran("/api/v1/tasks/greet/$execute?wait=60s", "{}"));
    CHECK(!ran("/api/v1/jobs/hello_world?wait=60s", R"({"message": ")" + std::string(5000, 'x') + R"("})"));
    CHECK(!ran("/api/v1/tasks/demo.fail/$execute?wait=60s", "{}"));
  }

  TEST_CASE("what a task raised is told by type and message") {
    ApiFixture world({}, {}, add_tasks);
    const auto failed = ApiFixture::json_of(world.post("/api/v1/tasks/demo.fail/$execute?wait=60s", "{}"));
    CHECK(failed.at("result").is_null());
    CHECK(failed.at("status") == "failed");
    CHECK(failed.at("error") == json::value{{"type", "NoSuchThing"}, {"message", "it: is gone"}});
    const auto threw = ApiFixture::json_of(world.post("/api/v1/tasks/demo.throw/$execute?wait=60s", "{}"));
    CHECK(threw.at("error") == json::value{{"type", "std::invalid_argument"}, {"message", "no"}});
  }
}
