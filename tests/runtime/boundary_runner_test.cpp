// Boundaries and slices alone, with an artifact store that has no room, is broken or forgets.

#include <functional>
#include <string>
#include <variant>

#include <doctest/doctest.h>
#include <boost/json/serialize.hpp>

#include "core/model/json_text.hpp"
#include "core/runtime/boundary_runner.hpp"
#include "core/runtime/slice_runner.hpp"
#include "core/store/memory/memory_artifacts.hpp"
#include "core/store/memory/memory_store.hpp"

namespace {

using namespace coremachine;
using runtime::BoundaryRunner;
using runtime::LargeValues;

/// An artifact store that refuses to store as long as it is told to.
class Refusing final : public ArtifactStore {
 public:
  std::optional<ErrorCode> refuses = {};

  Result<std::unique_ptr<ArtifactWriter>> begin(std::string_view media_type) override {
    if (refuses) return Error{*refuses, "refused"};
    return kept_->begin(media_type);
  }
  Result<Pinned> pin(const ArtifactId& id) override { return kept_->pin(id); }
  Result<std::unique_ptr<ArtifactReader>> open(const ArtifactId& id) const override { return kept_->open(id); }
  Result<ArtifactInfo> info(const ArtifactId& id) const override { return kept_->info(id); }
  Result<void> remove(const ArtifactId& id) override { return kept_->remove(id); }
  Result<std::vector<ArtifactInfo>> list(const std::optional<ArtifactId>& after, std::size_t limit) const override {
    return kept_->list(after, limit);
  }
  Result<ArtifactStats> stats() const override { return kept_->stats(); }
  Result<Collected> collect(const CollectRequest& request) override { return kept_->collect(request); }
  std::optional<Error> broken() const override {
    return refuses == ErrorCode::store_failed ? std::optional(Error{*refuses, "broken"}) : std::nullopt;
  }
  Result<std::shared_ptr<ArtifactAppender>> output(JobId job, std::string_view name) override {
    return kept_->output(job, name);
  }
  Result<void> drop_outputs(JobId job) override { return kept_->drop_outputs(job); }
  Result<std::vector<JobId>> jobs_with_outputs() const override { return kept_->jobs_with_outputs(); }

 private:
  std::unique_ptr<ArtifactStore> kept_ = make_memory_artifacts();
};

const std::string big(500, 'x');

struct BigJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
    return {{"work", {{"text", big}}}, {"work", {{"text", "small"}}}};
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"text", results[0].at("text")}, {"count", results.size()}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

struct Fixture {
  Fixture()
      : large({.open = [this](bool) -> Result<std::unique_ptr<ArtifactStore>> {
                 auto made = std::make_unique<Refusing>();
                 disk = made.get();
                 return made;
               },
               .limit = 100,
               .broke = [this](const Error& error) { broke.push_back(error.message); }}) {
    jobs.add<BigJob>("big");
    tasks.add("work", [](const json::object& params) { return TaskResult({{"text", params.at("text")}}); });
    jobs.freeze();
    tasks.freeze();
    large.store_if_there();
  }

  BoundaryRunner::Outcome run(BoundaryKind kind, std::vector<OutcomeSegment> outcomes = {}) {
    machine::HandlerCall call;
    call.job = JobId{1, 1};
    call.job_type = "big";
    call.boundary = Boundary{7, kind, 1, kind == BoundaryKind::close ? RoundNumber{1} : RoundNumber{0}};
    call.params = make_text("{}");
    call.is_inline = true;
    call.counts = TaskCounts{.total = 2, .completed = 2};
    call.rounds = {1};
    call.defined_in[1] = 1;
    call.outcomes = std::move(outcomes);
    return BoundaryRunner(jobs, tasks, *store, large).run(call, [] { return false; });
  }
  /// Runs the two tasks that these definitions have.
  Report run_tasks(const Text& definitions) {
    runtime::SliceRunner::Setup setup;
    setup.jobs = &jobs;
    setup.tasks = &tasks;
    setup.store = store.get();
    setup.large = &large;
    setup.worker = "test";
    setup.clock = [] { return Timestamp{}; };
    const runtime::SliceRunner runner(std::move(setup));
    machine::RunSlice work;
    work.slice.job = JobId{1, 1};
    work.slice.round = work.slice.defined_in = 1;
    work.slice.count = 2;
    work.spec.task_type = "work";
    work.definitions = definitions;
    runtime::SliceState state(std::move(work));
    runtime::RunningRecord::Slot slot;
    return runner.run(state, slot);
  }
  static OutcomeSegment segment_of(const Report& report) {
    OutcomeSegment segment;
    segment.round = 1;
    segment.count = report.completed.count;
    segment.body = report.completed.body;
    return segment;
  }

  std::unique_ptr<Store> store = make_memory_store();
  Refusing* disk = nullptr;
  std::vector<std::string> broke;
  LargeValues large;
  JobRegistry jobs;
  TaskRegistry tasks;
};

}  // namespace

