// kill -9 around every act of a schedule, one process after the other on the same file: no time fires twice, and none
// is lost.

#include <atomic>
#include <csignal>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/model/job_view.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/schedule_machine.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/zone_file.hpp"

namespace {

using namespace coremachine;

const auto start = support::at("2026-01-01T00:00:30Z");
constexpr auto minute = std::chrono::minutes{1};

ScheduleSpec each_minute(OverlapPolicy overlap) {
  ScheduleSpec spec;
  spec.name = "beat";
  spec.job_type = "quick";
  spec.time_param = "for_time";
  spec.timing = Interval{minute, {}};
  spec.overlap = overlap;
  spec.catch_up_limit = 3;
  return spec;
}

/// Runs on the store for some minutes from `time` on, or until it has passed `point` for the `nth` time.
int live(const std::string& store, OverlapPolicy overlap, Timestamp time, const std::string& point, int nth) {
  support::ChildProcess child([&](const std::function<void(const std::string&)>&) {
    std::atomic<int> left{nth};
    support::ScheduleMachine with;
    with.register_jobs();
    with.start(store, time, [&](std::string_view reached) {
      if (reached == point && --left == 0) ::kill(::getpid(), SIGKILL);
    });
    // It is there already if an earlier process came so far.
    (void)with.machine->create_schedule(each_minute(overlap));
    for (int i = 0; i < 6; ++i) {
      with.advance(minute);
      if (i % 2 == 0) with.at_rest("beat");
    }
    with.at_rest("beat");
  });
  return child.wait();
}

/// After all of it: what the schedule says of its firings is what is in the store.
void verify(const std::string& store, Timestamp time) {
  ScheduleView view;
  {
    support::ScheduleMachine with;
    with.register_jobs();
    with.start(store, time);
    view = with.at_rest("beat");
  }
  auto opened = embed::open_store(store, true);
  JobFilter all;
  all.limit = 10'000;
  std::set<std::string> times;
  const auto jobs = opened.store->list_jobs(all).rows;
  for (const auto& job : jobs) {
    const auto stored = opened.store->read_job(job.id).value();
    const auto made = make_view(decode_job(stored.job, stored.rounds));
    CHECK(made.status == JobStatus::completed);
    CHECK(times.insert(std::string(made.params.at("for_time").as_string())).second);
  }
  const auto& state = view.state;
  CHECK(times.size() == state.fired);
  CHECK(state.refused == 0);
  const auto minutes = [](Timestamp of) {
    return std::chrono::floor<std::chrono::minutes>(of).time_since_epoch() / minute;
  };
  const auto due = minutes(time) - minutes(view.created_at);
  CHECK(state.fired + state.skipped + state.missed == static_cast<std::uint64_t>(due));
}

}  // namespace

TEST_SUITE("runtime: schedules and crashes") {
  TEST_CASE("the process may die before and after everything that a schedule does") {
    for (const auto overlap : {OverlapPolicy::queue_one, OverlapPolicy::allow}) {
      for (const auto* point :
           {"SaveSchedule:before", "SaveSchedule:after", "SubmitFiring:before", "SubmitFiring:after", "Commit:before",
            "Commit:after", "Answer:before", "Answer:after"}) {
        CAPTURE(point);
        CAPTURE(to_string(overlap));
        const support::TemporaryDirectory directory;
        const auto store = "sqlite:" + directory.path() + "/store.db";
        auto time = start;
        int deaths = 0;
        for (const int nth : {1, 2, 3, 5, 7}) {
          const auto status = live(store, overlap, time, point, nth);
          if (WIFSIGNALED(status)) {
            REQUIRE(WTERMSIG(status) == SIGKILL);
            ++deaths;
          } else {
            REQUIRE(WEXITSTATUS(status) == 0);
          }
          time += 10 * minute;
        }
        CHECK(deaths > 2);
        REQUIRE(WEXITSTATUS(live(store, overlap, time, "nowhere", 1)) == 0);
        verify(store, time + 10 * minute);
      }
    }
  }
}
