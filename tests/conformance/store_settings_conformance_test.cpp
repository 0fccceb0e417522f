// What operators set, what makes a submission happen once, and what is left of a job that was deleted.

#include <random>

#include "tests/conformance/store_fixture.hpp"

namespace coremachine {
namespace {

using namespace store_tests;

Batch batch_of(std::uint64_t sequence, Incarnation incarnation) {
  Batch batch;
  batch.sequence = sequence;
  batch.incarnation = incarnation;
  return batch;
}

}  // namespace

TEST_SUITE("conformance: store, settings and deletion") {
  TEST_CASE_TEMPLATE("a setting is what was last set, until it is removed", Made, ALL_STORES) {
    Made made;
    auto& store = made.store();
    const auto incarnation = store.begin_incarnation();
    auto batch = batch_of(1, incarnation);
    batch.settings = {{"limit", "b", make_text("2")}, {"limit", "a", make_text("1")}, {"other", "a", make_text("3")}};
    REQUIRE(store.commit(batch).has_value());
    batch = batch_of(2, incarnation);
    batch.settings = {{"limit", "a", make_text("10")}, {"limit", "b", nullptr}, {"limit", "never", nullptr}};
    REQUIRE(store.commit(batch).has_value());
    const auto limits = store.read_settings("limit");
    REQUIRE(limits.size() == 1);
    CHECK(limits[0].name == "a");
    CHECK(*limits[0].value == "10");
    CHECK(store.read_settings("other").size() == 1);
    CHECK(store.read_settings("none").empty());
  }

  TEST_CASE_TEMPLATE("a key belongs to the job that had it last, and goes with it", Made, ALL_STORES) {
    Made made;
    auto& store = made.store();
    const auto incarnation = store.begin_incarnation();
    auto batch = batch_of(1, incarnation);
    batch.jobs = {job_row(id_of(1), JobStatus::failed), job_row(id_of(2), JobStatus::completed)};
    batch.keys = {{"k", id_of(1), "f1"}, {"l", id_of(1), "f"}};
    REQUIRE(store.commit(batch).has_value());
    batch = batch_of(2, incarnation);
    batch.keys = {{"k", id_of(2), "f2"}};
    batch.deletes = {id_of(1)};
    REQUIRE(store.commit(batch).has_value());
    const auto key = store.find_key("k");
    REQUIRE(key);
    CHECK(key->job == id_of(2));
    CHECK(key->fingerprint == "f2");
    CHECK_FALSE(store.find_key("l").has_value());
    CHECK_FALSE(store.find_key("m").has_value());
  }

  TEST_CASE_TEMPLATE("a deleted job is gone at once, and what it leaves is swept in slices", Made, ALL_STORES) {
    Made made;
    auto& store = made.store();
    const auto incarnation = store.begin_incarnation();
    auto batch = batch_of(1, incarnation);
    for (std::uint64_t job = 1; job <= 3; ++job) {
      batch.jobs.push_back(job_row(id_of(job), JobStatus::completed));
      batch.rounds.push_back(round_row(id_of(job), 1));
      for (ChunkNumber chunk = 0; chunk < 5; ++chunk) {
        batch.definitions.emplace_back(id_of(job), definitions(1, chunk));
        batch.outcomes.emplace_back(id_of(job), outcomes(1, chunk, chunk));
      }
    }
    REQUIRE(store.commit(batch).has_value());
    CHECK_FALSE(store.has_garbage());
    batch = batch_of(2, incarnation);
    batch.deletes = {id_of(1), id_of(3)};
    REQUIRE(store.commit(batch).has_value());
    CHECK_FALSE(store.read_job(id_of(1)).has_value());
    CHECK(store.has_garbage());
    CHECK(store.orphans(false) == 0);  // it is known, and will be swept
    std::uint64_t sequence = 2;
    int slices = 0;
    for (; store.has_garbage(); ++slices) {
      const auto before = store.stats();
      batch = batch_of(++sequence, incarnation);
      batch.sweep = 4;
      REQUIRE(store.commit(batch).has_value());
      const auto after = store.stats();
      const auto rows = [](const StoreStats& stats) {
        return stats.rounds + stats.definition_segments + stats.outcome_segments;
      };
      CHECK(rows(before) - rows(after) <= 4);
      REQUIRE(slices < 100);
    }
    CHECK(slices >= 22 / 4);
    CHECK(store.stats().outcome_segments == 5);
    CHECK(store.stats().definition_segments == 5);
    CHECK(store.stats().rounds == 1);
    CHECK(store.read_job(id_of(2)).has_value());
  }

  TEST_CASE_TEMPLATE("jobs that are over are read oldest first, page by page", Made, ALL_STORES) {
    Made made;
    auto& store = made.store();
    auto batch = batch_of(1, store.begin_incarnation());
    std::vector<JobId> over;
    for (std::uint64_t n = 0; n < 20; ++n) {
      const bool ended = n % 3 != 0;
      auto row = job_row(id_of(n), ended ? JobStatus::failed : JobStatus::running);
      if (ended) {
        row.finished_at = Timestamp{Milliseconds{static_cast<Milliseconds::rep>(n)}};
        over.push_back(row.id);
      }
      batch.jobs.push_back(std::move(row));
    }
    REQUIRE(store.commit(batch).has_value());
    std::vector<JobId> read;
    std::optional<JobId> after;
    for (;;) {
      const auto page = store.read_ended(after, 4);
      if (page.empty()) break;
      for (const auto& job : page) read.push_back(job.id);
      after = page.back().id;
      CHECK(page.back().status == JobStatus::failed);
    }
    CHECK(read == over);
  }
}

}  // namespace coremachine
