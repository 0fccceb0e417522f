// Values that are too large for the rows of their jobs: the whole machine with its threads.

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <boost/asio/awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <coremachine/coremachine.hpp>
#include <coremachine/registry/coroutine_handler.hpp>

#include "core/embed/open_store.hpp"
#include "core/runtime/shell.hpp"
#include "core/store/check.hpp"
#include "core/store/files/artifact_files.hpp"
#include "core/store/memory/memory_store.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/large_jobs.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;
namespace asio = boost::asio;

constexpr std::size_t limit = 1024;

std::string text_of(std::size_t size, char letter = 'x') {
  return std::string(size, letter);
}

json::value value_of(std::size_t size, char letter = 'x') {
  return json::string(size, letter);
}

/// What a test wants its one job to do.
struct Plan {
  std::function<std::vector<TaskDefinition>(int, const JobContext&)> tasks = [](int, const JobContext&) {
    return std::vector<TaskDefinition>{{"work"}};
  };
  std::function<json::object(int, const StageResults&)> aggregate = [](int, const StageResults& results) {
    return json::object{{"count", results.size()}};
  };
  std::function<bool(int, const JobContext&)> goes_on = [](int, const JobContext&) { return false; };
  std::function<json::object(const JobContext&)> result = [](const JobContext& context) {
    return context.stage_result(1);
  };
  std::function<StagePolicy(int)> policy = [](int) { return StagePolicy{}; };
  std::function<std::unique_ptr<StageFold>()> fold = [] { return std::unique_ptr<StageFold>(); };
  std::function<TaskResult(const json::object&, TaskContext&)> work = [](const json::object&, TaskContext&) {
    return TaskResult();
  };
};

Plan* plan = nullptr;

struct PlannedJob : JobHandler {
  StagePolicy stage_policy(int stage, const JobContext&) const override { return plan->policy(stage); }
  std::unique_ptr<StageFold> make_fold(int) const override { return plan->fold(); }
  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override {
    return plan->tasks(stage, context);
  }
  json::object aggregate_stage_results(int stage, const StageResults& results) const override {
    return plan->aggregate(stage, results);
  }
  bool should_advance_stage(int stage, const JobContext& context) const override {
    return plan->goes_on(stage, context);
  }
  json::object get_final_result(const JobContext& context) const override { return plan->result(context); }
};

asio::awaitable<TaskResult> wait_work(const json::object& params, TaskContext& context) {
  auto result = plan->work(params, context);
  co_return result;
}

/// A disk that has no room while it is told so.
class Roomless final : public files::FileCalls {
 public:
  std::atomic<bool> is_full{false};
  std::atomic<int> refused{0};
  ssize_t write(int descriptor, const char* from, std::size_t n, off_t at) override {
    if (!is_full) return FileCalls::write(descriptor, from, n, at);
    ++refused;
    errno = ENOSPC;
    return -1;
  }
};

struct Fixture {
  Fixture() {
    plan = &own_plan;
    jobs.add<PlannedJob>("job").add<PlannedJob>("unique", {.unique_by_params = true});
    tasks.add("work", [](const json::object& params, TaskContext& context) { return plan->work(params, context); });
    tasks.add("wait", wait_work);
    support::register_large_jobs(jobs, tasks);
  }

  CoreMachine machine(std::string store = "memory:") {
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    options.workers = 2;
    options.large_value = limit;
    options.store = std::move(store);
    options.log = [](std::string_view) {};
    return CoreMachine(std::move(options));
  }
  /// Jobs in memory, artifacts on a disk that may be full.
  CoreMachine machine_on(Roomless& disk) {
    runtime::ShellSetup setup;
    setup.options.jobs = &jobs;
    setup.options.tasks = &tasks;
    setup.options.workers = 2;
    setup.options.large_value = limit;
    setup.options.log = [](std::string_view) {};
    setup.store = make_memory_store();
    setup.open_artifacts = [&disk, root = directory.path() + "/artifacts"](bool must_exist) {
      return open_artifact_files({.root = root, .must_exist = must_exist, .calls = &disk});
    };
    return CoreMachine(std::make_shared<runtime::Shell>(std::move(setup)));
  }
  std::string sqlite() const { return "sqlite:" + directory.path() + "/store.db"; }
  std::string path_of(const std::string& id) const {
    return directory.path() + "/store.db-artifacts/" + id.substr(7, 2) + "/" + id.substr(9, 2) + "/" + id;
  }

