#include <coremachine/registry/coroutine_handler.hpp>
#include <coremachine/registry/register.hpp>
#include <coremachine/registry/task_registry.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "core/registry/task_callable.hpp"

using namespace coremachine;

namespace {

TaskResult with_context(const json::object& params, TaskContext& context) {
  return json::object{{"params", params.size()}, {"attempt", context.attempt()}};
}
TaskResult with_params_alone(const json::object& params) {
  return {{"params", params.size()}};
}
json::object returns_an_object(const json::object&) {
  return {{"plain", true}};
}
TaskResult fails(const json::object&) {
  return TaskFailure{.type = "t", .message = "m"};
}
boost::asio::awaitable<TaskResult> coroutine(const json::object&, TaskContext&) {
  co_return json::value(7);
}

COREMACHINE_TASK("tests.task_by_macro", with_context);
COREMACHINE_TASK("tests.task_by_macro_with_info", with_params_alone, .description = "said in one line", .pure = true);

const std::string type = "tests.task";

TaskContext context_of(std::uint32_t attempt, std::uint32_t round = 3) {
  TaskContext::State state;
  state.job_id = JobId{1, 2};
  state.round = round;
  state.defined_in = 3;
  state.index = 45;
  state.attempt = attempt;
  state.task_type = &type;
  return TaskContext(state);
}

TaskResult call(const TaskRegistry& registry, std::string_view name, const json::object& params = {}) {
  const auto* callable = registry.find_callable(name);
  REQUIRE(callable != nullptr);
  REQUIRE(callable->function);
  auto context = context_of(2);
  return callable->function(params, context);
}

template <class F>
Error error_of(F act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.error();
  }
  return Error{ErrorCode::timed_out, "nothing was thrown"};
}

bool says(const Error& error, std::string_view text) {
  return error.message.find(text) != std::string::npos;
}

}  // namespace

