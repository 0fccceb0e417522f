// What is to be run: specs, what becomes of them in a machine, and what is dead.

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json/serialize.hpp>

#include <coremachine/coremachine.hpp>
#include <coremachine/resolve/callable_type.hpp>
#include <coremachine/resolve/task_spec.hpp>

#include "tests/resolve/attempt.hpp"

namespace {

using namespace coremachine;
using support::Attempt;

TaskResult twice(const json::object& params) {
  return json::value(2 * params.at("n").as_int64());
}

struct Times {
  std::int64_t factor = 1;
  TaskResult operator()(const json::object& params) const { return json::value(factor * params.at("n").as_int64()); }
};
BOOST_DESCRIBE_STRUCT(Times, (), (factor))

/// One stage of one task, as a function of the test makes it.
std::function<TaskDefinition()> make_task;

struct OneTask : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {make_task()}; }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"result", results.empty() ? json::value() : results[0]}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
  StagePolicy stage_policy(int, const JobContext&) const override { return {.join = JoinBestEffort{}}; }
};

struct Fixture {
  Fixture() {
    auto resolver = std::make_shared<TaskResolver>(tasks);
    resolver->register_task("twice", twice).register_type<Times>("times");
    resolvers.add("default", resolver);
    auto other = std::make_shared<TaskResolver>();
    other->register_type<Times>("times");
    resolvers.add("etl", other);
    jobs.add<OneTask>("one");
  }

  std::string refusal(TaskSpec spec) {
    const auto done = spec.ensure_serialized();
    REQUIRE(done.has_error());
    CHECK(done.error().code == ErrorCode::unresolvable);
    const auto defined = define_task(std::move(spec));
    REQUIRE(defined.has_error());
    CHECK(defined.error() == done.error());
    return done.error().message;
  }

  /// The job with this one task.
  JobView run(std::function<TaskDefinition()> make, Elsewhere elsewhere = Elsewhere::nowhere) {
    make_task = std::move(make);
    register_envelope_tasks(tasks, resolvers, elsewhere);
    CoreMachine machine({.jobs = &jobs, .tasks = &tasks, .workers = 1});
    return machine.run("one", {}).value();
  }

  JobRegistry jobs;
  TaskRegistry tasks;
  TaskResolverRegistry resolvers;
  Attempt attempt;
};