  support::TemporaryDirectory directory;
  Plan own_plan;
  JobRegistry jobs;
  TaskRegistry tasks;
};

std::string id_in(const json::value& value) {
  const auto reference = parse_artifact_reference(value);
  REQUIRE_MESSAGE(reference.has_value(), "not a reference: ", json::serialize(value));
  return reference->id.str();
}

bool is_automatic(const json::value& value) {
  return parse_automatic_reference(value).has_value();
}

std::vector<json::value> lines_of(const std::string& text) {
  std::vector<json::value> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
  return lines;
}

/// The artifact goes, sooner or later.
void wait_until_collected(const CoreMachine& machine, const std::string& id) {
  while (machine.artifact(id)) std::this_thread::yield();
  CHECK(machine.artifact(id).error().code == ErrorCode::store_missing);
}

}  // namespace

TEST_SUITE("runtime: large values") {
  TEST_CASE_FIXTURE(Fixture,
                    "params, results of tasks, of stages and of the job are references, and handlers see values") {
    const auto big = text_of(5000);
    plan->tasks = [&](int, const JobContext& context) {
      CHECK(context.job_params().at("text").as_string() == big);
      std::vector<TaskDefinition> list;
      for (int i = 0; i < 3; ++i) list.push_back({"work", {{"i", i}, {"text", context.job_params().at("text")}}});
      list.push_back({"work", {{"i", 3}, {"text", "short"}}});
      return list;
    };
    plan->work = [&](const json::object& params, TaskContext&) {
      return TaskResult({{"i", params.at("i")}, {"text", params.at("text")}});
    };
    plan->aggregate = [&](int, const StageResults& results) {
      REQUIRE(results.size() == 4);
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(results[i].at("i").to_number<std::size_t>() == i);
        CHECK(results[i].at("text").as_string() == (i < 3 ? big : "short"));
        CHECK(results.reference(i).has_value() == (i < 3));
      }
      return json::object{{"all", big + big}};
    };
    plan->result = [&](const JobContext& context) {
      REQUIRE(context.stage_result_reference(1));
      CHECK(context.stage_result(1).at("all").as_string() == big + big);
      return json::object{{"all", big + big + "!"}};
    };
    auto on = machine();
    const auto job = on.run("job", {{"text", big}}).value();
    REQUIRE(job.status == JobStatus::completed);
    CHECK(is_automatic(job.params));
    CHECK(is_automatic(*job.stages.at(0).result));
    REQUIRE(is_automatic(*job.result));
    CHECK(on.artifact_value(job.params)->at("text").as_string() == big);
    CHECK(on.artifact_value(*job.result)->at("all").as_string() == big + big + "!");
    const auto text = on.artifact(id_in(*job.result)).value();
    CHECK(text == json::serialize(json::object{{"all", big + big + "!"}}));
    CHECK(parse_artifact_reference(*job.result)->size == text.size());
    CHECK(parse_artifact_reference(*job.result)->media_type == "application/json");
    const auto content = on.open_artifact(id_in(*job.result));
    std::string middle(10, '\0');
    CHECK((*content)->read(8, middle.data(), middle.size()) == 10);
    CHECK(middle == text.substr(8, 10));
  }

  TEST_CASE_FIXTURE(Fixture, "the limit is exact: so many bytes stay, one more does not") {
    constexpr std::size_t around = std::string_view(R"({"t":""})").size();
    auto on = machine();
    for (const auto size : {std::size_t{0}, std::size_t{1}, limit - 1, limit, limit + 1, 2 * limit, 200 * limit}) {
      CAPTURE(size);
      const auto length = size > around ? size - around : 0;
      plan->result = [&](const JobContext&) { return json::object{{"t", text_of(length)}}; };
      const auto job = on.run("job").value();
      CHECK(is_automatic(*job.result) == (size > limit));
      const auto value = is_automatic(*job.result) ? on.artifact_value(*job.result).value() : *job.result;
      CHECK(value.at("t").as_string() == text_of(length));
    }
  }

  TEST_CASE_FIXTURE(Fixture, "a reference that an author made stays one") {
    const json::array large(2000, 7);
    plan->work = [&](const json::object&, TaskContext& context) { return TaskResult(context.artifact(large)); };
    plan->tasks = [](int stage, const JobContext& context) -> std::vector<TaskDefinition> {
      if (stage == 1) return {{"work"}};
      return {{"work", context.stage_result(1)}};
    };
    plan->aggregate = [&](int, const StageResults& results) {
      CHECK(is_artifact_reference(results[0]));
      CHECK_FALSE(results.reference(0));
      return results[0].as_object();
    };
    plan->goes_on = [](int stage, const JobContext&) { return stage == 1; };
    plan->result = [&](const JobContext& context) {
      CHECK(context.artifact_value(context.stage_result(1)) == json::value(large));
      const auto content = context.open_artifact(context.stage_result(1));
      CHECK(content->size() == json::serialize(large).size());
      return json::object{{"made", context.stage_result(2)}};
    };
    auto on = machine();
    const auto job = on.run("job").value();
    REQUIRE(job.status == JobStatus::completed);
    CHECK_FALSE(is_automatic(job.result->at("made")));
    CHECK(on.artifact_value(job.result->at("made")).value() == json::value(large));
  }

  TEST_CASE_FIXTURE(Fixture, "coroutines are given and return large values") {
    const auto big = text_of(5000);
    plan->tasks = [&](int, const JobContext&) {
      return std::vector<TaskDefinition>(20, TaskDefinition{"wait", {{"text", big}}});
    };
    plan->work = [](const json::object& params, TaskContext& context) {
      context.output("lines").append({{"index", context.index()}});
      return TaskResult({{"text", params.at("text")}});
    };
    plan->aggregate = [&](int, const StageResults& results) {
      for (const auto& result : results) CHECK(result.at("text").as_string() == big);
      return json::object{{"count", results.size()}, {"lines", results.seal_output("lines")}};
    };
    auto on = machine();
    const auto job = on.run("job").value();
    REQUIRE(job.status == JobStatus::completed);
    CHECK(job.result->at("count").to_number<int>() == 20);
    CHECK(lines_of(on.artifact(id_in(job.result->at("lines"))).value()).size() == 20);
  }

  TEST_CASE_FIXTURE(Fixture, "folds take large results one at a time") {
    struct LengthFold : StageFold {
      json::value init() const override { return 0; }
      void step(json::value& folded, TaskIndex, const json::value& result) const override {
        folded = folded.to_number<std::uint64_t>() + result.at("text").as_string().size();
      }
      void merge(json::value& folded, const json::value& other) const override {
        folded = folded.to_number<std::uint64_t>() + other.to_number<std::uint64_t>();
      }
      json::object finish(const json::value& folded, const StageOutcome&) const override { return {{"bytes", folded}}; }
    };
    plan->fold = [] { return std::make_unique<LengthFold>(); };
    plan->work = [](const json::object&, TaskContext& context) {
      return TaskResult({{"text", text_of(1500 + context.index())}});
    };
    auto on = machine();
    for (const std::uint64_t count : {3, 16, 40}) {
      CAPTURE(count);
      for (const auto* type : {"work", "wait"}) {
        plan->tasks = [&](int, const JobContext&) { return std::vector<TaskDefinition>(count, TaskDefinition{type}); };
        const auto job = on.run("job").value();
        REQUIRE(job.status == JobStatus::completed);
        CHECK(job.result->at("bytes").to_number<std::uint64_t>() == count * 1500 + count * (count - 1) / 2);
      }
    }
  }

  TEST_CASE_FIXTURE(Fixture, "the signal of a gate may be large") {
    plan->policy = [](int) {
      StagePolicy policy;
      policy.gate = Gate{.signal = "go"};
      return policy;
    };
    plan->aggregate = [](int, const StageResults& results) {
      REQUIRE(results.signal());
      return json::object{{"bytes", results.signal()->as_string().size()}};
    };
    auto on = machine();
    const auto id = on.submit("job").value();
    REQUIRE(on.signal(id, "go", value_of(9000)).has_value());
    CHECK(on.wait(id)->result->at("bytes").to_number<int>() == 9000);
  }

  TEST_CASE_FIXTURE(Fixture, "equal params are one job however large they are") {
    auto on = machine();
    const auto first = on.accept("unique", {{"text", text_of(9000)}, {"n", 1}}).value();
    REQUIRE(on.wait(first.job)->status == JobStatus::completed);
    const auto again = on.accept("unique", {{"n", 1}, {"text", text_of(9000)}}).value();
    CHECK(again.existing);
    CHECK(again.job == first.job);
    CHECK_FALSE(on.accept("unique", {{"text", text_of(9000)}, {"n", 2}})->existing);
  }

  TEST_CASE_FIXTURE(Fixture, "content that is made piece by piece is never whole, and is read the same way") {
    plan->work = [](const json::object&, TaskContext& context) {
      const auto made = context.new_artifact("text/plain");
      for (int i = 0; i < 1000; ++i) made->write(std::to_string(i) + "\n");
      return TaskResult(json::object{{"text", made->finish()}});
    };
    plan->aggregate = [](int, const StageResults& results) { return results[0].as_object(); };
    plan->result = [](const JobContext& context) {
      const auto content = context.open_artifact(context.stage_result(1).at("text"));
      CHECK(content->info().media_type == "text/plain");
      std::string all;
      std::string piece(100, '\0');
      while (const auto got = content->read(all.size(), piece.data(), piece.size())) all.append(piece, 0, got);
      CHECK(all.ends_with("\n999\n"));
      return json::object{{"bytes", all.size()}};
    };
    auto on = machine(sqlite());
    const auto job = on.run("job").value();
    REQUIRE(job.status == JobStatus::completed);
    CHECK(job.result->at("bytes").to_number<int>() == 10 * 2 + 90 * 3 + 900 * 4);
  }

  TEST_CASE_FIXTURE(Fixture, "large values are there after a restart, and a job goes on with them") {
    JobId id;
    {
      plan->policy = [](int stage) {
        StagePolicy policy;
        if (stage == 2) policy.gate = Gate{.signal = "go"};
        return policy;
      };
      plan->goes_on = [](int stage, const JobContext&) { return stage == 1; };
      plan->work = [](const json::object&, TaskContext&) { return TaskResult({{"text", text_of(4000)}}); };
      plan->aggregate = [](int stage, const StageResults& results) {
        return stage == 1 ? results[0].as_object() : json::object{};
      };
      auto on = machine(sqlite());
      id = on.submit("job", {{"text", text_of(3000)}}).value();
      while (on.job(id)->stages.size() < 2) std::this_thread::yield();
    }
    plan->result = [](const JobContext& context) {
      return json::object{{"params", context.job_params().at("text").as_string().size()},
                          {"stage", context.stage_result(1).at("text").as_string().size()}};
    };
    auto on = machine(sqlite());
    REQUIRE(on.signal(id, "go").has_value());
    const auto job = on.wait(id).value();
    REQUIRE(job.status == JobStatus::completed);
    CHECK(job.result->at("params").to_number<int>() == 3000);
    CHECK(job.result->at("stage").to_number<int>() == 4000);
  }

  TEST_CASE_FIXTURE(Fixture, "the artifacts of a job go with it, but for those that another job names") {
    for (const auto& store : {std::string("memory:"), sqlite()}) {
      CAPTURE(store);
      plan->result = [](const JobContext& context) {
        return json::object{{"shared", context.artifact(value_of(500, 's'))},
                            {"own", context.job_params().at("own")},
                            {"text", text_of(3000, context.job_params().at("own").as_string()[0])}};
      };
      auto on = machine(store);
      const auto first = on.run("job", {{"own", "a"}, {"text", text_of(2000, 'p')}}).value();
      const auto second = on.run("job", {{"own", "b"}, {"text", text_of(2000, 'p')}}).value();
      const auto shared = id_in(on.artifact_value(*first.result)->at("shared"));
      CHECK(id_in(on.artifact_value(*second.result)->at("shared")) == shared);
      REQUIRE(on.remove(first.id).has_value());
      wait_until_collected(on, id_in(*first.result));
      CHECK(on.artifact(shared).has_value());
      CHECK(on.artifact(id_in(second.params)).has_value());
      CHECK(on.artifact(id_in(*second.result)).has_value());
      REQUIRE(on.remove(second.id).has_value());
      wait_until_collected(on, shared);
      wait_until_collected(on, id_in(second.params));
      wait_until_collected(on, id_in(*second.result));
    }
  }

  TEST_CASE_FIXTURE(Fixture, "an artifact that another job is submitted with outlives the job that made it") {
    plan->result = [](const JobContext& context) {
      if (context.job_params().contains("from")) return json::object{{"copy", context.job_params().at("from")}};
      return json::object{{"made", context.artifact(value_of(5000))}};
    };
    auto on = machine();
    const auto first = on.run("job").value();
    const auto made = first.result->at("made");
    const auto second = on.submit("job", {{"from", made}}).value();
    REQUIRE(on.remove(first.id).has_value());
    const auto view = on.wait(second).value();
    CHECK(on.artifact_value(view.result->at("copy")).value() == value_of(5000));
    REQUIRE(on.remove(second).has_value());
    wait_until_collected(on, id_in(made));
  }

  TEST_CASE_FIXTURE(Fixture, "what a large value names is kept as long as it is") {
    plan->result = [](const JobContext& context) {
      return json::object{{"text", text_of(4000)}, {"inner", context.artifact(value_of(100))}};
    };
    auto on = machine();
    const auto job = on.run("job").value();
    REQUIRE(is_automatic(*job.result));
    const auto other = on.run("job", {{"other", true}}).value();
    REQUIRE(on.remove(other.id).has_value());
    const auto inner = on.artifact_value(*job.result)->at("inner");
    CHECK(on.artifact_value(inner).value() == value_of(100));
  }

  TEST_CASE_FIXTURE(Fixture, "what is written like a reference to an artifact elsewhere is a value like any other") {
    const json::object elsewhere{{"$artifact", "sha256-" + std::string(64, 'a')}, {"size", 3}, {"media_type", "a/b"}};
    plan->work = [&](const json::object&, TaskContext&) { return TaskResult(json::object{{"there", elsewhere}}); };
    plan->aggregate = [](int, const StageResults& results) { return results[0].as_object(); };
    auto on = machine(sqlite());
    const auto job = on.run("job", {{"there", elsewhere}}).value();
    REQUIRE(job.status == JobStatus::completed);
    CHECK(job.result->at("there") == json::value(elsewhere));
    CHECK(job.params.at("there") == json::value(elsewhere));
  }

  TEST_CASE_FIXTURE(Fixture, "tasks that are tried again append once, and a retry of the job goes on with its output") {
    std::atomic<bool> is_broken{true};
    plan->tasks = [](int, const JobContext&) {
      TaskDefinition task{"work"};
      task.retry = RetryPolicy{.max_attempts = 2, .first_delay = Milliseconds{1}, .jitter = false};
      return std::vector<TaskDefinition>(30, task);
    };
    plan->work = [&](const json::object&, TaskContext& context) -> TaskResult {
      auto output = context.output("rows");
      const bool first = output.append("a", {{"i", context.index()}, {"attempt", context.attempt()}});
      CHECK(first == (context.attempt() == 1));
      output.append_text("b", "\"x\"\n\"y\"");
      if (context.index() % 3 == 0 && context.attempt() == 1) return TaskFailure{.message = "once more"};
      if (context.index() == 7 && is_broken) return TaskFailure{.message = "broken"};
      return TaskResult();
    };
    plan->result = [](const JobContext& context) { return json::object{{"rows", context.seal_output("rows")}}; };
    auto on = machine(sqlite());
    const auto id = on.submit("job").value();
    CHECK(on.wait(id)->status == JobStatus::failed);
    is_broken = false;
    REQUIRE(on.retry(id).has_value());
    const auto job = on.wait(id).value();
    REQUIRE(job.status == JobStatus::completed);
    std::set<int> seen;
    int others = 0;
    for (const auto& line : lines_of(on.artifact(id_in(job.result->at("rows"))).value())) {
      if (!line.is_object()) {
        ++others;
        continue;
      }
      CHECK(seen.insert(line.at("i").to_number<int>()).second);
      CHECK(line.at("attempt").to_number<int>() == 1);
    }
    CHECK(seen.size() == 30);
    CHECK(others == 60);
  }

  TEST_CASE_FIXTURE(Fixture, "each run of a stage has an output of its own, and what no task wrote is empty") {
    plan->tasks = [](int stage, const JobContext&) {
      return std::vector<TaskDefinition>(2, TaskDefinition{"work", {{"stage", stage}}});
    };
    plan->work = [](const json::object& params, TaskContext& context) {
      context.output("rows").append(params.at("stage"));
      return TaskResult();
    };
    plan->goes_on = [](int stage, const JobContext& context) {
      if (stage == 1) CHECK_THROWS_AS(context.seal_output("rows", 2), std::out_of_range);
      return stage < 2;
    };
    plan->aggregate = [](int, const StageResults&) { return json::object{}; };
    plan->result = [](const JobContext& context) {
      return json::object{{"first", context.seal_output("rows", 1)},
                          {"second", context.seal_output("rows")},
                          {"none", context.seal_output("other")}};
    };
    auto on = machine();
    const auto job = on.run("job").value();
    REQUIRE(job.status == JobStatus::completed);
    CHECK(on.artifact(id_in(job.result->at("first"))).value() == "1\n1\n");
    CHECK(on.artifact(id_in(job.result->at("second"))).value() == "2\n2\n");
    CHECK(on.artifact(id_in(job.result->at("none"))).value().empty());
  }

  TEST_CASE_FIXTURE(Fixture, "a damaged artifact is an error that names it, of its own job alone") {
    plan->goes_on = [](int stage, const JobContext&) { return stage == 1; };
    plan->work = [](const json::object&, TaskContext&) { return TaskResult(); };
    plan->policy = [](int stage) {
      StagePolicy policy;
      if (stage == 1) policy.gate = Gate{.signal = "go"};
      return policy;
    };
    plan->aggregate = [](int, const StageResults&) { return json::object{}; };
    bool in_tasks = false;
    plan->tasks = [&](int, const JobContext& context) -> std::vector<TaskDefinition> {
      if (in_tasks) return {{"work", {{"text", text_of(3000)}}}};
      return {{"work", {{"bytes", context.job_params().at("text").as_string().size()}}}};
    };
    auto on = machine(sqlite());
    const auto spoil = [&](const std::string& id, bool remove) {
      if (remove) REQUIRE(std::filesystem::remove(path_of(id)));
      if (!remove) std::fstream(path_of(id), std::ios::in | std::ios::out).write("?", 1);
    };
    for (const bool removed : {false, true}) {
      CAPTURE(removed);
      const auto id = on.submit("job", {{"text", text_of(3000, removed ? 'r' : 'c')}}).value();
      const auto artifact = id_in(on.job(id)->params);
      spoil(artifact, removed);
      REQUIRE(on.signal(id, "go").has_value());
      const auto job = on.wait(id).value();
      CHECK(job.status == JobStatus::failed);
      CHECK(job.error->code == ErrorCode::store_damaged);
      CHECK(job.error->message.find(artifact) != std::string::npos);
    }
    // The machine goes on, and what is kept again is there again.
    const auto id = on.submit("job", {{"text", text_of(3000, 'r')}}).value();
    REQUIRE(on.signal(id, "go").has_value());
    CHECK(on.wait(id)->status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(Fixture, "damaged params of a task fail it at once, with the id of the artifact") {
    std::atomic<int> calls{0};
    plan->policy = [](int) {
      StagePolicy policy;
      policy.retry = RetryPolicy{.max_attempts = 5, .first_delay = Milliseconds{1}, .jitter = false};
      return policy;
    };
    std::string artifact;
    plan->tasks = [&](int, const JobContext& context) -> std::vector<TaskDefinition> {
      const json::object params{{"text", text_of(3000, 'd')}};
      artifact = id_in(context.artifact(params));
      return std::vector<TaskDefinition>(2, TaskDefinition{"work", params});
    };
    plan->work = [&](const json::object&, TaskContext& context) -> TaskResult {
      ++calls;
      if (context.attempt() > 1) return TaskResult();
      std::filesystem::remove(path_of(artifact));
      return TaskFailure{.message = "once more"};
    };
    auto on = machine(sqlite());
    const auto job = on.run("job").value();
    CHECK(job.status == JobStatus::failed);
    CHECK(job.error->code == ErrorCode::task_failed);
    CHECK(job.error->message.find(artifact) != std::string::npos);
    CHECK(calls <= 2);
  }

  TEST_CASE_FIXTURE(Fixture,
                    "without room, submissions are refused, attempts fail and are tried again, boundaries wait") {
    Roomless disk;
    auto on = machine_on(disk);
    plan->policy = [](int) {
      StagePolicy policy;
      policy.retry = RetryPolicy{.max_attempts = 1000, .first_delay = Milliseconds{1}, .max_delay = Milliseconds{1}};
      return policy;
    };
    plan->work = [&](const json::object&, TaskContext& context) {
      if (context.attempt() == 1) disk.is_full = true;
      if (disk.refused > 3) disk.is_full = false;
      return TaskResult({{"text", text_of(2000)}});
    };
    plan->aggregate = [&](int, const StageResults& results) {
      CHECK(results[0].at("text").as_string().size() == 2000);
      disk.is_full = disk.refused < 6;
      return json::object{{"text", text_of(2500)}};
    };
    const auto job = on.run("job").value();
    REQUIRE(job.status == JobStatus::completed);
    CHECK(on.artifact_value(*job.result)->at("text").as_string().size() == 2500);
    CHECK(disk.refused >= 6);
    disk.is_full = true;
    CHECK(on.submit("job", {{"text", text_of(3000)}}).error().code == ErrorCode::store_full);
    disk.is_full = false;
    CHECK(on.submit("job", {{"text", text_of(3000)}}).has_value());
  }

  TEST_CASE_FIXTURE(Fixture, "many jobs with large values of all kinds at a time, and a store that is sound") {
    {
      auto on = machine(sqlite());
      std::vector<JobId> ids;
      for (int i = 0; i < 12; ++i)
        ids.push_back(on.submit("large", support::large_params(3 + i % 4 * 7, std::to_string(i))).value());
      for (const auto id : ids) CHECK(support::fault_of_large_result(on, on.wait(id).value()) == "");
      for (std::size_t i = 0; i < ids.size(); i += 2) REQUIRE(on.remove(ids[i]).has_value());
    }
    auto opened = embed::open_store(sqlite(), true);
    const auto artifacts = opened.open_artifacts(true).value();
    const auto found = check_store(*opened.store, false, &*artifacts);
    CHECK_MESSAGE(found.problems.empty(), found.problems.front());
    CHECK(found.artifacts > 0);
    CHECK(opened.store->stats().artifact_references >= found.artifacts);
  }

  TEST_CASE_FIXTURE(Fixture,
                    "the check finds an artifact that is missing, one that is damaged, and one that nothing keeps") {
    plan->result = [](const JobContext& context) { return json::object{{"own", context.artifact(value_of(12))}}; };
    std::vector<std::string> ids;
    {
      auto on = machine(sqlite());
      for (const char letter : {'a', 'b'}) ids.push_back(id_in(on.run("job", {{"t", text_of(2000, letter)}})->params));
    }
    const auto problems = [&] {
      auto opened = embed::open_store(sqlite(), true);
      const auto artifacts = opened.open_artifacts(true).value();
      return check_store(*opened.store, false, &*artifacts).problems;
    };
    REQUIRE(problems().empty());
    std::filesystem::remove(path_of(ids[0]));
    std::fstream(path_of(ids[1]), std::ios::in | std::ios::out).write("?", 1);
    const auto found = problems();
    REQUIRE(found.size() == 2);
    for (const auto& id : ids) {
      const auto names_it = [&](const std::string& problem) { return problem.find(id) != std::string::npos; };
      CHECK(std::any_of(found.begin(), found.end(), names_it));
    }
  }

  TEST_CASE_FIXTURE(Fixture, "a limit that no store could hold to is refused") {
    for (const std::size_t size : {std::size_t{0}, std::size_t{1023}, (std::size_t{16} << 20U) + 1, SIZE_MAX}) {
      MachineOptions options;
      options.jobs = &jobs;
      options.tasks = &tasks;
      options.large_value = size;
      CHECK_THROWS_AS(CoreMachine(std::move(options)), Failure);
    }
  }
}

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_its_own = false;
#else
constexpr bool memory_is_its_own = true;
#endif

long peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

}  // namespace

