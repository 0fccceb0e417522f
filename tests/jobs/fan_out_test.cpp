#include <numeric>
#include <string>

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

#include "core/model/json_text.hpp"
#include "tests/jobs/handler_calls.hpp"

using namespace coremachine;
using coremachine::tests::HandlerCalls;

namespace {

json::object object(const char* text) {
  return json::parse(text).as_object();
}

std::string text_of(const json::object& params) {
  std::string text;
  REQUIRE_FALSE(append_json(text, params).has_value());
  return text;
}

}  // namespace

TEST_SUITE("jobs: fan_out") {
  TEST_CASE("it counts and sums what succeeded") {
    const HandlerCalls calls;
    CHECK(calls.run_job("fan_out", {{"count", 0}}) == object(R"({"count": 0, "succeeded": 0, "failed": 0, "sum": 0})"));
    CHECK(calls.run_job("fan_out", {{"count", 1}}) == object(R"({"count": 1, "succeeded": 1, "failed": 0, "sum": 0})"));
    CHECK(calls.run_job("fan_out", {{"count", 1000}}) ==
          object(R"({"count": 1000, "succeeded": 1000, "failed": 0, "sum": 499500})"));
  }

  TEST_CASE("tasks that were to fail succeed in the end when they have attempts enough") {
    const HandlerCalls calls;
    CHECK(calls.run_job("fan_out", {{"count", 250}, {"fail_percent", 10}}).at("succeeded") == 250);
    CHECK(calls.run_job("fan_out", {{"count", 250}, {"fail_percent", 10}, {"fail_attempts", 2}}).at("failed") == 0);
    const auto result =
        calls.run_job("fan_out", {{"count", 250}, {"fail_percent", 10}, {"fail_attempts", 3}, {"join", "best_effort"}});
    std::uint64_t sum = 0;
    for (std::uint64_t k = 0; k < 250; ++k) sum += k % 100 < 10 ? 0 : k;
    CHECK(result == json::object{{"count", 250}, {"succeeded", 220}, {"failed", 30}, {"sum", sum}});
    CHECK(calls.run_job("fan_out", {{"count", 250}, {"fail_percent", 100}, {"max_attempts", 1}}).at("succeeded") == 0);
  }

  TEST_CASE("a task says no more than is asked of it") {
    const HandlerCalls calls;
    struct Row {
      const char* params;
      TaskIndex task;
      const char* text;
    };
    const Row rows[] = {
        {R"({"count": 2000000})", 1234567, R"({"i":1234567})"},
        {R"({"count": 300, "fail_percent": 5, "fail_attempts": 0})", 4, R"({"i":4})"},
        {R"({"count": 300, "fail_percent": 5})", 4, R"({"i":4,"fail_attempts":1})"},
        {R"({"count": 300, "fail_percent": 5})", 5, R"({"i":5})"},
        {R"({"count": 300, "fail_percent": 5, "fail_attempts": 7})", 204, R"({"i":204,"fail_attempts":7})"},
        {R"({"count": 300, "sleep_ms": 3, "payload_bytes": 9})", 8, R"({"i":8,"sleep_ms":3,"payload_bytes":9})"},
    };
    for (const auto& row : rows) {
      const auto params = object(row.params);
      const auto definitions = calls.tasks_of("fan_out", 2, params, {{1, {{"count", params.at("count")}}}});
      REQUIRE(definitions.size() == params.at("count").to_number<std::size_t>());
      CHECK(definitions[row.task].task_type == "echo");
      CHECK(text_of(definitions[row.task].parameters) == row.text);
    }
    CHECK(text_of(calls.tasks_of("fan_out", 1, {{"count", 7}}).at(0).parameters) == R"({"count":7})");
  }

  TEST_CASE("the second stage runs as the params say, the first as any") {
    const HandlerCalls calls;
    struct Row {
      const char* join;
      Join expected;
    };
    const Row rows[] = {
        {R"("strict")", JoinAll{}},
        {R"("best_effort")", JoinBestEffort{}},
        {R"({"at_least": 5})", JoinAtLeast{5}},
        {R"({"at_least": 0})", JoinAtLeast{0}},
        {R"({"tolerate_percent": 12.5})", JoinToleratePercent{12.5}},
        {R"({"tolerate_percent": 100})", JoinToleratePercent{100}},
        {R"({"tolerate": 3})", JoinTolerateCount{3}},
        {R"({"critical_percent": 10})", JoinCritical{}},
    };
    for (const auto& row : rows) {
      CAPTURE(row.join);
      const json::object params{{"count", 9}, {"join", json::parse(row.join)}};
      CHECK(calls.policy_of("fan_out", 2, params).join == row.expected);
      CHECK(calls.policy_of("fan_out", 1, params) == StagePolicy{});
    }
    const auto plain = calls.policy_of("fan_out", 2, {{"count", 9}});
    CHECK(plain.join == Join{JoinAll{}});
    CHECK(plain.max_concurrency == 0);
    CHECK(plain.retry == RetryPolicy{3, Milliseconds(10), 1.0, Milliseconds(10), true});
    const auto busy = calls.policy_of("fan_out", 2, {{"count", 9}, {"max_attempts", 8}, {"max_concurrency", 4}});
    CHECK(busy.retry->max_attempts == 8);
    CHECK(busy.max_concurrency == 4);
    CHECK(plain.stragglers == Stragglers::cancel);
    CHECK_FALSE(plain.deadline);
    const auto timed = calls.policy_of("fan_out", 2, {{"count", 9}, {"stragglers", "wait"}, {"deadline_ms", 50}});
    CHECK(timed.stragglers == Stragglers::wait);
    CHECK(timed.deadline == Milliseconds(50));
  }

  TEST_CASE("a critical share of the tasks decides a critical join") {
    const HandlerCalls calls;
    const json::object params{{"count", 250}, {"join", {{"critical_percent", 10}}}};
    const auto tasks = calls.tasks_of("fan_out", 2, params, {{1, {{"count", 250}}}});
    REQUIRE(tasks.size() == 250);
    for (std::size_t k = 0; k < tasks.size(); ++k) CHECK(tasks[k].critical == (k % 100 < 10));
    CHECK(calls.run_job("fan_out", {{"count", 250}, {"join", {{"critical_percent", 10}}}}).at("succeeded") == 250);
  }

  TEST_CASE("params that do not fit are refused") {
    const HandlerCalls calls;
    struct Row {
      const char* params;
      const char* says;
    };
    const Row rows[] = {
        {R"({})", "/count is missing, should be an integer from 0 to 10000000"},
        {R"({"count": -1})", "/count is -1, should be an integer from 0 to 10000000"},
        {R"({"count": 10000001})", "/count is 10000001, should be"},
        {R"({"count": 18446744073709551615})", "/count is 18446744073709551615, should be"},
        {R"({"count": 1.5})", "/count is 1.5, should be"},
        {R"({"count": "7"})", "/count is \"7\", should be"},
        {R"({"count": 3.0})", "/count is 3.0, should be"},
        {R"({"count": true})", "/count is true, should be"},
        {R"({"count": 1, "fail_percent": 101})", "/fail_percent is 101, should be an integer from 0 to 100"},
        {R"({"count": 1, "fail_percent": -1})", "/fail_percent is -1"},
        {R"({"count": 1, "fail_attempts": -1})", "/fail_attempts is -1"},
        {R"({"count": 1, "sleep_ms": -1})", "/sleep_ms is -1"},
        {R"({"count": 1, "payload_bytes": 1048577})", "/payload_bytes is 1048577"},
        {R"({"count": 1, "max_attempts": 0})", "/max_attempts is 0, should be an integer from 1"},
        {R"({"count": 1, "max_concurrency": 4294967296})", "/max_concurrency is 4294967296"},
        {R"({"count": 1, "join": "all"})", "/join is \"all\", should be \"strict\", \"best_effort\", {\"at_least\""},
        {R"({"count": 1, "join": {}})", "/join is {}"},
        {R"({"count": 1, "join": {"at_least": -1}})", "/join is {\"at_least\":-1}"},
        {R"({"count": 1, "join": {"at_least": 1.5}})", "/join is"},
        {R"({"count": 1, "join": {"at_least": 1.0}})", "/join is"},
        {R"({"count": 1, "join": {"at_least": 1, "tolerate_percent": 1}})", "/join is"},
        {R"({"count": 1, "join": {"tolerate_percent": 100.5}})", "/join is"},
        {R"({"count": 1, "join": {"tolerate_percent": -0.5}})", "/join is"},
        {R"({"count": 1, "join": null})", "/join is null"},
        {R"({"count": 1, "join": {"tolerate": "1"}})", "/join is"},
        {R"({"count": 1, "join": {"critical_percent": 101}})", "/join is"},
        {R"({"count": 1, "join": {"most": 1}})", "/join is"},
        {R"({"count": 1, "stragglers": "drop"})", "/stragglers is \"drop\""},
        {R"({"count": 1, "deadline_ms": -1})", "/deadline_ms is -1"},
        {R"({"count": 1, "counts": 2})", "/counts is not known; nearest: count"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.params);
      const auto message = calls.refusal_of_job("fan_out", object(row.params));
      CAPTURE(message);
      CHECK(message.find(row.says) != std::string::npos);
    }
    const auto all = calls.refusal_of_job("fan_out", object(R"({"count": -1, "sleep_ms": "x", "join": 1, "y": 2})"));
    for (const char* fault : {"/count is -1", "/sleep_ms is \"x\"", "/join is 1", "/y is not known"}) {
      CHECK(all.find(fault) != std::string::npos);
    }
  }
}

