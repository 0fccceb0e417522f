// kill -9 between any two actions, and at random under load: nothing accepted is lost, nothing ends twice, every sum
// is right, and no answer is taken back.

#include <atomic>
#include <csignal>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/embed/open_store.hpp"
#include "core/machine/action.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/crash_jobs.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;

/// Every point at which a process may die: before and after each action that there is, and each commit.
std::vector<std::string> all_points() {
  std::vector<std::string> points{"Commit:before",           "Commit:after",
                                  "StoreArtifact:before",    "StoreArtifact:after",
                                  "CollectArtifacts:before", "CollectArtifacts:after"};
  for (const auto name : machine::action_names) {
    points.push_back(std::string(name) + ":before");
    points.push_back(std::string(name) + ":after");
  }
  return points;
}

struct Life {
  int status = 0;
  std::vector<std::string> said;
};

/// A process that lives on the store at `path` until it has passed `point` for the `nth` time.
Life live_until(const std::string& path, const std::string& point, int nth) {
  support::ChildProcess child([&](const support::Say& say) {
    support::CrashJobs with;
    std::atomic<int> left{nth};
    auto machine = support::machine_on(with, path, [&](std::string_view reached) {
      if (reached == point && --left == 0) ::kill(::getpid(), SIGKILL);
    });
    support::busy_life(machine, say);
  });
  Life life;
  life.said = child.read_all();
  life.status = child.wait();
  return life;
}

}  // namespace

TEST_SUITE("runtime: crashes") {
  TEST_CASE("the process may die before and after every action") {
    for (const auto& point : all_points()) {
      int deaths = 0;
      for (const int nth : {1, 2, 5}) {
        CAPTURE(point);
        CAPTURE(nth);
        const support::TemporaryDirectory directory;
        const auto path = directory.path() + "/store.db";
        const auto life = live_until(path, point, nth);
        if (WIFSIGNALED(life.status)) {
          REQUIRE(WTERMSIG(life.status) == SIGKILL);
          ++deaths;
        } else {
          // The point was not passed so often in this life: then it ended well.
          REQUIRE(WIFEXITED(life.status));
          REQUIRE(WEXITSTATUS(life.status) == 0);
          REQUIRE(life.said.back() == "finished");
        }
        REQUIRE_NOTHROW(support::verify_after_crash(path, life.said));
      }
      INFO("the busy life never comes to this point: ", point);
      CHECK(deaths > 0);
    }
  }

  TEST_CASE("the process may die at any moment, again and again") {
    std::mt19937 dice(20260101);
    const support::TemporaryDirectory directory;
    const auto path = directory.path() + "/store.db";
    std::vector<std::string> said;
    for (int life = 0; life < 12; ++life) {
      support::ChildProcess child([&](const support::Say& say) {
        support::CrashJobs with;
        auto machine = support::machine_on(with, path);
        support::cancel_endless(machine);
        support::busy_life(machine, say);
      });
      // Which line it is killed after is drawn; where the machine is then, nobody knows.
      const auto lines = std::uniform_int_distribution<int>(1, 11)(dice);
      std::string line;
      for (int i = 0; i < lines && child.read_line(line); ++i) said.push_back(line);
      child.kill();
      for (auto& rest : child.read_all()) said.push_back(std::move(rest));
      child.wait();
    }
    REQUIRE_NOTHROW(support::verify_after_crash(path, said));
  }

  TEST_CASE("what a life accepted and could not say does not hold up the next one") {
    const support::TemporaryDirectory directory;
    const auto path = directory.path() + "/store.db";
    support::ChildProcess first([&](const support::Say&) {
      support::CrashJobs with;
      auto machine = support::machine_on(with, path);
      // As many as there are threads for handlers and for tasks.
      for (const auto* type : {"stuck", "stuck", "patient", "patient"}) (void)machine.submit(type).value();
      ::kill(::getpid(), SIGKILL);
    });
    REQUIRE(first.read_all().empty());
    REQUIRE(WIFSIGNALED(first.wait()));
    support::ChildProcess second([&](const support::Say& say) {
      support::CrashJobs with;
      auto machine = support::machine_on(with, path);
      support::cancel_endless(machine);
      support::busy_life(machine, say);
    });
    const auto said = second.read_all();
    CHECK(second.wait() == 0);
    REQUIRE(!said.empty());
    CHECK(said.back() == "finished");
    REQUIRE_NOTHROW(support::verify_after_crash(path, said));
  }

  TEST_CASE("a task that kills its process ends dead, and all others complete") {
    const support::TemporaryDirectory directory;
    const auto path = directory.path() + "/store.db";
    std::string id;
    int deaths = 0;
    for (int life = 0; life < 20; ++life) {
      support::ChildProcess child([&](const support::Say& say) {
        std::signal(SIGSEGV, SIG_DFL);
        support::CrashJobs with;
        auto machine = support::machine_on(with, path);
        const auto job = id.empty() ? machine.submit("poison").value() : *JobId::parse(id);
        say(job.str());
        const auto view = machine.wait(job).value();
        say(std::string(to_string(view.status)));
        say(std::to_string(view.stages.at(0).tasks.completed) + " completed, " +
            std::to_string(view.stages.at(0).tasks.dead) + " dead");
      });
      const auto lines = child.read_all();
      const auto status = child.wait();
      if (id.empty()) {
        // It may have died before it could say so; what it accepted is in the store.
        const auto opened = embed::open_store("sqlite:" + path, true);
        const auto kept = opened.store->list_jobs({}).rows;
        if (!kept.empty()) id = kept.front().id.str();
      }
      if (WIFSIGNALED(status)) {
        CHECK(WTERMSIG(status) == SIGSEGV);
        ++deaths;
        continue;
      }
      REQUIRE(lines.size() == 3);
      CHECK(lines[1] == "completed_with_errors");
      CHECK(lines[2] == "49 completed, 1 dead");
      CHECK(deaths == 6);  // once in company, five times alone
      return;
    }
    FAIL("the poison task never ended");
  }
}