TEST_SUITE("runtime: huge values") {
  TEST_CASE_FIXTURE(Fixture, "a result of 200 MiB is in memory once, and one that is made piece by piece never") {
    constexpr std::size_t size = std::size_t{200} << 20U;
    constexpr long size_kib = static_cast<long>(size >> 10U);
    for (const bool by_pieces : {false, true}) {
      CAPTURE(by_pieces);
      support::ChildProcess child([&](const std::function<void(const std::string&)>& say) {
        plan->work = [&](const json::object&, TaskContext& context) {
          if (!by_pieces) {
            json::object result;
            result.emplace("text", json::string(size, 'x'));
            return TaskResult(std::move(result));
          }
          const auto made = context.new_artifact("text/plain");
          const auto piece = text_of(size / 1000, 'x');
          for (int i = 0; i < 1000; ++i) made->write(piece);
          return TaskResult(json::object{{"text", made->finish()}});
        };
        plan->aggregate = [](int, const StageResults& results) {
          const auto kept = results.reference(0);
          return kept ? to_json(*kept) : results[0].at("text").as_object();
        };
        plan->result = [](const JobContext& context) {
          const auto kept = context.stage_result_reference(1);
          return kept ? to_json(*kept) : context.stage_result(1);
        };
        auto on = machine(sqlite() + (by_pieces ? "2" : "1"));
        const auto before = peak_kib();
        const auto job = on.run("job").value();
        const auto grown = peak_kib() - before;
        say(std::to_string(grown));
        say(std::to_string(on.open_artifact(id_in(*job.result)).value()->size()));
      });
      const auto lines = child.read_all();
      REQUIRE(child.wait() == 0);
      REQUIRE(lines.size() == 2);
      if (memory_is_its_own) {
        CHECK(std::stol(lines[0]) < (by_pieces ? size_kib / 4 : size_kib + size_kib / 2));
      } else {
        MESSAGE("SKIPPED: how much memory it takes. The sanitizer has memory of its own for all of it");
      }
      CHECK(std::stoull(lines[1]) ==
            (by_pieces ? size / 1000 * 1000 : size + std::string_view(R"({"text":""})").size()));
    }
  }
}
