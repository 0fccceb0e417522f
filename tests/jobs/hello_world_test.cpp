#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "tests/jobs/handler_calls.hpp"

using namespace coremachine;
using coremachine::tests::HandlerCalls;

TEST_SUITE("jobs: hello_world") {
  TEST_CASE("it greets with its message, or with Hello") {
    const HandlerCalls calls;
    CHECK(calls.run_job("hello_world", {{"message", "Welcome"}}) == json::object{{"greeting", "Welcome"}});
    CHECK(calls.run_job("hello_world", {}) == json::object{{"greeting", "Hello"}});
    CHECK(calls.run_job("hello_world", {{"message", ""}}) == json::object{{"greeting", ""}});
    CHECK(calls.run_job("hello_world", {{"message", "\"ü\n\u20ac"}}) == json::object{{"greeting", "\"ü\n\u20ac"}});
  }

  TEST_CASE("it is one greet, which is pure") {
    const HandlerCalls calls;
    const auto definitions = calls.tasks_of("hello_world", 1, {});
    REQUIRE(definitions.size() == 1);
    CHECK(definitions[0].task_type == "greet");
    CHECK(calls.tasks.get_info("greet").value().pure);
    CHECK(calls.run_task("greet", {}).value() == json::value{{"output", "Hello"}});
  }

  TEST_CASE("params that do not fit are refused with every fault") {
    const HandlerCalls calls;
    CHECK(calls.refusal_of_job("hello_world", {{"message", 5}, {"colour", "red"}}) ==
          "the params do not fit: /message is 5, should be a string; /colour is not known; nearest: message");
    const auto refusal = calls.refusal_of_task("greet", {{"message", nullptr}});
    CHECK(refusal.message == "the params do not fit: /message is null, should be a string");
    CHECK(refusal.kind == TaskFailure::Kind::permanent);
    const auto shortened = calls.refusal_of_task("greet", {{"message", json::array(5000, "é")}}).message;
    CHECK(shortened.size() < 200);
    CHECK(shortened.find("…") != std::string::npos);
  }

  TEST_CASE("every built-in job and task is tagged, described and has a schema") {
    const HandlerCalls calls;
    const auto check = [](const auto& info) {
      CAPTURE(info.name);
      CHECK(std::find(info.tags.begin(), info.tags.end(), "builtin") != info.tags.end());
      CHECK(info.tags.size() >= 2);
      CHECK_FALSE(info.description.empty());
      CHECK(info.params_schema.at("$schema") == "https://json-schema.org/draft/2020-12/schema");
      CHECK(info.params_schema.at("type") == "object");
      CHECK(info.params_schema.at("additionalProperties") == false);
      CHECK(info.validate_params({{"surely this is no param", 1}}).size() >= 1);
      if (const auto* required = info.params_schema.if_contains("required")) {
        for (const auto& name : required->as_array()) {
          CHECK(info.params_schema.at("properties").as_object().contains(name.as_string()));
        }
      }
    };
    const auto jobs = calls.jobs.list_all_info();
    CHECK(jobs.size() >= 4);
    for (const auto& info : jobs) {
      check(info);
      CHECK_FALSE(info.stages.empty());
    }
    const auto tasks = calls.tasks.list_all_info();
    CHECK(tasks.size() >= 5);
    for (const auto& info : tasks) check(info);
  }
}
