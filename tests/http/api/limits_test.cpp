#include <string>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;

TEST_SUITE("http: limits") {
  TEST_CASE("one limit is set, shown and taken away") {
    ApiFixture world;
    CHECK(ApiFixture::json_of(world.get("/api/v1/limits")) ==
          json::value{{"items", json::array()}, {"next_cursor", nullptr}});
    const auto set = world.ask("PUT", "/api/v1/limits/echo", R"({"max_concurrency": 4, "rate": 20, "burst": 3})");
    CHECK(set.status == 200);
    CHECK(ApiFixture::json_of(set) ==
          json::value{{"task_type", "echo"}, {"max_concurrency", 4}, {"rate", 20.0}, {"burst", 3}, {"paused", false}});
    CHECK(ApiFixture::json_of(world.get("/api/v1/limits/echo")) == ApiFixture::json_of(set));
    CHECK(ApiFixture::json_of(world.get("/api/v1/limits")).at("items").as_array().size() == 1);
    CHECK(world.machine->limits().at("echo") == TypeLimit{.max_concurrency = 4, .rate = 20, .burst = 3});
    CHECK(world.ask("DELETE", "/api/v1/limits/echo").status == 204);
    CHECK(world.machine->limits().empty());
    CHECK(ApiFixture::json_of(world.get("/api/v1/limits/echo")).at("max_concurrency") == 0);
  }

  TEST_CASE("several are set at once, or none") {
    ApiFixture world;
    const auto set =
        world.ask("PUT", "/api/v1/limits",
                  R"({"items": [{"task_type": "echo", "max_concurrency": 2}, {"task_type": "greet", "rate": 5}]})");
    CHECK(set.status == 200);
    CHECK(ApiFixture::json_of(set).at("items").as_array().size() == 2);
    CHECK(world.ask("PUT", "/api/v1/limits", R"({"task_type": "plan", "max_concurrency": 1})").status == 200);
    CHECK(world.machine->limits().size() == 3);
    const auto refused = world.ask(
        "PUT", "/api/v1/limits", R"({"items": [{"task_type": "echo", "max_concurrency": 9}, {"task_type": "ecko"}]})");
    CHECK(refused.status == 422);
    CHECK(ApiFixture::json_of(refused).at("errors").at(0).at("pointer") == "#/items/1/task_type");
    CHECK(world.machine->limits().at("echo").max_concurrency == 2);
    // What GET shows can be put back.
    for (const auto* path : {"/api/v1/limits", "/api/v1/limits/echo"}) {
      const auto shown = world.get(path).body;
      CHECK(world.ask("PUT", path, shown).status == 200);
      CHECK(world.get(path).body == shown);
    }
  }

  TEST_CASE("what is no limit is refused") {
    ApiFixture world;
    for (const auto* body : {R"({"max_concurrency": -1})", R"({"rate": -1})", R"({"rate": "fast"})", R"({"burst": 3})",
                             R"({"speed": 1})", R"({"max_concurrency": 4294967296})"}) {
      CAPTURE(body);
      CHECK(world.ask("PUT", "/api/v1/limits/echo", body).status == 422);
    }
    CHECK(world.ask("PUT", "/api/v1/limits", "{}").status == 422);
    const auto twice =
        world.ask("PUT", "/api/v1/limits",
                  R"({"items": [{"task_type": "greet", "rate": 6}, {"task_type": "greet", "rate": 7}]})");
    CHECK(twice.status == 422);
    CHECK(ApiFixture::json_of(twice).at("errors").at(0).at("pointer") == "#/items/1/task_type");
    const auto other = world.ask("PUT", "/api/v1/limits/echo", R"({"task_type": "greet", "rate": 6})");
    CHECK(other.status == 422);
    CHECK(ApiFixture::json_of(other).at("errors").at(0).at("pointer") == "#/task_type");
    CHECK(world.machine->limits().empty());
  }

  TEST_CASE("a task type is paused and resumed, and keeps its limit") {
    ApiFixture world;
    world.ask("PUT", "/api/v1/limits/greet", R"({"max_concurrency": 4})");
    CHECK(world.post("/api/v1/tasks/greet/$pause").status == 200);
    CHECK(world.machine->limits().at("greet") == TypeLimit{.max_concurrency = 4, .paused = true});
    const auto id = world.submit("hello_world", "{}");
    const auto waiting = world.begin("GET", "/api/v1/jobs/" + id + "?wait=60s");
    CHECK(world.post("/api/v1/queues/greet/resume").status == 200);
    CHECK(ApiFixture::json_of(waiting->response()).at("status") == "completed");
    CHECK(world.machine->limits().at("greet") == TypeLimit{.max_concurrency = 4});
    CHECK(world.post("/api/v1/queues/nothing/$pause").status == 404);
  }
}
