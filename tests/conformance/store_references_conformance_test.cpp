// Which artifacts the jobs of a store name, and which are named no more.

#include <algorithm>
#include <random>
#include <set>

#include "tests/conformance/store_fixture.hpp"

namespace coremachine {
namespace {

using namespace store_tests;

ArtifactId artifact(std::uint64_t n) {
  ArtifactId id;
  for (std::size_t i = 0; i < 8; ++i) id.digest[i] = static_cast<std::uint8_t>(n >> (8 * (7 - i)));
  return id;
}

std::vector<ArtifactId> all_referenced(const Store& store, std::size_t page) {
  std::vector<ArtifactId> found;
  std::optional<ArtifactId> after;
  for (;;) {
    const auto next = store.read_referenced(after, page);
    if (next.empty()) return found;
    CHECK(next.size() <= page);
    found.insert(found.end(), next.begin(), next.end());
    after = next.back();
  }
}

}  // namespace

TEST_SUITE("conformance: store, artifacts that jobs name") {
  TEST_CASE_TEMPLATE("an artifact is named as long as one of the jobs that name it is in the store", Made, ALL_STORES) {
    Made made;
    auto& store = made.store();
    Committer commits(store);
    auto batch = commits.batch();
    batch.jobs = {job_row(id_of(1), JobStatus::completed), job_row(id_of(2), JobStatus::running)};
    batch.references = {{id_of(1), artifact(7)}, {id_of(2), artifact(7)}, {id_of(1), artifact(3)}};
    commits.commit(batch);
    batch = commits.batch();
    batch.references = {{id_of(1), artifact(7)}};  // again, from another text
    commits.commit(batch);
    CHECK(store.is_referenced(artifact(7)));
    CHECK(store.is_referenced(artifact(3)));
    CHECK_FALSE(store.is_referenced(artifact(5)));
    CHECK(store.references_of(id_of(1)) == std::vector{artifact(3), artifact(7)});
    CHECK(store.stats().artifact_references == 3);

    batch = commits.batch();
    batch.deletes = {id_of(1)};
    commits.commit(batch);
    CHECK(store.is_referenced(artifact(7)));
    CHECK_FALSE(store.is_referenced(artifact(3)));
    CHECK(store.references_of(id_of(1)).empty());
    CHECK(all_referenced(store, 10) == std::vector{artifact(7)});
    CHECK(store.take_released().artifacts.empty());
    CHECK(store.orphans(false) == 0);

    batch = commits.batch();
    batch.sweep = 100;
    commits.commit(batch);
    CHECK_FALSE(store.has_garbage());
    auto released = store.take_released();
    std::sort(released.artifacts.begin(), released.artifacts.end());
    CHECK(released.artifacts == std::vector{artifact(3), artifact(7)});
    CHECK(released.complete);
    CHECK(store.take_released().artifacts.empty());
    CHECK(store.stats().artifact_references == 1);
  }

  TEST_CASE_TEMPLATE("references of deleted jobs are swept in slices, each of them told once", Made, ALL_STORES) {
    Made made;
    auto& store = made.store();
    Committer commits(store);
    auto batch = commits.batch();
    batch.jobs = {job_row(id_of(1), JobStatus::completed)};
    for (std::uint64_t n = 0; n < 50; ++n) batch.references.push_back({id_of(1), artifact(n)});
    commits.commit(batch);
    batch = commits.batch();
    batch.deletes = {id_of(1)};
    commits.commit(batch);
    std::vector<ArtifactId> released;
    while (store.has_garbage()) {
      batch = commits.batch();
      batch.sweep = 7;
      commits.commit(batch);
      const auto some = store.take_released().artifacts;
      CHECK(some.size() <= 7);
      released.insert(released.end(), some.begin(), some.end());
    }
    CHECK(released.size() == 50);
    CHECK(std::set<ArtifactId>(released.begin(), released.end()).size() == 50);
  }

  TEST_CASE_TEMPLATE("references without a job are orphans", Made, ALL_STORES) {
    Made made;
    auto& store = made.store();
    Committer commits(store);
    auto batch = commits.batch();
    batch.jobs = {job_row(id_of(1), JobStatus::completed)};
    batch.references = {{id_of(1), artifact(1)}, {id_of(9), artifact(1)}, {id_of(9), artifact(2)}};
    commits.commit(batch);
    CHECK_FALSE(store.is_referenced(artifact(2)));
    CHECK(store.orphans(false) == 2);
    CHECK(store.orphans(true) == 2);
    CHECK(store.orphans(false) == 0);
    CHECK(store.is_referenced(artifact(1)));
  }

  TEST_CASE_TEMPLATE("any references of any jobs are what a plain list of them says", Made, ALL_STORES) {
    std::mt19937 dice(20260101);
    Made made;
    auto& store = made.store();
    Committer commits(store);
    std::set<std::pair<std::uint64_t, std::uint64_t>> known;
    std::set<std::uint64_t> jobs;
    for (int step = 0; step < 60; ++step) {
      auto batch = commits.batch();
      for (int i = 0; i < 5; ++i) {
        const auto job = dice() % 12;
        if (!jobs.contains(job) && dice() % 2 == 0) continue;
        if (jobs.insert(job).second) batch.jobs.push_back(job_row(id_of(job), JobStatus::completed));
        const auto named = dice() % 20;
        known.emplace(job, named);
        batch.references.push_back({id_of(job), artifact(named)});
      }
      commits.commit(batch);
      batch = commits.batch();
      const auto gone = dice() % 12;
      if (jobs.erase(gone) > 0) {
        batch.deletes = {id_of(gone)};
        std::erase_if(known, [&](const auto& each) { return each.first == gone; });
      }
      // All at once: a job of this test may come again under the same id.
      batch.sweep = 1000;
      commits.commit(batch);

      std::set<ArtifactId> expected;
      for (const auto& [job, named] : known) expected.insert(artifact(named));
      CHECK(all_referenced(store, 1 + dice() % 5) == std::vector(expected.begin(), expected.end()));
      for (std::uint64_t named = 0; named < 20; ++named)
        CHECK(store.is_referenced(artifact(named)) == expected.contains(artifact(named)));
      CHECK(store.stats().artifact_references == known.size());
    }
  }

  TEST_CASE("references are there after a restart") {
    OnDisk made;
    {
      Committer commits(made.store());
      auto batch = commits.batch();
      batch.jobs = {job_row(id_of(1), JobStatus::completed)};
      batch.references = {{id_of(1), artifact(1)}};
      commits.commit(batch);
    }
    made.reopen();
    CHECK(made.store().references_of(id_of(1)) == std::vector{artifact(1)});
  }
}

}  // namespace coremachine
