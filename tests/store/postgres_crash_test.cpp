#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <random>

#include "tests/simulation/simulation.hpp"
#include "tests/store/postgres_fixture.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/crash_jobs.hpp"

// The engine on PostgreSQL: processes that are killed, one after the other, and games of the simulation.

namespace coremachine {
namespace {

using namespace store_tests;

/// Counts down at the given point of a life, and ends it.
std::function<void(std::string_view)> death_at(std::string point, int nth) {
  auto left = std::make_shared<std::atomic<int>>(nth);
  return [point = std::move(point), left](std::string_view reached) {
    if (reached == point && --*left == 0) ::kill(::getpid(), SIGKILL);
  };
}

}  // namespace

TEST_SUITE("store: postgres crashes") {
  TEST_CASE("the process may die before and after a commit") {
    for (const auto* point : {"Commit:before", "Commit:after"}) {
      for (const int nth : {1, 2, 5, 9}) {
        CAPTURE(point);
        CAPTURE(nth);
        const TemporaryFolder folder;
        const auto url = new_postgres_url(folder / ".");
        support::ChildProcess child([&](const support::Say& say) {
          support::CrashJobs with;
          auto machine = support::machine_on(with, url, death_at(point, nth));
          support::busy_life(machine, say);
        });
        const auto said = child.read_all();
        const auto status = child.wait();
        REQUIRE(WIFSIGNALED(status));
        REQUIRE(WTERMSIG(status) == SIGKILL);
        REQUIRE_NOTHROW(support::verify_after_crash(url, said));
      }
    }
  }

  TEST_CASE("the process may die at any moment, again and again, and the server now and then") {
    std::mt19937 dice(20260202);
    const TemporaryFolder folder;
    const auto url = new_postgres_url(folder / ".");
    std::vector<std::string> said;
    for (int life = 0; life < 8; ++life) {
      support::ChildProcess child([&](const support::Say& say) {
        support::CrashJobs with;
        auto machine = support::machine_on(with, url);
        support::cancel_endless(machine);
        support::busy_life(machine, say);
      });
      const auto lines = std::uniform_int_distribution<int>(1, 11)(dice);
      std::string line;
      for (int i = 0; i < lines && child.read_line(line); ++i) {
        said.push_back(line);
        if (life % 4 != 3 || i != lines / 2) continue;
        support::PostgresServer::shared().crash();
        support::PostgresServer::shared().start();
      }
      child.kill();
      for (auto& rest : child.read_all()) said.push_back(std::move(rest));
      child.wait();
    }
    REQUIRE_NOTHROW(support::verify_after_crash(url, said));
  }

  TEST_CASE("the simulation plays on PostgreSQL as it does in memory") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(seed);
      const auto wrong = simulation::play(seed, open_postgres(new_url()));
      REQUIRE_MESSAGE(!wrong, *wrong);
    }
  }
}

}  // namespace coremachine
