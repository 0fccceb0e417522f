#include <doctest/doctest.h>

#include "tests/conformance/store_fixture.hpp"

namespace coremachine {

using namespace store_tests;

TEST_SUITE("conformance: store, jobs") {
  TEST_CASE_TEMPLATE("a new store is empty and sound", Made, ALL_STORES) {
    Made made;
    Store& store = made.store();
    CHECK(store.last_commit() == 0);
    CHECK(!store.read_job(first_id));
    CHECK(store.list_jobs({}).rows.empty());
    CHECK(store.read_unfinished(std::nullopt, 10).empty());
    CHECK(store.definition_heads(first_id, 1).empty());
    CHECK(!store.read_definitions(first_id, 1, 0));
    CHECK(store.read_outcomes(query_of(first_id, {1, 2})).empty());
    CHECK(store.orphans(false) == 0);
    CHECK(store.check_format().empty());
    CHECK(store.stats().jobs == 0);
    CHECK(store.stats().incarnation == 0);
  }

  TEST_CASE_TEMPLATE("any job and its rounds come back as they were put", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    RandomJobs random(31);
    std::vector<Job> jobs;
    auto batch = committer.batch();
    for (int i = 0; i < 100; ++i) {
      jobs.push_back(random.job());
      batch.jobs.push_back(encode_job(jobs.back()));
      for (const auto& closed : jobs.back().closed) batch.rounds.push_back(encode_round(jobs.back().id, closed));
    }
    committer.commit(batch);
    for (const auto& job : jobs) {
      const auto stored = made.store().read_job(job.id);
      REQUIRE(stored);
      CHECK(stored->job == encode_job(job));
      REQUIRE(stored->rounds.size() == job.closed.size());
      for (std::size_t i = 0; i < job.closed.size(); ++i) {
        CHECK(stored->rounds[i] == encode_round(job.id, job.closed[i]));
      }
      CHECK(same(decode_job(stored->job, stored->rounds), job));
    }
  }

  TEST_CASE_TEMPLATE("a job that is put again takes the place of the old row", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    committer.put({job_row(id_of(1), JobStatus::queued), job_row(id_of(2), JobStatus::queued)});
    auto changed = job_row(id_of(1), JobStatus::failed);
    changed.result = make_text("[1]");
    changed.error = R"({"code":"poison","message":"m"})";
    changed.finished_at = Timestamp{Milliseconds{8}};
    committer.put({changed});
    CHECK(made.store().read_job(id_of(1))->job == changed);
    CHECK(made.store().read_job(id_of(2))->job == job_row(id_of(2), JobStatus::queued));
    CHECK(made.store().list_jobs({}).rows.size() == 2);
    CHECK(ids(made.store().read_unfinished(std::nullopt, 9)) == std::vector{id_of(2)});
    // And back: an explicit retry makes a job that was over unfinished again.
    committer.put({job_row(id_of(1), JobStatus::queued)});
    CHECK(ids(made.store().read_unfinished(std::nullopt, 9)) == std::vector{id_of(1), id_of(2)});
    CHECK(made.store().list_jobs({.statuses = {JobStatus::failed}}).rows.empty());
  }

  TEST_CASE_TEMPLATE("rounds come in order, each with its own job", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    auto batch = committer.batch();
    batch.jobs = {job_row(id_of(1), JobStatus::running), job_row(id_of(2), JobStatus::running)};
    for (const RoundNumber round : {10U, 2U, 1U}) batch.rounds.push_back(round_row(id_of(1), round));
    batch.rounds.push_back(round_row(id_of(2), 5));
    committer.commit(batch);
    CHECK(numbers(made.store().read_job(id_of(1))->rounds) == std::vector<RoundNumber>{1, 2, 10});
    const auto unfinished = made.store().read_unfinished(std::nullopt, 9);
    REQUIRE(unfinished.size() == 2);
    CHECK(numbers(unfinished[0].rounds) == std::vector<RoundNumber>{1, 2, 10});
    CHECK(numbers(unfinished[1].rounds) == std::vector<RoundNumber>{5});
  }

  TEST_CASE_TEMPLATE("a discard takes rows from its round on, segments after it, and nothing of another job", Made,
                     ALL_STORES) {
    Made made;
    Store& store = made.store();
    Committer committer(store);
    auto batch = committer.batch();
    for (const auto job : {id_of(1), id_of(2)}) {
      batch.jobs.push_back(job_row(job, JobStatus::failed));
      for (RoundNumber round = 1; round <= 4; ++round) {
        batch.rounds.push_back(round_row(job, round));
        batch.definitions.emplace_back(job, definitions(round, 0));
        batch.outcomes.emplace_back(job, outcomes(round, 0, 0));
      }
    }
    committer.commit(batch);
    auto redrive = committer.batch();
    redrive.discards = {{id_of(1), 2}};
    redrive.jobs = {job_row(id_of(1), JobStatus::queued)};
    committer.commit(redrive);

    CHECK(numbers(store.read_job(id_of(1))->rounds) == std::vector<RoundNumber>{1});
    CHECK(places(store.read_outcomes(query_of(id_of(1), {1, 2, 3, 4}))) == std::vector<Place>{{0, 1, 0}, {0, 2, 0}});
    CHECK(store.definition_heads(id_of(1), 2).size() == 1);
    CHECK(store.definition_heads(id_of(1), 3).empty());
    CHECK(numbers(store.read_job(id_of(2))->rounds).size() == 4);
    CHECK(store.read_outcomes(query_of(id_of(2), {1, 2, 3, 4})).size() == 4);
    CHECK(store.orphans(false) == 0);

    auto wipe = committer.batch();
    wipe.discards = {{id_of(2), 0}};
    committer.commit(wipe);
    CHECK(store.read_job(id_of(2))->rounds.empty());
    CHECK(store.read_outcomes(query_of(id_of(2), {1, 2, 3, 4})).empty());
  }

  TEST_CASE_TEMPLATE("what a batch discards goes before what it brings comes", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    auto batch = committer.batch();
    batch.jobs = {job_row(id_of(1), JobStatus::failed)};
    batch.rounds = {round_row(id_of(1), 1)};
    batch.definitions = {{id_of(1), definitions(2, 0)}};
    committer.commit(batch);
    auto again = committer.batch();
    again.discards = {{id_of(1), 1}};
    again.rounds = {round_row(id_of(1), 1), round_row(id_of(1), 3)};
    again.definitions = {{id_of(1), definitions(2, 0)}, {id_of(1), definitions(2, 1)}};
    committer.commit(again);
    CHECK(numbers(made.store().read_job(id_of(1))->rounds) == std::vector<RoundNumber>{1, 3});
    CHECK(made.store().definition_heads(id_of(1), 2).size() == 2);
  }

  TEST_CASE_TEMPLATE("jobs are listed newest first, filtered, page by page", Made, ALL_STORES) {
    Made made;
    Store& store = made.store();
    Committer committer(store);
    std::vector<JobRow> rows;
    for (std::uint64_t i = 0; i < 100; ++i) {
      rows.push_back(job_row(id_of(i), all_job_statuses[i % all_job_statuses.size()], i % 3 == 0 ? "a" : "b"));
    }
    committer.put(rows);
    StoreOracle oracle;
    oracle.apply(Batch{.jobs = rows});

    std::vector<std::vector<JobStatus>> choices{{}, {all_job_statuses.begin(), all_job_statuses.end()}};
    for (const auto one : all_job_statuses) {
      for (const auto other : all_job_statuses) choices.push_back({one, other});
    }
    for (const auto& statuses : choices) {
      for (const std::string type : {"", "a", "b", "none"}) {
        JobFilter filter{.statuses = statuses, .type = type, .limit = 4};
        const auto all = ids(oracle.list_jobs({.statuses = statuses, .type = type, .limit = 1000}));
        std::vector<JobId> paged;
        do {
          const auto slice = store.list_jobs(filter);
          REQUIRE(slice.rows.size() <= filter.limit);
          for (const auto& row : slice.rows) paged.push_back(row.id);
          filter.before = slice.next;
        } while (filter.before);
        REQUIRE(paged == all);
      }
    }
    CHECK(store.list_jobs({.limit = 0}).rows.empty());
    CHECK(store.list_jobs({.limit = SIZE_MAX}).rows.size() == 100);
    CHECK(store.list_jobs({}).rows.size() == 50);
    CHECK(store.list_jobs({.before = id_of(0)}).rows.empty());
  }

  TEST_CASE_TEMPLATE("jobs that are not over are read page by page, oldest first", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    std::vector<JobRow> rows;
    std::vector<JobId> expected;
    for (std::uint64_t i = 0; i < 50; ++i) {
      const auto status = all_job_statuses[i % all_job_statuses.size()];
      rows.push_back(job_row(id_of(i), status));
      if (!is_terminal(status)) expected.push_back(id_of(i));
    }
    committer.put(rows);
    std::vector<JobId> paged;
    std::optional<JobId> after;
    for (auto page = made.store().read_unfinished(after, 7); !page.empty();
         page = made.store().read_unfinished(after, 7)) {
      REQUIRE(page.size() <= 7);
      for (const auto& stored : page) paged.push_back(stored.job.id);
      after = paged.back();
    }
    CHECK(paged == expected);
    CHECK(made.store().read_unfinished(std::nullopt, 0).empty());
  }

  TEST_CASE_TEMPLATE("an older incarnation writes nothing any more", Made, ALL_STORES) {
    Made made;
    Store& store = made.store();
    const auto old = store.begin_incarnation();
    REQUIRE(store.commit(Batch{.sequence = 1, .incarnation = old, .jobs = {job_row(id_of(1), JobStatus::queued)}})
                .has_value());
    const auto next = store.begin_incarnation();
    CHECK(next > old);
    for (int i = 0; i < 2; ++i) {
      const auto refused =
          store.commit(Batch{.sequence = 2,
                             .incarnation = old,
                             .discards = {{id_of(1), 0}},
                             .jobs = {job_row(id_of(1), JobStatus::failed), job_row(id_of(2), JobStatus::queued)}});
      REQUIRE(refused.has_error());
      CHECK(refused.error().code == ErrorCode::store_failed);
      CHECK(refused.error().message.find("another server has taken over") != std::string::npos);
    }
    CHECK(store.last_commit() == 1);
    CHECK(ids(store.list_jobs({}).rows) == std::vector{id_of(1)});
    CHECK(store.read_job(id_of(1))->job.status == JobStatus::queued);
    CHECK(store.commit(Batch{.sequence = 2, .incarnation = next, .jobs = {job_row(id_of(2), JobStatus::queued)}})
              .has_value());
    CHECK(store.stats().incarnation == next);
    CHECK(store.last_commit() == 2);
  }

  TEST_CASE_TEMPLATE("an empty batch counts as a commit", Made, ALL_STORES) {
    Made made;
    const auto incarnation = made.store().begin_incarnation();
    CHECK(made.store().commit(Batch{.sequence = 41, .incarnation = incarnation}).has_value());
    CHECK(made.store().last_commit() == 41);
    CHECK(made.store().stats().last_commit == 41);
  }
}

}  // namespace coremachine
