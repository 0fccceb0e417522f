// What SQLite does to find what readers ask for: at a million jobs and ten million tasks, a scan would be felt.

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "core/store/sqlite/connection.hpp"
#include "core/store/sqlite/reads.hpp"
#include "tests/store/sqlite_fixture.hpp"

namespace coremachine {

using namespace store_tests;

namespace {

/// A reader that notes every statement that it runs.
class Watched {
 public:
  explicit Watched(const std::string& path) : connection_(path, "", sqlite::Connection::Role::reader) {
    const auto note = [](unsigned, void* self, void* statement, void*) {
      static_cast<Watched*>(self)->statements_.insert(sqlite3_sql(static_cast<sqlite3_stmt*>(statement)));
      return 0;
    };
    sqlite3_trace_v2(connection_.handle(), SQLITE_TRACE_STMT, note, this);
  }
  sqlite::Connection& connection() { return connection_; }

  /// One line for each step of each plan of what ran since the last time.
  std::vector<std::string> plans() {
    std::vector<std::string> lines;
    const auto statements = std::exchange(statements_, {});
    for (const auto& sql : statements) {
      sqlite::Statement statement(connection_.handle(), "EXPLAIN QUERY PLAN " + sql);
      sqlite::Rows rows(statement);
      while (rows.next()) lines.push_back(rows.string(3));
    }
    statements_.clear();
    return lines;
  }

 private:
  sqlite::Connection connection_;
  std::set<std::string> statements_ = {};
};

bool scans(const std::string& step) {
  // The first type is at one end of the index: that is a step, and no scan, but is called one.
  return step.starts_with("SCAN") && step.find("USING COVERING INDEX job_by_type") == std::string::npos;
}

bool sorts(const std::string& step) {
  return contains(step, "TEMP B-TREE");
}

}  // namespace

TEST_SUITE("sqlite: query plans") {
  TEST_CASE("no list, page or look at outcomes scans a table or sorts what it found") {
    TemporaryFolder folder;
    const auto path = folder / "store.db";
    const auto store = open_store({.path = path});
    Committer committer(*store);
    auto batch = committer.batch();
    for (std::uint64_t n = 0; n < 40; ++n) {
      batch.jobs.push_back(job_row(id_of(n), all_job_statuses[n % all_job_statuses.size()], n % 3 ? "a" : "b"));
    }
    batch.outcomes = {{id_of(1), outcomes(1, 0, 0)}, {id_of(1), outcomes(1, 0, 1, OutcomeKind::failed)}};
    committer.commit(batch);

    Watched watched(path);
    auto& from = watched.connection();
    const auto check = [&](const std::string& what) {
      CAPTURE(what);
      const auto plans = watched.plans();
      CHECK(!plans.empty());
      for (const auto& step : plans) {
        CAPTURE(step);
        CHECK(!scans(step));
        CHECK(!sorts(step));
      }
    };
    for (const auto columns : {JobColumns::heads, JobColumns::outlines, JobColumns::whole}) {
      sqlite::list_jobs(from, {.columns = columns});
      check("all jobs");
    }
    sqlite::list_jobs(from, {.before = id_of(20), .from = id_of(3)});
    check("jobs of a time");
    sqlite::list_jobs(from, {.type = "a"});
    check("jobs of a type");
    for (const auto status : all_job_statuses) {
      sqlite::list_jobs(from, {.statuses = {status}});
      check("jobs in a status");
      sqlite::list_jobs(from, {.statuses = {status, JobStatus::completed}, .type = "b", .before = id_of(20)});
      check("jobs of a type in two statuses");
    }
    sqlite::list_jobs(from, {.tags = {"x"}, .search = "y"});
    check("a search");
    sqlite::list_jobs(from, {.statuses = {JobStatus::failed}, .search = "y"});
    check("a search in a status");
    sqlite::read_unfinished(from, id_of(3), 10);
    check("unfinished jobs");
    sqlite::latest_rounds(from, id_of(1), 0, 3);
    sqlite::latest_rounds(from, id_of(1), 2, 1);
    sqlite::read_round(from, id_of(1), 2);
    check("rounds");
    for (const bool only_failures : {false, true}) {
      auto query = query_of(id_of(1), {1, 2});
      query.completed = false;
      query.only_failures = only_failures;
      query.limit = 50;
      sqlite::read_outcomes(from, query);
      for (const auto& step : watched.plans()) {
        CAPTURE(step);
        CHECK(contains(step, "USING INDEX outcome_by_kind"));
      }
    }
    sqlite::read_outcomes(from, query_of(id_of(1), {1}));
    sqlite::read_outcome(from, id_of(1), 1, 0, 1);
    sqlite::count_outcomes(from, id_of(1), {1, 2}, 0, 9);
    check("outcomes");
    sqlite::count_outcomes(from, id_of(1), {1, 2}, 0, 9);
    for (const auto& step : watched.plans()) {
      CAPTURE(step);
      CHECK(contains(step, "USING COVERING INDEX outcome_counts"));
    }
    sqlite::told_failures(from, id_of(1), 1);
    check("failures that were told");
  }
}

}  // namespace coremachine
