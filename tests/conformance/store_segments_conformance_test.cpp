#include <doctest/doctest.h>

#include "tests/conformance/store_fixture.hpp"

namespace coremachine {

using namespace store_tests;

TEST_SUITE("conformance: store, segments") {
  TEST_CASE_TEMPLATE("heads of definitions have everything but their bodies", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    RandomJobs random(3);
    auto batch = committer.batch();
    batch.jobs = {job_row(first_id, JobStatus::running)};
    std::vector<DefinitionSegment> segments;
    for (ChunkNumber chunk = 0; chunk < 12; ++chunk) segments.push_back(random.definitions(4, chunk, 5, 3));
    for (std::size_t i = segments.size(); i-- > 0;) batch.definitions.emplace_back(first_id, segments[i]);
    batch.definitions.emplace_back(first_id, definitions(5, 0));
    committer.commit(batch);

    const auto heads = made.store().definition_heads(first_id, 4);
    REQUIRE(heads.size() == segments.size());
    for (ChunkNumber chunk = 0; chunk < 12; ++chunk) {
      CHECK(!heads[chunk].body);
      const auto whole = made.store().read_definitions(first_id, 4, chunk);
      REQUIRE(whole);
      CHECK(same(*whole, segments[chunk]));
      auto headless = segments[chunk];
      headless.body.reset();
      CHECK(same(heads[chunk], headless));
    }
    CHECK(!made.store().read_definitions(first_id, 4, 12));
    CHECK(!made.store().read_definitions(first_id, 6, 0));
  }

  TEST_CASE_TEMPLATE("outcomes of a lineage are woven by chunk, then round, then sequence", Made, ALL_STORES) {
    Made made;
    Store& store = made.store();
    Committer committer(store);
    auto batch = committer.batch();
    batch.jobs = {job_row(first_id, JobStatus::running)};
    const auto add = [&](RoundNumber round, ChunkNumber chunk, std::uint32_t sequence, OutcomeKind kind) {
      batch.outcomes.emplace_back(first_id, outcomes(round, chunk, sequence, kind));
    };
    add(5, 0, 0, OutcomeKind::completed);
    add(2, 1, 10, OutcomeKind::failed);
    add(2, 1, 2, OutcomeKind::completed);
    add(2, 0, 1, OutcomeKind::retrying);
    add(2, 0, 0, OutcomeKind::lost);
    add(5, 2, 3, OutcomeKind::dead);
    add(3, 0, 0, OutcomeKind::completed);  // no part of the lineage
    committer.commit(batch);

    auto query = query_of(first_id, {2, 5});
    CHECK(places(store.read_outcomes(query)) ==
          std::vector<Place>{{0, 2, 0}, {0, 2, 1}, {0, 5, 0}, {1, 2, 2}, {1, 2, 10}, {2, 5, 3}});
    query.limit = 3;
    CHECK(places(store.read_outcomes(query)) == std::vector<Place>{{0, 2, 0}, {0, 2, 1}, {0, 5, 0}});
    query.limit = SIZE_MAX;
    query.from = 1;
    CHECK(places(store.read_outcomes(query)) == std::vector<Place>{{1, 2, 2}, {1, 2, 10}, {2, 5, 3}});
    query.to = 2;
    CHECK(places(store.read_outcomes(query)) == std::vector<Place>{{1, 2, 2}, {1, 2, 10}});
    query.to = 1;
    CHECK(store.read_outcomes(query).empty());
    query.to = 0;
    CHECK(store.read_outcomes(query).empty());
    query.from = 0;
    query.to = UINT32_MAX;
    query.others = false;
    CHECK(places(store.read_outcomes(query)) == std::vector<Place>{{0, 5, 0}, {1, 2, 2}});
    query.others = true;
    query.completed = false;
    CHECK(places(store.read_outcomes(query)) == std::vector<Place>{{0, 2, 0}, {0, 2, 1}, {1, 2, 10}, {2, 5, 3}});
    query.limit = 1;
    CHECK(places(store.read_outcomes(query)) == std::vector<Place>{{0, 2, 0}});
    query.others = false;
    CHECK(store.read_outcomes(query).empty());
    CHECK(store.read_outcomes(query_of(first_id, {})).empty());
    CHECK(store.read_outcomes(query_of(id_of(77), {2})).empty());
  }

  TEST_CASE_TEMPLATE("outcomes come back as they were put, bodies only when asked for", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    RandomJobs random(4);
    auto batch = committer.batch();
    batch.jobs = {job_row(first_id, JobStatus::running)};
    std::vector<OutcomeSegment> segments;
    for (std::uint32_t i = 0; i < 60; ++i) {
      segments.push_back(random.outcomes(1, i, i, chunk_size));
      batch.outcomes.emplace_back(first_id, segments.back());
    }
    committer.commit(batch);
    auto query = query_of(first_id, {1});
    CHECK(same_lists(made.store().read_outcomes(query), segments));
    query.bodies = false;
    for (auto& segment : segments) segment.body.reset();
    CHECK(same_lists(made.store().read_outcomes(query), segments));
  }

  TEST_CASE_TEMPLATE("segments and rounds without a job are found and removed", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    auto batch = committer.batch();
    batch.jobs = {job_row(id_of(1), JobStatus::running)};
    batch.rounds = {round_row(id_of(1), 1), round_row(id_of(9), 1)};
    batch.definitions = {{id_of(1), definitions(1, 0)}, {id_of(8), definitions(1, 0)}};
    batch.outcomes = {{id_of(1), outcomes(1, 0, 0)}, {id_of(9), outcomes(1, 0, 0)}, {id_of(9), outcomes(1, 0, 1)}};
    committer.commit(batch);
    CHECK(made.store().orphans(false) == 4);
    CHECK(made.store().orphans(true) == 4);
    CHECK(made.store().orphans(false) == 0);
    CHECK(made.store().read_outcomes(query_of(id_of(9), {1})).empty());
    CHECK(made.store().read_outcomes(query_of(id_of(1), {1})).size() == 1);
    CHECK(made.store().read_job(id_of(1))->rounds.size() == 1);
    CHECK(made.store().definition_heads(id_of(1), 1).size() == 1);
  }

  TEST_CASE_TEMPLATE("statistics count everything, what is kept inline too", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    Job job;
    job.id = id_of(1);
    job.params = make_text("{}");
    job.status = JobStatus::running;
    job.round.emplace();
    job.round->number = 2;
    job.round->is_inline = true;
    job.round->specs.resize(2);
    job.round->inline_definitions = {definitions(2, 0)};
    job.round->inline_definitions[0].count = 8;
    job.round->inline_definitions[0].specs.clear();
    job.round->inline_outcomes = {outcomes(2, 0, 0), outcomes(2, 0, 1, OutcomeKind::retrying)};
    ClosedRound closed;
    closed.number = 1;
    closed.is_inline = true;
    closed.specs.resize(2);
    closed.inline_definitions = {definitions(1, 0)};
    closed.inline_outcomes = {outcomes(1, 0, 0, OutcomeKind::failed)};
    closed.inline_outcomes[0].offsets = {1, 0};

    auto batch = committer.batch();
    batch.jobs = {encode_job(job), job_row(id_of(2), JobStatus::completed)};
    batch.rounds = {encode_round(job.id, closed)};
    batch.definitions = {{id_of(2), definitions(1, 0)}, {id_of(2), definitions(1, 1)}};
    batch.outcomes = {{id_of(2), outcomes(1, 0, 0, OutcomeKind::dead)},
                      {id_of(2), outcomes(1, 0, 1, OutcomeKind::lost)}};
    committer.commit(batch);
    const auto stats = made.store().stats();
    CHECK(stats.jobs == 2);
    CHECK(stats.unfinished == 1);
    CHECK(stats.rounds == 1);
    CHECK(stats.definition_segments == 2);
    CHECK(stats.outcome_segments == 2);
    CHECK(stats.tasks_defined == 8 + 2 + 4);
    CHECK(stats.tasks_finished == 2 + 2 + 2);
    CHECK(stats.last_commit == 1);
    CHECK(stats.incarnation == 1);
    CHECK(!stats.kind.empty());
  }
}

}  // namespace coremachine
