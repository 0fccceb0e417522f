#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/store/postgres/peers.hpp"
#include "core/store/postgres/postgres_error.hpp"
#include "tests/conformance/store_fixture.hpp"
#include "tests/store/postgres_artifacts_fixture.hpp"

// Servers on one database: who is fenced, and who has which job.

namespace coremachine {

using namespace store_tests;

namespace {

struct Machine {
  Machine(const std::string& url, const std::string& name)
      : store(open_postgres(url + "&server=" + name)),
        commits(*store),
        incarnation(commits.batch().incarnation),
        peers(store->peers()) {}

  void add(JobId job, JobStatus status) {
    auto batch = commits.batch();
    batch.jobs = {job_row(job, status)};
    commits.commit(batch);
  }

  void fence_all_others() const {
    while (!peers->beat(Milliseconds{100}).alive.empty()) {
    }
  }

  std::unique_ptr<Store> store;
  Committer commits;
  Incarnation incarnation;
  Peers* peers;
};

std::vector<JobId> sorted(std::vector<JobId> jobs) {
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

}  // namespace

TEST_SUITE("store: postgres peers") {
  TEST_CASE("of each job that another machine has it is known which one; what has ended and is nobody's is taken") {
    const auto url = new_url();
    Machine a(url, "a"), b(url, "b"), c(url, "c");
    const std::vector<JobStatus> statuses{JobStatus::running, JobStatus::queued, JobStatus::completed,
                                          JobStatus::failed};
    std::vector<JobId> all;
    std::map<JobId, Incarnation> expected;
    std::uint64_t number = 0;
    for (auto* machine : {&a, &b, &c}) {
      for (const auto status : statuses) {
        all.push_back(id_of(++number));
        machine->add(all.back(), status);
        if (machine != &a) expected[all.back()] = machine->incarnation;
      }
    }
    all.push_back(id_of(++number));  // nobody knows it
    CHECK(a.peers->owners_elsewhere({}).empty());
    CHECK(a.peers->owners_elsewhere(all) == expected);
    CHECK(a.peers->owner_elsewhere(all[0]) == std::nullopt);
    CHECK(a.peers->owner_elsewhere(all[4]) == b.incarnation);

    b.peers->leave();
    for (std::size_t i = 4; i < 8; ++i) expected.erase(all[i]);
    CHECK(a.peers->owners_elsewhere(all) == expected);
    // Those that were over are its own now, for everybody, and those that were not are nobody's.
    const auto seen_by_c = c.peers->owners_elsewhere(all);
    for (std::size_t i = 0; i < 4; ++i) CHECK(seen_by_c.at(all[i]) == a.incarnation);
    for (const std::size_t i : {4U, 5U}) CHECK(!seen_by_c.contains(all[i]));
    for (const std::size_t i : {6U, 7U}) CHECK(seen_by_c.at(all[i]) == a.incarnation);
    const auto owner = [&](JobId job) { return Psql(url).one("SELECT owner FROM job WHERE id = '" + job.str() + "'"); };
    CHECK(owner(all[4]) == std::to_string(b.incarnation));
    CHECK(owner(all[6]) == std::to_string(a.incarnation));
  }

  TEST_CASE("a job that ran when its machine died, and came no further, is a suspect the second time") {
    const auto url = new_url();
    const auto runs = id_of(1), waits = id_of(2), moves = id_of(3), paused = id_of(4);
    const std::vector<Peers::JobKind> kinds{{"walk", job_row(runs, JobStatus::running).version}};
    std::vector<std::unique_ptr<Machine>> machines;
    const auto next = [&](const std::string& name) -> Machine& {
      machines.push_back(std::make_unique<Machine>(url, name));
      return *machines.back();
    };
    auto& first = next("0");
    first.add(runs, JobStatus::running);
    first.add(waits, JobStatus::queued);
    first.add(moves, JobStatus::running);
    first.add(paused, JobStatus::paused);
    for (std::uint32_t deaths = 1; deaths <= 6; ++deaths) {
      CAPTURE(deaths);
      auto& machine = next(std::to_string(deaths));
      machine.fence_all_others();
      auto expected = std::vector{runs, waits, moves, paused};
      if (deaths > 1) expected.erase(expected.begin());
      CHECK(sorted(machine.peers->take_over(kinds, 100)) == expected);
      CHECK(machine.peers->take_over(kinds, 100).empty());
      const auto suspect = machine.peers->take_suspect(kinds);
      REQUIRE(suspect.has_value() == (deaths > 1));
      if (suspect) CHECK(suspect->job == runs);
      if (suspect) CHECK(suspect->deaths == deaths);
      CHECK(!machine.peers->take_suspect(kinds));
      auto batch = machine.commits.batch();
      batch.outcomes.push_back({moves, outcomes(1, 0, deaths)});
      machine.commits.commit(batch);
    }
    // The same server again: what it ran it knows itself.
    machines.pop_back();
    auto& again = next("6");
    CHECK(sorted(again.peers->take_over(kinds, 100)) == std::vector{runs, waits, moves, paused});
    CHECK(!again.peers->take_suspect(kinds));
    // Who has left has not died.
    again.peers->leave();
    CHECK(Psql(url).one("SELECT deaths FROM takeover WHERE job = '" + moves.str() + "'") == "1");
    auto& another = next("7");
    CHECK(another.peers->take_suspect(kinds)->deaths == 6);
    another.add(runs, JobStatus::completed);
    auto& last = next("8");
    last.fence_all_others();
    CHECK(Psql(url).one("SELECT count(*) FROM takeover WHERE job = '" + runs.str() + "'") == "0");
  }

  TEST_CASE("a session that begins while its machine is being fenced is ended too") {
    const auto url = new_url();
    Machine a(url, "a"), b(url, "b");
    Psql other(url), shell(url);
    other.rows("BEGIN");
    other.rows("SELECT 1 FROM server WHERE incarnation = " + std::to_string(b.incarnation) + " FOR UPDATE");
    std::thread fences([&] { a.fence_all_others(); });
    artifact_tests::wait_until(
        shell, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%fenced_at%'");
    const auto target = postgres::parse_target(url).value();
    postgres::Connection late(target, postgres::Connection::Role::writer);
    late.introduce(b.incarnation);
    other.rows("COMMIT");
    fences.join();
    CHECK_THROWS_AS(late.query("SELECT pg_sleep(20)"), postgres::PostgresError);
  }
}

}  // namespace coremachine
