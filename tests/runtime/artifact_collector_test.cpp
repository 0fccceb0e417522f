// What is collected, and what stays; without threads.

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/model/json_text.hpp"
#include "core/runtime/artifact_collector.hpp"
#include "core/store/memory/memory_artifacts.hpp"
#include "core/store/memory/memory_store.hpp"
#include "tests/conformance/store_fixture.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::store_tests;
using runtime::ArtifactCollector;
using runtime::LargeValues;

struct Fixture {
  Fixture()
      : store(make_memory_store()),
        commits(*store),
        large({.open = [this](bool) -> Result<std::unique_ptr<ArtifactStore>> {
          auto opened = make_memory_artifacts([this] { return now; });
          artifacts = opened.get();
          return opened;
        }}),
        collector({.large = &large, .store = store.get()}) {
    large.append(ignored, json::value("opens it"), 0, ignored_holds);
    ignored_holds = {};
  }

  Pinned put(const std::string& text) { return artifacts->put(text, "text/plain").value(); }
  bool is_there(const ArtifactId& id) { return artifacts->info(id).has_value(); }
  void add(JobId job, JobStatus status, const std::vector<ArtifactId>& named) {
    auto batch = commits.batch();
    batch.jobs = {job_row(job, status)};
    for (const auto& id : named) batch.references.push_back({job, id});
    commits.commit(batch);
  }
  void remove(JobId job) {
    auto batch = commits.batch();
    batch.deletes = {job};
    commits.commit(batch);
    while (store->has_garbage()) {
      batch = commits.batch();
      batch.sweep = 3;
      commits.commit(batch);
    }
  }
  /// Slices until there is nothing to do; how many it took.
  int work() {
    int slices = 1;
    while (collector.work() < Milliseconds{1000}) ++slices;
    return slices;
  }

  Timestamp now = std::chrono::floor<Milliseconds>(std::chrono::system_clock::now());
  std::unique_ptr<Store> store;
  Committer commits;
  ArtifactStore* artifacts = nullptr;
  LargeValues large;
  ArtifactCollector collector;
  std::string ignored;
  ArtifactHolds ignored_holds;
};

}  // namespace

TEST_SUITE("runtime: collecting artifacts") {
  TEST_CASE_FIXTURE(Fixture, "the first look takes what nobody names, but not what is pinned") {
    const auto named = put("named").info.id;
    const auto garbage = put("garbage").info.id;
    const auto pinned = put("pinned");
    add(id_of(1), JobStatus::running, {named});
    work();
    CHECK(is_there(named));
    CHECK(is_there(pinned.info.id));
    CHECK_FALSE(is_there(garbage));
    CHECK(artifacts->stats()->count == 2);
  }

  TEST_CASE_FIXTURE(Fixture, "a look through many goes slice by slice") {
    for (int i = 0; i < 1000; ++i) put("garbage " + std::to_string(i));
    CHECK(work() >= 4);
    CHECK(artifacts->stats()->count == 0);
  }

  TEST_CASE_FIXTURE(Fixture, "what a deleted job named goes without a look at all the others") {
    std::vector<ArtifactId> mine;
    std::vector<ArtifactId> shared;
    for (int i = 0; i < 100; ++i) mine.push_back(put("mine " + std::to_string(i)).info.id);
    for (int i = 0; i < 10; ++i) shared.push_back(put("shared " + std::to_string(i)).info.id);
    auto all = mine;
    all.insert(all.end(), shared.begin(), shared.end());
    add(id_of(1), JobStatus::completed, all);
    add(id_of(2), JobStatus::completed, shared);
    work();
    const auto stray = put("nobody looks at this one").info.id;
    remove(id_of(1));
    work();
    for (const auto& id : mine) CHECK_FALSE(is_there(id));
    for (const auto& id : shared) CHECK(is_there(id));
    CHECK(is_there(stray));
  }

  TEST_CASE_FIXTURE(Fixture, "what is named again while it is released stays") {
    const auto id = put("again").info.id;
    add(id_of(1), JobStatus::completed, {id});
    work();
    auto pinned = artifacts->pin(id).value();
    remove(id_of(1));
    work();
    CHECK(is_there(id));
    add(id_of(2), JobStatus::running, {id});
    pinned.pin.reset();
    work();
    CHECK(is_there(id));
    remove(id_of(2));
    work();
    CHECK_FALSE(is_there(id));
  }

  TEST_CASE_FIXTURE(Fixture, "of several machines one looks through all, and each at what it released") {
    bool is_first = false;
    ArtifactCollector shared({.large = &large, .store = store.get(), .is_first = [&] { return is_first; }});
    const auto young = put("another machine has it, or had it").info.id;
    const auto named = put("named").info.id;
    add(id_of(1), JobStatus::completed, {named});
    const auto begun = JobId::make(now, 1, 1);  // on another machine, and not in the store yet
    const auto deleted = JobId::make(now - std::chrono::hours(2), 1, 1);
    now -= std::chrono::hours(2);
    const auto stray = put("stray").info.id;
    for (const auto job : {id_of(1), begun, deleted}) {
      REQUIRE(artifacts->output(job, "rows.1").value()->append("k", "1").has_value());
    }
    remove(id_of(1));
    while (shared.work() < Milliseconds{1000}) {
    }
    CHECK_FALSE(is_there(named));
    CHECK(is_there(stray));
    CHECK(artifacts->jobs_with_outputs().value().size() == 3);
    is_first = true;
    while (shared.work() < Milliseconds{1000}) {
    }
    CHECK_FALSE(is_there(stray));
    CHECK(is_there(young));
    CHECK(artifacts->jobs_with_outputs().value() == std::vector{begun});
  }

  TEST_CASE_FIXTURE(Fixture, "outputs go with jobs that completed or were deleted, and stay with all others") {
    const std::vector<JobStatus> statuses{JobStatus::running, JobStatus::failed, JobStatus::completed,
                                          JobStatus::completed_with_errors, JobStatus::cancelled};
    std::vector<JobId> kept;
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      add(id_of(i), statuses[i], {});
      REQUIRE(artifacts->output(id_of(i), "rows.1").value()->append("k", "1").has_value());
      if (statuses[i] != JobStatus::completed) kept.push_back(id_of(i));
    }
    // This one has begun, and is not in the store yet.
    REQUIRE(artifacts->output(id_of(99), "rows.1").value()->append("k", "1").has_value());
    kept.push_back(id_of(99));
    work();
    CHECK(artifacts->jobs_with_outputs().value() == kept);
  }

  TEST_CASE_FIXTURE(Fixture, "a large value is held until its batch is gone, and whatever it names with it") {
    ArtifactHolds inner_holds;
    const auto inner = large.keep(json::value("inner"), inner_holds).id;
    std::string text;
    ArtifactHolds holds;
    const json::object value{{"long", std::string(100, 'x')}, {"inner", to_json(ArtifactReference{inner, 7, "a/b"})}};
    REQUIRE_FALSE(large.append(text, value, 20, holds));
    const auto reference = parse_automatic_reference(parse_stored(text));
    REQUIRE(reference);
    inner_holds = {};
    work();
    CHECK(is_there(reference->id));
    CHECK(is_there(inner));
    CHECK(holds.named.size() == 2);
    CHECK(large.load(*reference) == json::value(value));
    add(id_of(1), JobStatus::running, holds.named);
    holds = {};
    work();
    CHECK(is_there(reference->id));
    CHECK(is_there(inner));
    remove(id_of(1));
    work();
    CHECK_FALSE(is_there(reference->id));
    CHECK_FALSE(is_there(inner));
  }
}
