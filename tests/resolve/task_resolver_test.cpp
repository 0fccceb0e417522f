// What travels and comes back: serialized tasks, resolvers, their registry.

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json/serialize.hpp>

#include <coremachine/registry/coroutine_handler.hpp>
#include <coremachine/resolve/callable_type.hpp>
#include <coremachine/resolve/task_resolver.hpp>

#include "tests/resolve/attempt.hpp"

namespace {

using namespace coremachine;
using support::Attempt;

TaskResult extract(const json::object& params) {
  return {{"rows", params.at("n")}};
}
TaskResult load(const json::object& params) {
  return {{"loaded", params.at("n")}};
}

struct Scale {
  std::int64_t factor = 1;
  std::string unit = "m";
  TaskResult operator()(const json::object& params) const {
    return json::value(std::to_string(factor * params.at("n").as_int64()) + unit);
  }
};
BOOST_DESCRIBE_STRUCT(Scale, (), (factor, unit))

struct Named {
  std::optional<std::string> name;
  TaskResult operator()(const json::object&, TaskContext& context) const {
    return json::value(name.value_or("nobody") + std::to_string(context.attempt()));
  }
};
BOOST_DESCRIBE_STRUCT(Named, (), (name))

std::string text_of(const json::value& value) {
  return json::serialize(value);
}

struct Fixture {
  Fixture() {
    resolver.register_task("extract", extract).register_task("load", load, {.module = "etl"});
    resolver.register_type<Scale>("scale").register_type<Named>("named");
  }

  std::string refusal_of(const SerializedTask& task) const {
    const auto resolved = resolver.resolve(task);
    REQUIRE(!resolved);
    CHECK(resolved.error().code == ErrorCode::unresolvable);
    return resolved.error().message;
  }

