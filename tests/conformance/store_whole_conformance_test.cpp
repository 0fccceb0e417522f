#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "tests/conformance/store_fixture.hpp"

namespace coremachine {

using namespace store_tests;

TEST_SUITE("conformance: store, whole") {
  TEST_CASE_TEMPLATE("whatever is committed, a store says what plain lists say", Made, ALL_STORES) {
    for (const std::uint64_t seed : {11U, 12U, 13U}) {
      CAPTURE(seed);
      RandomJobs random(seed);
      Made made;
      Store& store = made.store();
      Committer committer(store);
      StoreOracle oracle;
      std::vector<JobId> known{id_of(0)};
      std::set<JobId> put;
      std::set<std::pair<JobId, RoundNumber>> used_rounds;
      std::set<std::tuple<JobId, RoundNumber, ChunkNumber>> used_chunks;
      std::uint32_t sequence = 0;
      for (int step = 0; step < 120; ++step) {
        auto batch = committer.batch();
        std::set<JobId> in_batch;
        const auto many = random.one_in(4);
        for (auto i = random.number(0, many ? 40 : 4); i > 0; --i) {
          if (many || random.one_in(3)) known.push_back(id_of(random.number(0, 10'000)));
          const auto id = many && random.one_in(2) ? known.back() : random.pick(known);
          if (!in_batch.insert(id).second) continue;
          batch.jobs.push_back(encode_job(random.job(id)));
          batch.jobs.back().is_new = put.insert(id).second;
        }
        for (auto i = random.number(0, 5); i > 0; --i) {
          const auto job = random.pick(known);
          const auto round = static_cast<RoundNumber>(random.number(1, 6));
          const auto chunk = static_cast<ChunkNumber>(random.number(0, 8));
          if (used_rounds.emplace(job, round).second)
            batch.rounds.push_back(encode_round(job, random.closed_round(round)));
          if (used_chunks.emplace(job, round, chunk).second) {
            batch.definitions.emplace_back(job, random.definitions(round, chunk, 6, 2));
          }
          batch.outcomes.emplace_back(job, random.outcomes(round, chunk, sequence++, 40));
        }
        if (random.one_in(5)) {
          // Keys that a discard sets free stay unused here: the machine never gives a number twice either.
          batch.discards.push_back({random.pick(known), static_cast<RoundNumber>(random.number(0, 6))});
        }
        committer.commit(batch);
        oracle.apply(batch);

        const auto id = random.pick(known);
        const auto stored = store.read_job(id);
        const auto expected = oracle.read_job(id);
        REQUIRE(stored.has_value() == expected.has_value());
        if (stored) REQUIRE(stored->job == expected->job);
        if (stored) REQUIRE(stored->rounds == expected->rounds);
        JobFilter filter{.limit = random.number(0, 9)};
        for (auto i = random.number(0, 3); i > 0; --i) filter.statuses.push_back(random.pick(all_job_statuses));
        if (random.one_in(4)) filter.type = "echo";
        if (random.one_in(2)) filter.before = random.pick(known);
        if (random.one_in(4)) filter.from = random.pick(known);
        if (random.one_in(4)) filter.tags.push_back(random.word());
        if (random.one_in(4)) filter.search = random.one_in(2) ? random.word() : random.pick(known).str().substr(20);
        filter.columns = random.pick(std::array{JobColumns::heads, JobColumns::outlines, JobColumns::whole});
        REQUIRE(store.list_jobs(filter).rows == oracle.list_jobs(filter));
        REQUIRE(store.read_row(id) == oracle.read_row(id));
        const auto stage = random.small(9);
        const auto most = random.number(0, 3);
        REQUIRE(store.latest_rounds(id, stage, most) == oracle.latest_rounds(id, stage, most));
        const auto after = random.one_in(2) ? std::optional(random.pick(known)) : std::nullopt;
        REQUIRE(ids(store.read_unfinished(after, 5)) == ids(oracle.read_unfinished(after, 5)));
        auto query = query_of(id, {});
        for (RoundNumber round = 1; round <= 6; ++round) {
          if (random.one_in(2)) query.rounds.push_back(round);
        }
        query.from = static_cast<ChunkNumber>(random.number(0, 4));
        if (random.one_in(2)) query.to = static_cast<ChunkNumber>(random.number(0, 9));
        query.completed = random.one_in(2);
        query.others = random.one_in(2);
        query.only_failures = random.one_in(3);
        query.bodies = random.one_in(2);
        if (random.one_in(2)) query.limit = random.number(0, 5);
        REQUIRE(same_lists(store.read_outcomes(query), oracle.read_outcomes(query)));
        if (!query.rounds.empty()) {
          std::vector<std::array<std::uint32_t, 4>> counted;
          for (const auto& counts : store.count_outcomes(id, query.rounds, query.from, query.to))
            counted.push_back({counts.chunk, counts.completed, counts.failed, counts.dead});
          REQUIRE(counted == oracle.count_outcomes(id, query.rounds, query.from, query.to));
        }
        for (RoundNumber round = 1; round <= 6; ++round) {
          REQUIRE(store.read_round(id, round) == oracle.read_round(id, round));
          REQUIRE(same_lists(store.told_failures(id, round), oracle.told_failures(id, round)));
          const auto at = static_cast<std::uint32_t>(random.number(0, sequence));
          const auto one = store.read_outcome(id, round, 3, at);
          REQUIRE(same_optionals(one, oracle.read_outcome(id, round, 3, at)));
          const auto segments = oracle.definitions(id, round);
          REQUIRE(store.definition_heads(id, round).size() == segments.size());
          for (const auto& segment : segments) {
            REQUIRE(same(store.read_definitions(id, round, segment.chunk).value(), segment));
          }
        }
      }
      CHECK(store.orphans(false) == oracle.orphans());
      CHECK(store.check_format().empty());
    }
  }

  TEST_CASE_TEMPLATE("readers see whole batches while others are committed", Made, ALL_STORES) {
    constexpr std::uint32_t batches = 300;
    Made made;
    Store& store = made.store();
    Committer committer(store);
    // Batch n says n in every place that it touches.
    const auto nth = [&](std::uint32_t n) {
      auto batch = committer.batch();
      batch.jobs = {job_row(id_of(1), JobStatus::running), job_row(id_of(2), JobStatus::running)};
      for (auto& row : batch.jobs) row.attempt = n;
      batch.rounds = {round_row(id_of(1), n), round_row(id_of(2), n)};
      batch.outcomes = {{id_of(1), outcomes(1, 0, n)}, {id_of(1), outcomes(2, 1, n)}};
      return batch;
    };
    committer.commit(nth(1));
    std::atomic<bool> over = false;
    std::atomic<int> torn = 0;
    std::atomic<int> reads = 0;
    const auto read = [&] {
      while (!over || reads < 10) {
        const auto floor = static_cast<std::uint32_t>(store.last_commit());
        const auto rows = store.list_jobs({}).rows;
        const bool same_attempt = rows.size() == 2 && rows[0].attempt == rows[1].attempt;
        const bool not_older = rows.size() == 2 && rows[0].attempt >= floor;
        const auto one = store.read_job(id_of(1));
        const bool whole_job = one && one->rounds.size() == one->job.attempt;
        const auto unfinished = store.read_unfinished(std::nullopt, 2);
        const bool whole_page = unfinished.size() == 2 && unfinished[0].rounds.size() == unfinished[1].rounds.size();
        const auto found = store.read_outcomes(query_of(id_of(1), {1, 2}));
        const bool whole_outcomes =
            found.size() % 2 == 0 && !found.empty() && found[found.size() / 2 - 1].sequence == found.back().sequence;
        if (!(same_attempt && not_older && whole_job && whole_page && whole_outcomes)) ++torn;
        ++reads;
      }
    };
    std::thread one(read);
    std::thread other(read);
    bool committed = true;
    for (std::uint32_t n = 2; n <= batches && committed; ++n) committed = store.commit(nth(n)).has_value();
    over = true;
    one.join();
    other.join();
    CHECK(committed);
    CHECK(torn == 0);
    CHECK(reads >= 10);
    CHECK(store.read_job(id_of(1))->rounds.size() == batches);
  }

  TEST_CASE_TEMPLATE("what was committed is there after the store is closed and opened again", Made, OnDisk,
                     InPostgres) {
    Made made;
    RandomJobs random(5);
    const auto row = encode_job(random.job(id_of(1)));
    const auto segment = outcomes(1, 0, 0, OutcomeKind::retrying);
    const auto first = made.store().begin_incarnation();
    REQUIRE(made.store()
                .commit(Batch{.sequence = 7, .incarnation = first, .jobs = {row}, .outcomes = {{id_of(1), segment}}})
                .has_value());
    made.reopen();
    CHECK(made.store().last_commit() == 7);
    CHECK(made.store().read_job(id_of(1))->job == row);
    CHECK(same(made.store().read_outcomes(query_of(id_of(1), {1})).at(0), segment));
    CHECK(made.store().commit(Batch{.sequence = 8, .incarnation = first + 1}).has_error());
    CHECK(made.store().begin_incarnation() == first + 1);
    CHECK(made.store().commit(Batch{.sequence = 8, .incarnation = first + 1}).has_value());
    made.reopen();
    CHECK(made.store().last_commit() == 8);
    CHECK(made.store().begin_incarnation() == first + 2);
  }
}

}  // namespace coremachine