TEST_SUITE("task spec") {
  TEST_CASE_FIXTURE(Fixture, "within a process a spec is called as it is") {
    const int n = 20;
    const TaskSpec spec([n](const json::object&) -> TaskResult { return json::value(n + 1); }, "default", resolvers);
    CHECK_FALSE(spec.serialized_task());
    CHECK((*spec.executable())({}, attempt.context()).value() == 21);
  }

  TEST_CASE_FIXTURE(Fixture, "serialized and back") {
    TaskSpec spec(twice, "default", resolvers);
    REQUIRE(spec.ensure_serialized().has_value());
    CHECK_FALSE(spec.executable());
    CHECK(*spec.serialized_task() == SerializedTask::reference("twice"));
    REQUIRE(spec.ensure_serialized().has_value());
    TaskSpec received(*spec.serialized_task(), spec.resolver_id(), resolvers);
    REQUIRE(received.ensure_deserialized().has_value());
    CHECK((*received.executable())({{"n", 4}}, attempt.context()).value() == 8);
    CHECK(received.serialized_task() == spec.serialized_task());
    REQUIRE(received.ensure_deserialized().has_value());
  }

  TEST_CASE_FIXTURE(Fixture, "what can be known to be wrong is refused at once") {
    CHECK(refusal(TaskSpec(twice, "elt", resolvers)) == "unknown resolver \"elt\"; nearest: etl");
    CHECK(refusal(TaskSpec(SerializedTask::reference("twice"), "elt", resolvers)).find("elt") != std::string::npos);
    CHECK(refusal(TaskSpec(SerializedTask{"marshal"}, "default", resolvers)).find("unknown strategy \"marshal\"") !=
          std::string::npos);
    CHECK(refusal(TaskSpec(twice, "etl", resolvers)).find("is not registered") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "a refusal changes nothing") {
    TaskSpec spec(twice, "etl", resolvers);
    CHECK(spec.ensure_serialized().has_error());
    CHECK(spec.executable());
    TaskSpec unknown(SerializedTask::reference("nobody"), "default", resolvers);
    CHECK(unknown.ensure_deserialized().has_error());
    CHECK_FALSE(unknown.executable());
    CHECK(unknown.serialized_task());
  }

  TEST_CASE_FIXTURE(Fixture, "a reference becomes a task of its type, the others one that carries them") {
    const auto referred = define_task(TaskSpec(twice, "default", resolvers), {{"n", 1}}).value();
    CHECK(referred.task_type == "twice");
    CHECK(referred.parameters == json::object{{"n", 1}});
    const auto pickled = define_task(TaskSpec(Times{3}, "default", resolvers), {{"n", 1}}).value();
    CHECK(pickled.task_type == "coremachine.pickle");
    CHECK(json::serialize(pickled.parameters) ==
          R"({"serialized_task":{"strategy":"pickle","payload":{"name":"times","state":{"factor":3}}},)"
          R"("resolver_id":"default","params":{"n":1}})");
    const auto elsewhere = define_task(TaskSpec(Times{3}, "etl", resolvers)).value();
    CHECK(elsewhere.task_type == "coremachine.pickle.etl");
    CHECK(define_task(TaskSpec(SerializedTask::source("sh", "cat"), "default", resolvers)).value().task_type ==
          "coremachine.source");
  }

  TEST_CASE("envelopes are what their params say") {
    const Envelope envelope{SerializedTask::source("sh", "cat"), "etl", {{"a", 1}}};
    const auto read = envelope_from(to_json(envelope)).value();
    CHECK(read.task == envelope.task);
    CHECK(read.resolver_id == "etl");
    CHECK(read.params == envelope.params);
    for (
        const auto* wrong :
        {R"({})", R"({"serialized_task": 1})", R"({"serialized_task": {"strategy": "x", "payload": {}}})",
         R"({"serialized_task": {"strategy": "source", "payload": {"interpreter": "sh", "source": "1"}}, "resolver_id": 1})",
         R"({"serialized_task": {"strategy": "source", "payload": {"interpreter": "sh", "source": "1"}}, "params": []})",
         R"({"serialized_task": {"strategy": "source", "payload": {"interpreter": "sh", "source": "1"}}, "param": {}})"}) {
      CAPTURE(wrong);
      CHECK(envelope_from(json::parse(wrong).as_object()).error().code == ErrorCode::unresolvable);
    }
    for (const auto strategy : {TaskStrategy::pickle, TaskStrategy::source}) {
      for (const auto* id : {"default", "etl", "a.b"}) {
        CHECK(envelope_strategy(envelope_task_type(strategy, id)) == strategy);
      }
    }
    for (const auto* ordinary : {"greet", "coremachine.", "coremachine.reference", "coremachine.sources", "source"}) {
      CHECK_FALSE(envelope_strategy(ordinary));
    }
  }

  TEST_CASE_FIXTURE(Fixture, "a machine runs what a spec was made of") {
    SUBCASE("a function") {
      const auto job = run([&] { return define_task(TaskSpec(twice, "default", resolvers), {{"n", 21}}).value(); });
      CHECK(*job.result == json::object{{"result", 42}});
    }
    SUBCASE("an object") {
      const auto job = run([&] { return define_task(TaskSpec(Times{6}, "default", resolvers), {{"n", 7}}).value(); });
      CHECK(*job.result == json::object{{"result", 42}});
    }
    SUBCASE("an object of another resolver") {
      const auto job = run([&] { return define_task(TaskSpec(Times{6}, "etl", resolvers), {{"n", 7}}).value(); });
      CHECK(*job.result == json::object{{"result", 42}});
    }
    SUBCASE("source that is allowed") {
      resolvers.get().value()->allow_source(std::make_shared<const SourceRunner>(SourceRunner::allow({"sh"}).value()));
      const auto job = run([&] {
        return define_task(TaskSpec(SerializedTask::source("sh", "cat"), "default", resolvers), {{"n", 7}}).value();
      });
      CHECK(*job.result == json::object{{"result", json::object{{"n", 7}}}});
    }
  }

  TEST_CASE_FIXTURE(Fixture, "what nothing can run is dead, whatever the join, and says why") {
    std::function<TaskDefinition()> make;
    std::string why;
    SUBCASE("a stage that defines it") {
      make = [&] { return define_task(TaskSpec(SerializedTask{"marshal"}, "default", resolvers)).value(); };
      why = "unknown strategy \"marshal\"";
    }
    SUBCASE("a strategy in an envelope") {
      make = [] {
        return TaskDefinition{"coremachine.source",
                              {{"serialized_task", {{"strategy", "x"}, {"payload", json::object()}}}}};
      };
      why = "unknown strategy \"x\"";
    }
    SUBCASE("a strategy that its task type is not for") {
      make = [] {
        return TaskDefinition{"coremachine.source",
                              to_json(Envelope{SerializedTask::pickle("times", {{"factor", 1}})})};
      };
      why = "this task type is for \"source\"";
    }
    SUBCASE("a resolver that its task type is not for") {
      make = [] {
        return TaskDefinition{"coremachine.pickle",
                              to_json(Envelope{SerializedTask::pickle("times", {{"factor", 1}}), "etl"})};
      };
      why = "this task type is for \"default\"";
    }
    SUBCASE("a name") {
      make = [] { return TaskDefinition{"coremachine.pickle", to_json(Envelope{SerializedTask::pickle("tims", {})})}; };
      why = "nearest: times";
    }
    SUBCASE("a state") {
      make = [] {
        return TaskDefinition{"coremachine.pickle", to_json(Envelope{SerializedTask::pickle("times", {})})};
      };
      why = "/factor";
    }
    SUBCASE("source that is not allowed") {
      make = [] {
        return TaskDefinition{"coremachine.source", to_json(Envelope{SerializedTask::source("sh", "cat")})};
      };
      why = "--allow-source sh";
    }
    const auto job = run(make);
    CHECK(job.status == JobStatus::dead);
    REQUIRE(job.error);
    CHECK(job.error->code == ErrorCode::unresolvable);
    CHECK(job.error->stage == 1);
    CAPTURE(job.error->message);
    CHECK(job.error->message.find(why) != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "the built-in types are registered as they can be run") {
    register_envelope_tasks(tasks, resolvers);
    CHECK(tasks.runs_here("coremachine.pickle"));
    CHECK(tasks.runs_here("coremachine.pickle.etl"));
    CHECK(tasks.contains("coremachine.source"));
    CHECK_FALSE(tasks.runs_here("coremachine.source"));
    CHECK(tasks.get_info("coremachine.source.etl")->resolver_id == "etl");
    for (const auto& info : tasks.list_by_tags({"builtin", "resolver"})) {
      CHECK(info.tags.size() == 3);
      CHECK_FALSE(info.validate_params({}).empty());
    }
    const auto info = tasks.get_info("coremachine.source").value();
    CHECK(info.validate_params(to_json(Envelope{SerializedTask::source("sh", "cat")})).empty());
    const auto faults = info.validate_params(to_json(Envelope{SerializedTask::pickle("a", {})}));
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].pointer == "/serialized_task/strategy");
    CHECK_THROWS_AS(register_envelope_tasks(tasks, resolvers), Failure);
  }

  TEST_CASE_FIXTURE(Fixture, "what is declared waits for a worker, and can be taken by none here") {
    make_task = [] {
      return TaskDefinition{"coremachine.source", to_json(Envelope{SerializedTask::source("sh", "cat")})};
    };
    register_envelope_tasks(tasks, resolvers, Elsewhere::workers);
    CoreMachine machine({.jobs = &jobs, .tasks = &tasks, .workers = 1});
    const auto id = machine.submit("one", {}).value();
    const auto waits_for_a_worker = [&] {
      const auto reasons = machine.explain(id).value();
      return std::any_of(reasons.begin(), reasons.end(),
                         [](const Reason& reason) { return reason.code == ReasonCode::no_worker; });
    };
    while (!waits_for_a_worker()) std::this_thread::yield();
    CHECK(machine.cancel(id).has_value());
    CHECK(machine.wait(id)->status == JobStatus::cancelled);
  }
}

}  // namespace