  TaskResolver resolver;
  Attempt attempt;
};

TEST_SUITE("task resolver") {
  TEST_CASE("a serialized task is what its JSON says") {
    const std::vector<SerializedTask> tasks{
        SerializedTask::reference("extract_data", "examples.tasks"), SerializedTask::reference("a"),
        SerializedTask::pickle("scale", {{"factor", 3}}), SerializedTask::source("python3", "print(1)\n")};
    for (const auto& task : tasks) {
      CHECK_FALSE(fault_of(task));
      CHECK(serialized_task_from(to_json(task)).value() == task);
    }
    CHECK(text_of(to_json(tasks[0])) ==
          R"({"strategy":"reference","payload":{"module":"examples.tasks","name":"extract_data"}})");
    for (const auto strategy : {TaskStrategy::reference, TaskStrategy::pickle, TaskStrategy::source}) {
      CHECK(task_strategy_from(to_string(strategy)) == strategy);
    }
  }

  TEST_CASE("what is no serialized task is refused, and says why") {
    struct Row {
      const char* json;
      const char* why;
    };
    const std::vector<Row> rows{
        {R"([])", "should be an object"},
        {R"({"payload": {}})", "without a `strategy`"},
        {R"({"strategy": "reference"})", "`payload` is no object"},
        {R"({"strategy": "marshal", "payload": {}})",
         "unknown strategy \"marshal\"; there are reference, pickle and source"},
        {R"({"strategy": "Reference", "payload": {"module": "", "name": "a"}})", "unknown strategy \"Reference\""},
        {R"({"strategy": "reference", "payload": {"name": "a"}})", "`module` is missing"},
        {R"({"strategy": "reference", "payload": {"module": "", "name": ""}})", "`name` is"},
        {R"({"strategy": "reference", "payload": {"module": "", "name": "a b"}})", "`name` is \"a?b\""},
        {R"({"strategy": "reference", "payload": {"module": "../x", "name": "a"}})", "`module` is"},
        {R"({"strategy": "reference", "payload": {"module": 1, "name": "a"}})", "`module` should be a string"},
        {R"({"strategy": "pickle", "payload": {"name": "a"}})", "`state` is missing"},
        {R"({"strategy": "pickle", "payload": {"name": "a", "state": "gASV"}})", "`state` should be an object"},
        {R"({"strategy": "pickle", "payload": {"name": "a", "state": {}, "code": "x"}})", "no member \"code\""},
        {R"({"strategy": "source", "payload": {"interpreter": "python3"}})", "`source` is missing"},
        {R"({"strategy": "source", "payload": {"interpreter": "", "source": "x"}})", "`interpreter` is empty"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.json);
      const auto read = serialized_task_from(json::parse(row.json));
      REQUIRE(!read);
      CHECK(read.error().code == ErrorCode::unresolvable);
      CHECK(read.error().message.find(row.why) != std::string::npos);
    }
  }

  TEST_CASE_FIXTURE(Fixture, "a function is referred to by the name that it was registered under") {
    const auto task = resolver.serialize(extract).value();
    CHECK(task == SerializedTask::reference("extract"));
    CHECK(resolver.serialize(load).value() == SerializedTask::reference("load", "etl"));
    const auto back = resolver.resolve(task).value();
    CHECK(text_of(back({{"n", 3}}, attempt.context()).value()) == R"({"rows":3})");
    CHECK(back.origin() == task);
    CHECK(resolver.serialize(back).value() == task);
  }

  TEST_CASE_FIXTURE(Fixture, "so is a lambda without captures, and two of them are two") {
    const auto one = [](const json::object&) -> TaskResult { return json::value(1); };
    const auto two = [](const json::object&) -> TaskResult { return json::value(2); };
    resolver.register_task("one", one).register_task("two", two);
    CHECK(resolver.serialize(one).value() == SerializedTask::reference("one"));
    CHECK(resolver.serialize(two).value() == SerializedTask::reference("two"));
  }

  TEST_CASE_FIXTURE(Fixture, "what has captures is not referred to: its values would be lost") {
    const int n = 3;
    const auto lambda = [n](const json::object&) -> TaskResult { return json::value(n); };
    resolver.register_task("captures", lambda);
    const auto task = resolver.serialize(lambda);
    REQUIRE(!task);
    CHECK(task.error().code == ErrorCode::unresolvable);
    CHECK(task.error().message.find("register_type to a callable struct") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "an object of a callable type travels as its members") {
    const auto task = resolver.serialize(Scale{.factor = 7, .unit = "km"}).value();
    CHECK(task == SerializedTask::pickle("scale", {{"factor", 7}, {"unit", "km"}}));
    CHECK(resolver.resolve(task).value()({{"n", 6}}, attempt.context()).value() == "42km");
    CHECK(resolver.resolve(resolver.serialize(Named{.name = "Ada"}).value()).value()({}, attempt.context()).value() ==
          "Ada1");
    CHECK(resolver.has_callable_types());
    CHECK_FALSE(TaskResolver().has_callable_types());
  }

  TEST_CASE_FIXTURE(Fixture, "any state comes back as it was") {
    for (std::int64_t factor = -3; factor < 4; ++factor) {
      for (const auto* unit : {"", "m", "\"\\\n\xC3\xA9"}) {
        const auto task = resolver.serialize(Scale{.factor = factor * 1'000'000'007, .unit = unit}).value();
        const auto again = serialized_task_from(json::parse(json::serialize(to_json(task)))).value();
        CHECK(resolver.serialize(resolver.resolve(again).value()).value() == task);
        const auto said = resolver.resolve(again).value()({{"n", 1}}, attempt.context()).value();
        CHECK(said == json::value(std::to_string(factor * 1'000'000'007) + unit));
      }
    }
  }

  TEST_CASE_FIXTURE(Fixture, "the strategy may be chosen, where there is one") {
    CHECK(resolver.serialize(extract, "reference").has_value());
    CHECK(resolver.serialize(Scale{}, "pickle").has_value());
    CHECK(resolver.serialize(extract, "pickle").has_error());
    CHECK(resolver.serialize(Scale{}, "reference").has_error());
    CHECK(resolver.serialize(extract, "source").error().message.find("has no source") != std::string::npos);
    CHECK(resolver.serialize(extract, "dill").error().message.find("unknown strategy \"dill\"") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "what cannot be resolved says what is wrong and what would be right") {
    CHECK(refusal_of({"marshal", {}}).find("unknown strategy \"marshal\"") != std::string::npos);
    CHECK(refusal_of(SerializedTask::reference("extrct")).find("nearest: extract") != std::string::npos);
    CHECK(refusal_of(SerializedTask::reference("load", "other")).find("of module \"etl\"") != std::string::npos);
    CHECK(refusal_of(SerializedTask::reference("extract", "etl")).find("linked in") != std::string::npos);
    CHECK(refusal_of(SerializedTask::reference("nobody", "gone")).find("of module \"gone\"") != std::string::npos);
    CHECK(refusal_of(SerializedTask::pickle("scal", {})).find("nearest: scale") != std::string::npos);
    const auto misfit = refusal_of(SerializedTask::pickle("scale", {{"factor", "x"}, {"unit", "m"}, {"more", 1}}));
    CHECK(misfit.find("/factor") != std::string::npos);
    CHECK(misfit.find("/more") != std::string::npos);
    CHECK(refusal_of(SerializedTask::source("sh", "true")).find("--allow-source sh") != std::string::npos);
    resolver.tasks().declare({.name = "elsewhere"});
    CHECK(refusal_of(SerializedTask::reference("elsewhere")).find("only declared") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "source runs where it is allowed, by what was allowed") {
    resolver.allow_source(std::make_shared<const SourceRunner>(SourceRunner::allow({"sh"}).value()));
    const auto executable = resolver.resolve(SerializedTask::source("sh", "cat")).value();
    CHECK(text_of(executable({{"a", 1}}, attempt.context()).value()) == R"({"a":1})");
    CHECK(refusal_of(SerializedTask::source("python3", "1")).find("not allowed here; allowed: sh") !=
          std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "names and types are registered once") {
    const auto complaint = [&](const auto& act) {
      try {
        act();
        return std::string("nothing");
      } catch (const Failure& failure) {
        return failure.error().message;
      }
    };
    CHECK(complaint([&] { resolver.register_task("extract", load); }).find("registered twice") != std::string::npos);
    CHECK(complaint([&] { resolver.register_type<Scale>("scale"); }).find("registered twice") != std::string::npos);
    CHECK(complaint([&] { resolver.register_type<Scale>("scale2"); }).find("as \"scale\" at") != std::string::npos);
    CHECK(complaint([&] { resolver.register_type<Scale>("a b"); }).find("a name is") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "a coroutine is resolved by name, and run by others") {
    resolver.register_task("waits", [](const json::object&, TaskContext&) -> boost::asio::awaitable<TaskResult> {
      co_return json::value(1);
    });
    const auto executable = resolver.resolve(SerializedTask::reference("waits")).value();
    CHECK(executable.is_coroutine());
    CHECK_THROWS_AS(executable({}, attempt.context()), std::logic_error);
  }

  TEST_CASE("resolvers are found by their ids") {
    TaskResolverRegistry registry;
    CHECK(registry.ids().empty());
    const auto first = std::make_shared<TaskResolver>();
    registry.add("etl", first).add("default", std::make_shared<TaskResolver>());
    CHECK(registry.get("etl").value() == first);
    CHECK(registry.get().value() == registry.get("default").value());
    CHECK(registry.ids() == std::vector<std::string>{"default", "etl"});
    const auto unknown = registry.get("elt");
    REQUIRE(!unknown);
    CHECK(unknown.error().code == ErrorCode::unresolvable);
    CHECK(unknown.error().message == "unknown resolver \"elt\"; nearest: etl");
    CHECK_THROWS_AS(registry.add("etl", first), Failure);
    CHECK_THROWS_AS(registry.add("e t l", first), Failure);
    CHECK_THROWS_AS(registry.add("none", nullptr), Failure);
  }

  TEST_CASE("the process has one registry, whose default resolves what is registered by macros") {
    auto& registry = TaskResolverRegistry::instance();
    CHECK(&registry == &TaskResolverRegistry::instance());
    CHECK(&registry.get().value()->tasks() == &TaskRegistry::instance());
  }

  TEST_CASE("two resolvers may have different tasks under one name") {
    TaskResolver one;
    TaskResolver two;
    one.register_task("work", extract);
    two.register_task("work", load);
    Attempt attempt;
    const auto task = SerializedTask::reference("work");
    CHECK(text_of(one.resolve(task).value()({{"n", 1}}, attempt.context()).value()) == R"({"rows":1})");
    CHECK(text_of(two.resolve(task).value()({{"n", 1}}, attempt.context()).value()) == R"({"loaded":1})");
  }
}

}  // namespace
