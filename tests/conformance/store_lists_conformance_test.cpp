#include <doctest/doctest.h>

#include "tests/conformance/store_fixture.hpp"

namespace coremachine {

using namespace store_tests;

namespace {

JobRow labelled(std::uint64_t n, JobStatus status, std::vector<std::string> tags, const std::string& message) {
  Job job;
  job.id = id_of(n);
  job.type = n % 2 == 0 ? "Maps.tile" : "walk";
  job.status = status;
  job.params = make_text("{}");
  job.tags = std::move(tags);
  if (!message.empty()) job.error = Error{ErrorCode::task_failed, message};
  return encode_job(job);
}

std::vector<JobId> found(const Store& store, JobFilter filter) {
  return ids(store.list_jobs(filter).rows);
}

}  // namespace

TEST_SUITE("conformance: store, lists of jobs") {
  TEST_CASE_TEMPLATE("jobs are found by all of their tags and by part of a text", Made, ALL_STORES) {
    Made made;
    Store& store = made.store();
    Committer committer(store);
    committer.put({labelled(1, JobStatus::failed, {"night", "eu"}, "no such file: A.tif"),
                   labelled(2, JobStatus::completed, {"night"}, ""),
                   labelled(3, JobStatus::dead, {"eu", "say \"hi\""}, "disk on \\fire\n"),
                   labelled(4, JobStatus::running, {}, "")});
    const auto by_tags = [&](std::vector<std::string> tags) { return found(store, {.tags = std::move(tags)}); };
    CHECK(by_tags({"night"}) == std::vector{id_of(2), id_of(1)});
    CHECK(by_tags({"eu", "night"}) == std::vector{id_of(1)});
    CHECK(by_tags({"Night"}).empty());  // a tag is a name, not a text
    CHECK(by_tags({"nigh"}).empty());
    CHECK(by_tags({"say \"hi\""}) == std::vector{id_of(3)});

    const auto by_text = [&](std::string text) { return found(store, {.search = std::move(text)}); };
    CHECK(by_text("a.TIF") == std::vector{id_of(1)});
    CHECK(by_text("MAPS.") == std::vector{id_of(4), id_of(2)});
    CHECK(by_text("NIGHT") == std::vector{id_of(2), id_of(1)});
    CHECK(by_text("say \"") == std::vector{id_of(3)});
    CHECK(by_text("\\fire\n") == std::vector{id_of(3)});
    CHECK(by_text("task_failed").empty());  // that is the code, not the text
    CHECK(by_text(id_of(4).str().substr(3)) == std::vector{id_of(4)});
    CHECK(by_text("nothing of the kind").empty());

    CHECK(found(store, {.statuses = {JobStatus::failed, JobStatus::dead}, .tags = {"eu"}, .search = "no"}) ==
          std::vector{id_of(1)});
    CHECK(found(store, {.type = "walk", .search = "e"}) == std::vector{id_of(3), id_of(1)});
  }

  TEST_CASE_TEMPLATE("jobs are counted by their status", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    CHECK(made.store().count_jobs().empty());
    std::map<JobStatus, std::uint64_t> expected;
    std::vector<JobRow> rows;
    for (std::uint64_t n = 0; n < 100; ++n) {
      const auto status = all_job_statuses[n * n % all_job_statuses.size()];
      rows.push_back(job_row(id_of(n), status, n % 3 ? "a" : "b"));
      ++expected[status];
    }
    committer.put(rows);
    CHECK(made.store().count_jobs() == expected);
    committer.put({job_row(id_of(1), JobStatus::dead, "a")});
    --expected[all_job_statuses[1]];
    ++expected[JobStatus::dead];
    std::erase_if(expected, [](const auto& entry) { return entry.second == 0; });
    CHECK(made.store().count_jobs() == expected);
  }

  TEST_CASE_TEMPLATE("jobs from one id on and before another", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    std::vector<JobRow> rows;
    for (std::uint64_t n = 0; n < 9; ++n) rows.push_back(job_row(id_of(n), JobStatus::queued, n % 2 ? "a" : "b"));
    committer.put(rows);
    for (const std::string type : {"", "a"}) {
      CAPTURE(type);
      const auto between = found(made.store(), {.type = type, .before = id_of(7), .from = id_of(3)});
      const auto expected =
          type.empty() ? std::vector{id_of(6), id_of(5), id_of(4), id_of(3)} : std::vector{id_of(5), id_of(3)};
      CHECK(between == expected);
    }
    CHECK(found(made.store(), {.before = id_of(3), .from = id_of(3)}).empty());
  }

  TEST_CASE_TEMPLATE("slices that look at little, put together, are the list", Made, ALL_STORES) {
    Made made;
    Store& store = made.store();
    Committer committer(store);
    std::vector<JobRow> rows;
    for (std::uint64_t n = 0; n < 60; ++n) {
      const auto status = all_job_statuses[n % all_job_statuses.size()];
      std::vector<std::string> tags;
      if (n % 7 == 0) tags.push_back("seven");
      rows.push_back(labelled(n, status, std::move(tags), n % 5 == 0 ? "five" : ""));
    }
    committer.put(rows);
    const std::vector<JobFilter> filters{
        {.limit = 4},
        {.type = "walk", .limit = 4},
        {.limit = 4, .tags = {"seven"}},
        {.limit = 1, .search = "five"},
        {.statuses = {JobStatus::queued, JobStatus::completed}, .limit = 3, .search = "five"},
        {.type = "none", .limit = 4},
        {.limit = 4, .search = "none"}};
    for (auto filter : filters) {
      auto whole = filter;
      whole.limit = SIZE_MAX;
      const auto all = found(store, whole);
      for (const std::size_t looks : {1U, 2U, 5U, 59U, 60U, 61U}) {
        filter.before.reset();
        filter.looks = looks;
        std::vector<JobId> together;
        int slices = 0;
        do {
          const auto slice = store.list_jobs(filter);
          REQUIRE(slice.rows.size() <= std::min(filter.limit, looks));
          if (slice.next && filter.before) REQUIRE(*slice.next < *filter.before);
          for (const auto& row : slice.rows) together.push_back(row.id);
          filter.before = slice.next;
          ++slices;
        } while (filter.before && slices < 1000);
        CHECK(together == all);
        CHECK(!filter.before);
      }
    }
  }

  TEST_CASE_TEMPLATE("the newest rounds of a job, of any stage or of one", Made, ALL_STORES) {
    Made made;
    Committer committer(made.store());
    auto batch = committer.batch();
    batch.jobs = {job_row(id_of(1), JobStatus::running)};
    for (RoundNumber number = 1; number <= 6; ++number) {
      auto row = round_row(id_of(1), number);
      row.stage = static_cast<int>(number % 2 + 1);
      batch.rounds.push_back(row);
    }
    batch.rounds.push_back(round_row(id_of(2), 9));
    committer.commit(batch);
    const Store& store = made.store();
    CHECK(numbers(store.latest_rounds(id_of(1), 0, 3)) == std::vector<RoundNumber>{6, 5, 4});
    CHECK(numbers(store.latest_rounds(id_of(1), 2, 9)) == std::vector<RoundNumber>{5, 3, 1});
    CHECK(numbers(store.latest_rounds(id_of(1), 1, 1)) == std::vector<RoundNumber>{6});
    CHECK(store.latest_rounds(id_of(1), 7, 1).empty());
    CHECK(store.read_round(id_of(1), 4)->stage == 1);
    CHECK(!store.read_round(id_of(1), 9));
  }
}

}  // namespace coremachine