TEST_SUITE("jobs: echo") {
  TEST_CASE("it returns its number, and a payload on demand") {
    const HandlerCalls calls;
    CHECK(calls.run_task("echo", {{"i", 41}}).value() == json::value{{"i", 41}});
    const auto result = calls.run_task("echo", {{"i", 1}, {"payload_bytes", 300}, {"sleep_ms", 0}}).value();
    CHECK(result.at("i") == 1);
    CHECK(result.at("payload").as_string().size() == 300);
  }

  TEST_CASE("it fails the attempts that it was asked to, with the same text whatever the task") {
    const HandlerCalls calls;
    const auto failure = [&](int i, std::uint32_t attempt) {
      const auto result = calls.run_task("echo", {{"i", i}, {"fail_attempts", 2}}, attempt);
      REQUIRE_FALSE(result.ok());
      CHECK(result.failure().kind == TaskFailure::Kind::retry);
      return result.failure().type + ": " + result.failure().message;
    };
    CHECK(failure(12345, 1) == failure(67890, 2));
    CHECK(calls.run_task("echo", {{"i", 1}, {"fail_attempts", 2}}, 3).ok());
  }

  TEST_CASE("it does not sleep when it is not wanted any more") {
    HandlerCalls calls;
    calls.cancelled = true;
    const auto result = calls.run_task("echo", {{"i", 1}, {"sleep_ms", 3'600'000}});
    REQUIRE_FALSE(result.ok());
    CHECK(result.failure().type == "cancelled");
  }

  TEST_CASE("params that do not fit are refused for good") {
    const HandlerCalls calls;
    for (const char* params : {R"({})", R"({"i": -1})", R"({"i": "1"})", R"({"x": 1})", R"({"i": 1, "x": 1})",
                               R"({"i": 1, "sleep_ms": -1})", R"({"i": 1, "payload_bytes": 1e9})"}) {
      CAPTURE(params);
      const auto refusal = calls.refusal_of_task("echo", object(params));
      CHECK(refusal.type == "invalid_params");
      CHECK(refusal.kind == TaskFailure::Kind::permanent);
      CHECK(refusal.message.find("the params do not fit: ") == 0);
    }
    CHECK(calls.refusal_of_task("plan", object(R"({"count": -5})")).message ==
          "the params do not fit: /count is -5, should be an integer from 0 to 10000000");
  }
}