TEST_SUITE("runtime: boundaries and slices with large values") {
  TEST_CASE_FIXTURE(Fixture, "references go in and come out, and what they name is held") {
    const auto opened = std::get<BoundaryDecided>(run(BoundaryKind::open_first));
    const auto& chunk = std::get<NextStage>(opened.next).chunks.at(0);
    const auto params = parse_stored(*chunk.body);
    const auto kept = parse_automatic_reference(params.as_array().at(0));
    REQUIRE(kept);
    CHECK(opened.artifacts.named == std::vector{kept->id});
    CHECK(params.as_array().at(1) == json::value{{"text", "small"}});
    CHECK(disk->remove(kept->id).error().code == ErrorCode::wrong_state);  // it is pinned

    const auto report = run_tasks(chunk.body);
    REQUIRE(report.completed.count == 2);
    const auto results = parse_stored(*report.completed.body);
    CHECK(parse_automatic_reference(results.as_array().at(0)) == kept);  // equal values, equal content
    CHECK(report.artifacts.named == std::vector{kept->id});

    const auto closed = std::get<BoundaryDecided>(run(BoundaryKind::close, {segment_of(report)}));
    const auto result = parse_automatic_reference(parse_stored(*closed.stage_result));
    REQUIRE(result);
    CHECK(*std::get<Finished>(closed.next).result == *closed.stage_result);
    CHECK(large.load(*result).at("text").as_string() == big);
  }

  TEST_CASE_FIXTURE(Fixture, "a boundary that finds no room decides nothing") {
    disk->refuses = ErrorCode::store_full;
    CHECK(std::holds_alternative<BoundaryRunner::NoRoom>(run(BoundaryKind::open_first)));
    disk->refuses = {};
    CHECK(std::holds_alternative<BoundaryDecided>(run(BoundaryKind::open_first)));
    CHECK(broke.empty());
  }

  TEST_CASE_FIXTURE(Fixture, "a task that finds no room has failed and may be tried again; its neighbours have not") {
    disk->refuses = ErrorCode::store_full;
    const auto report = run_tasks(make_text(R"([{"text":")" + big + R"("},{"text":"small"}])"));
    REQUIRE(report.failed.size() == 1);
    CHECK(report.failed[0].offset == 0);
    CHECK(report.failed[0].verdict == FailedAttempt::Verdict::retry);
    CHECK(report.failed[0].error->find("store_full") != std::string::npos);
    CHECK(*report.completed.body == R"([{"text":"small"}])");
    CHECK(report.artifacts.empty());
  }

  TEST_CASE_FIXTURE(Fixture, "a broken artifact store is told once") {
    disk->refuses = ErrorCode::store_failed;
    for (int i = 0; i < 3; ++i) {
      const auto outcome = run(BoundaryKind::open_first);
      const auto* failed = std::get_if<HandlerFailed>(&std::get<BoundaryDecided>(outcome).next);
      REQUIRE(failed);
      CHECK(failed->error.code == ErrorCode::store_failed);
    }
    CHECK(broke == std::vector<std::string>{"broken"});
  }

  TEST_CASE_FIXTURE(Fixture, "params that are missing fail their task for good, and results that are missing the job") {
    ArtifactReference reference{{}, 500, "application/json", true};
    reference.id.digest[0] = 9;
    const auto gone = json::serialize(to_json(reference));
    const auto report = run_tasks(make_text("[" + gone + R"(,{"text":"small"}])"));
    REQUIRE(report.failed.size() == 1);
    CHECK(report.failed[0].verdict == FailedAttempt::Verdict::permanent);
    CHECK(report.failed[0].error->find(reference.id.str()) != std::string::npos);
    CHECK(report.completed.count == 1);

    OutcomeSegment segment;
    segment.round = 1;
    segment.count = 2;
    segment.body = make_text("[" + gone + ",1]");
    const auto outcome = run(BoundaryKind::close, {segment});
    const auto* failed = std::get_if<HandlerFailed>(&std::get<BoundaryDecided>(outcome).next);
    REQUIRE(failed);
    CHECK(failed->error.code == ErrorCode::store_damaged);
    CHECK(failed->error.message.find(reference.id.str()) != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "a chunk whose params are many and of moderate size stays small") {
    struct ManyJob : BigJob {
      std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
        return std::vector<TaskDefinition>(1024, TaskDefinition{"work", {{"text", std::string(40'000, 'm')}}});
      }
    };
    JobRegistry many;
    many.add<ManyJob>("big");
    many.freeze();
    LargeValues roomy({.open = open_memory_artifacts});
    machine::HandlerCall call;
    call.job_type = "big";
    call.boundary = Boundary{1, BoundaryKind::open_first, 1, 0};
    call.params = make_text("{}");
    const auto outcome = BoundaryRunner(many, tasks, *store, roomy).run(call, [] { return false; });
    const auto& next = std::get<NextStage>(std::get<BoundaryDecided>(outcome).next);
    REQUIRE(next.chunks.size() == 1);
    CHECK(next.chunks[0].count == 1024);
    CHECK(next.chunks[0].body->size() < (std::size_t{10} << 20U));
    CHECK(element_ends(*next.chunks[0].body).size() == 1024);
  }
}
