#include <coremachine/registry/coroutine_handler.hpp>
#include <coremachine/registry/register.hpp>
#include <coremachine/registry/typed.hpp>
#include <coremachine/testing/workflow.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <string>

#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/serialize.hpp>

#include "core/registry/task_callable.hpp"

using namespace coremachine;
namespace asio = boost::asio;

namespace {

struct Doubling {
  std::int64_t number = 0;
  std::string word = "is";
  static void rules(params::Fields<Doubling>& fields) {
    fields[&Doubling::number].range(0, 100);
    fields[&Doubling::word].pattern("^[a-z]*$").by_default();  // made before main, for the macros below
  }
};
BOOST_DESCRIBE_STRUCT(Doubling, (), (number, word))

struct DoublingJob : TypedJobHandler<Doubling> {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    return {{"double", params::to_json(params(context))}};
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"result", results[0]}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

json::value doubled(const Doubling& params) {
  return json::value(params.word + " " + std::to_string(2 * params.number));
}
TaskResult with_context(const Doubling& params, TaskContext& context) {
  return json::value(json::array{context.attempt(), doubled(params)});
}
TaskResult by_value(Doubling params) noexcept {
  return doubled(params);
}
TaskResult fails(const Doubling&) {
  return TaskFailure{.type = "t", .message = "m"};
}
/// Goes round the loop before it looks at its params: they have to be there still.
asio::awaitable<TaskResult> coroutine(const Doubling& params, TaskContext& context) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  co_return json::value(json::array{context.attempt(), doubled(params)});
}
asio::awaitable<TaskResult> coroutine_of_params(const Doubling& params) {
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  co_return doubled(params);
}

COREMACHINE_JOB("tests.typed_by_macro", DoublingJob, .description = "typed");
COREMACHINE_TASK("tests.typed_by_macro", with_context, .pure = true);

TaskResult call(const TaskRegistry& registry, std::string_view name, const json::object& params) {
  const auto* callable = registry.find_callable(name);
  REQUIRE(callable != nullptr);
  TaskContext::State state;
  state.attempt = 3;
  TaskContext context(state);
  if (callable->function) return callable->function(params, context);
  std::optional<TaskResult> result;
  asio::io_context loop;
  asio::co_spawn(loop, callable->coroutine->function(params, context), [&](std::exception_ptr thrown, TaskResult done) {
    if (thrown) std::rethrow_exception(thrown);
    result = std::move(done);
  });
  loop.run();
  REQUIRE(result.has_value());
  return *result;
}

const json::object unfit{{"number", 101}, {"wort", "was"}};
const std::vector<ParamFault> faults{{"/number", "is 101, should be an integer from 0 to 100"},
                                     {"/wort", "is not known; nearest: word"}};

}  // namespace

TEST_SUITE("registry: typed handlers") {
  TEST_CASE("a job's schema and validator come from its params") {
    JobRegistry registry;
    registry.add<DoublingJob>("double");
    const auto info = registry.get_info("double").value();
    CHECK(info.params_schema == params::schema<Doubling>());
    REQUIRE(info.validate_params);
    CHECK(info.validate_params({{"number", 1}}).empty());
    CHECK(info.validate_params(unfit) == faults);
    CHECK(JobRegistry::instance().get_info("tests.typed_by_macro").value().validate_params);
    static_assert(std::is_same_v<DoublingJob::Params, Doubling>);
  }

  TEST_CASE("what the author gave is kept") {
    JobRegistry registry;
    registry.add<DoublingJob>("double", {.params_schema = {{"mine", true}}, .validate_params = [](const json::object&) {
                                           return std::vector<ParamFault>{{"/mine", "too"}};
                                         }});
    const auto info = registry.get_info("double").value();
    CHECK(info.params_schema == json::object{{"mine", true}});
    CHECK(info.validate_params({}).at(0).pointer == "/mine");
  }

  TEST_CASE("a job handler gets the struct, or throws what is wrong with stored params") {
    JobContext::State state;
    state.params = std::make_shared<const std::string>(R"({"number": 4})");
    CHECK(DoublingJob::params(JobContext(state)).number == 4);
    state.params = std::make_shared<const std::string>(json::serialize(unfit));
    try {
      DoublingJob::params(JobContext(state));
      FAIL("nothing was thrown");
    } catch (const Failure& failure) {
      CHECK(failure.error().code == ErrorCode::invalid_params);
      CHECK(failure.error().faults == faults);
    }
  }

  TEST_CASE("task handlers of every shape are called with the struct") {
    TaskRegistry registry;
    int calls = 0;
    registry.add("params_alone", doubled)
        .add("with_context", with_context)
        .add("by_value", by_value)
        .add("lambda", [](const Doubling& params) { return doubled(params); })
        .add("mutable",
             [&calls, mine = 0](const Doubling& params) mutable {
               calls = ++mine;
               return TaskResult(doubled(params));
             })
        .add("function", std::function<TaskResult(const Doubling&)>(doubled))
        .add("generic", typed<Doubling>([](const auto& params) { return doubled(params); }))
        .add("coroutine", coroutine)
        .add("coroutine_of_params", coroutine_of_params);
    struct Row {
      const char* task;
      json::value result;
    };
    const Row rows[] = {
        {"params_alone", "is 14"},
        {"with_context", json::array{3, "is 14"}},
        {"by_value", "is 14"},
        {"lambda", "is 14"},
        {"mutable", "is 14"},
        {"function", "is 14"},
        {"generic", "is 14"},
        {"coroutine", json::array{3, "is 14"}},
        {"coroutine_of_params", "is 14"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.task);
      CHECK(call(registry, row.task, {{"number", 7}}).value() == row.result);
      const auto info = registry.get_info(row.task).value();
      CHECK(info.params_schema == params::schema<Doubling>());
      CHECK(info.validate_params(unfit) == faults);
      const auto refused = call(registry, row.task, unfit);
      REQUIRE_FALSE(refused.ok());
      CHECK(refused.failure().type == "invalid_params");
      CHECK(refused.failure().kind == TaskFailure::Kind::permanent);
      CHECK(refused.failure().message ==
            "the params do not fit: /number is 101, should be an integer from 0 to 100; /wort is not known; "
            "nearest: word");
    }
    CHECK(calls == 1);
    call(registry, "mutable", {{"number", 7}});
    CHECK(calls == 2);
    registry.add("fails", fails);
    CHECK(call(registry, "fails", {{"number", 7}}).failure().message == "m");
  }

  TEST_CASE("handlers of JSON know nothing of their params, as before") {
    TaskRegistry registry;
    registry.add("plain", [](const json::object&) -> TaskResult { return json::value(1); });
    const auto info = registry.get_info("plain").value();
    CHECK(info.params_schema.empty());
    CHECK_FALSE(info.validate_params);
    CHECK(TaskRegistry::instance().get_info("tests.typed_by_macro").value().pure);
  }

  TEST_CASE("a submission whose params do not fit is refused, any other one runs") {
    JobRegistry jobs;
    TaskRegistry tasks;
    jobs.add<DoublingJob>("double");
    tasks.add("double", with_context);
    testing::Workflow workflow(jobs, tasks);
    try {
      workflow.submit("double", unfit);
      FAIL("it was accepted");
    } catch (const Failure& failure) {
      CHECK(failure.error().code == ErrorCode::invalid_params);
      CHECK(failure.error().faults == faults);
    }
    const auto job = workflow.run_to_end("double", {{"number", 21}});
    CHECK(job.status == JobStatus::completed);
    CHECK(job.result == json::value{{"result", {1, "is 42"}}});
  }
}