TEST_SUITE("registry: tasks") {
  TEST_CASE("handlers of every shape are called") {
    TaskRegistry registry;
    registry.add("with_context", with_context)
        .add("with_params", with_params_alone)
        .add("object", returns_an_object)
        .add("fails", fails)
        .add("lambda",
             [](const json::object&, TaskContext& context) -> TaskResult { return json::value(context.task_type()); });
    CHECK(call(registry, "with_context", {{"a", 1}}).value() == json::value{{"params", 1}, {"attempt", 2}});
    CHECK(call(registry, "with_params", {{"a", 1}}).value() == json::value{{"params", 1}});
    CHECK(call(registry, "object").value() == json::value{{"plain", true}});
    CHECK(call(registry, "lambda").value() == json::value("tests.task"));
    CHECK_FALSE(call(registry, "fails").ok());
    CHECK(call(registry, "fails").failure().message == "m");
    CHECK(registry.find_callable("unknown") == nullptr);
  }

  TEST_CASE("a handler that returns an awaitable is kept as a coroutine") {
    TaskRegistry registry;
    registry.add("waits", coroutine);
    const auto* callable = registry.find_callable("waits");
    REQUIRE(callable != nullptr);
    CHECK_FALSE(callable->function);
    REQUIRE(callable->coroutine != nullptr);
    CHECK(callable->coroutine->function);
  }

  TEST_CASE("infos are kept, listed by name and selected by tags") {
    TaskRegistry registry;
    registry.add("b", with_context, {.tags = {"x", "y"}, .retry = RetryPolicy{.max_attempts = 9}})
        .add("a", with_context, {.description = "first", .tags = {"x"}, .pure = true});
    const auto all = registry.list_all_info();
    REQUIRE(all.size() == 2);
    CHECK(all[0].name == "a");
    CHECK(all[0].pure);
    CHECK(all[1].retry->max_attempts == 9);
    CHECK(registry.list_by_tags({"y", "x"}).size() == 1);
    CHECK(registry.list_by_tags({"x"}).size() == 2);
    CHECK(registry.list_by_tags({"x", "z"}).empty());
    CHECK(registry.get_info("a").value().description == "first");
  }

  TEST_CASE("duplicates, invalid names and empty handlers are refused") {
    TaskRegistry registry;
    const auto first = std::source_location::current();
    registry.add("same", with_context, {}, first);
    const auto second = std::source_location::current();
    const auto twice = error_of([&] { registry.add("same", with_params_alone, {}, second); });
    CHECK(twice.code == ErrorCode::invalid_argument);
    for (const auto& where : {first, second}) {
      CHECK(says(twice, std::string(where.file_name()) + ":" + std::to_string(where.line())));
    }
    CHECK(error_of([&] { registry.add("a..b", with_context); }).code == ErrorCode::invalid_name);
    CHECK(error_of([&] { registry.add("empty", TaskFunction()); }).code == ErrorCode::invalid_argument);
    CHECK(registry.list_all_info().size() == 1);
  }

  TEST_CASE("an unknown task is answered with the nearest known ones") {
    TaskRegistry registry;
    CHECK(registry.get_info("x").error() ==
          Error{ErrorCode::unknown_task, "unknown task \"x\"; no tasks are registered"});
    registry.add("greet", with_context).add("list_blobs", with_context);
    CHECK(registry.get_info("gret").error() == Error{ErrorCode::unknown_task, "unknown task \"gret\"; nearest: greet"});
  }

  TEST_CASE("a frozen registry refuses every change, and its handlers are found from any thread") {
    TaskRegistry registry;
    registry.add("a", with_context).add("b", with_context);
    const auto* a = registry.find_callable("a");
    registry.freeze();
    CHECK(error_of([&] { registry.add("c", with_context); }).code == ErrorCode::wrong_state);
    CHECK(error_of([&] { registry.clear(); }).code == ErrorCode::wrong_state);
    std::atomic<int> found = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 100; ++i) found += registry.find_callable("a") == a && !registry.find_callable("c") ? 1 : 0;
      });
    }
    threads.clear();
    CHECK(found == 300);
  }

  TEST_CASE("what goes wrong before main is thrown at once by freeze") {
    TaskRegistry registry;
    const auto where = std::source_location::current();
    registry.add_at_load("x", with_context, {}, where);
    registry.add_at_load("x", with_context, {}, where);
    registry.add_at_load("..", with_context, {}, where);
    const auto error = error_of([&] { registry.freeze(); });
    CHECK(says(error, "2 registrations of tasks went wrong"));
    CHECK(says(error, "\"x\" is registered twice"));
    CHECK(says(error, "\"..\""));
  }

  TEST_CASE("a declared type is known and has no handler") {
    TaskRegistry registry;
    registry.declare({.name = "elsewhere", .tags = {"remote"}, .resolver_id = "etl"}).add("here", fails);
    CHECK(registry.contains("elsewhere"));
    CHECK_FALSE(registry.runs_here("elsewhere"));
    CHECK(registry.find_callable("elsewhere") == nullptr);
    CHECK(registry.share_callable("elsewhere") == nullptr);
    CHECK(registry.runs_here("here"));
    CHECK(registry.share_callable("here").get() == registry.find_callable("here"));
    CHECK_FALSE(registry.runs_here("nowhere"));
    CHECK(registry.get_info("elsewhere")->resolver_id == "etl");
    CHECK(registry.list_by_tags({"remote"}).size() == 1);
    CHECK_THROWS_AS(registry.declare({.name = "here"}), Failure);
    CHECK_THROWS_AS(registry.add("elsewhere", fails), Failure);
    CHECK_THROWS_AS(registry.declare({.name = "a b"}), Failure);
    registry.freeze();
    CHECK_FALSE(registry.runs_here("elsewhere"));
    CHECK_THROWS_AS(registry.declare({.name = "late"}), Failure);
  }

  TEST_CASE("a task says which module it came with") {
    TaskRegistry registry;
    registry.add("first", fails);
    registry.add("said", fails, {.module = "other"});
    registry.add("second", fails);
    registry.came_with("etl", {"first"});
    CHECK(registry.get_info("first")->module.empty());
    CHECK(registry.get_info("second")->module == "etl");
    CHECK(registry.get_info("said")->module == "other");
  }

  TEST_CASE("one line at namespace scope registers with the process-wide registry") {
    CHECK(TaskRegistry::instance().contains("tests.task_by_macro"));
    CHECK_FALSE(TaskRegistry::instance().get_info("tests.task_by_macro").value().pure);
    CHECK(TaskRegistry::instance().get_info("tests.task_by_macro_with_info").value().pure);
  }

  TEST_CASE("the idempotency key is the same for every attempt and different for any other task") {
    CHECK(context_of(1).idempotency_key() == "0000000000000G000000000002/3/45");
    CHECK(context_of(1).idempotency_key() == context_of(7).idempotency_key());
    CHECK(context_of(1).idempotency_key() == context_of(8, 5).idempotency_key());  // after a retry of the job
  }

  TEST_CASE("an attempt is no longer wanted when it is cancelled or its time is up") {
    std::atomic<bool> cancelled = false;
    TaskContext::State state;
    state.cancelled = &cancelled;
    CHECK_FALSE(TaskContext(state).cancelled());
    cancelled = true;
    CHECK(TaskContext(state).cancelled());
    cancelled = false;
    state.deadline = std::chrono::steady_clock::time_point::max();
    CHECK_FALSE(TaskContext(state).cancelled());
    state.deadline = std::chrono::steady_clock::time_point::min();
    CHECK(TaskContext(state).cancelled());
  }
}
