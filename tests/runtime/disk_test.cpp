// The whole machine on a disk that fills up or fails.

#include <atomic>
#include <future>
#include <string>

#include <doctest/doctest.h>

#include <sqlite3.h>

#include "core/runtime/shell.hpp"
#include "core/store/sqlite/sqlite_store.hpp"
#include "tests/support/faulty_vfs.hpp"
#include "tests/support/sim_jobs.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;

/// Damages the store of the program while it waits for its results, then reads them.
struct DamagingJob : JobHandler {
  static inline std::string path;
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
    return {2000, TaskDefinition{"plain"}};
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &database) == SQLITE_OK);
    CHECK(sqlite3_exec(database, "UPDATE outcome SET offsets = '[1'", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
    return {{"last", results[1999]}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

struct Fixture {
  Fixture() {
    support::register_sim_jobs(jobs, tasks);
    jobs.add<DamagingJob>("damaging");
    tasks.add("plain", [](const json::object&) -> TaskResult { return {}; });
    DamagingJob::path = path;
  }

  CoreMachine machine() {
    runtime::ShellSetup setup;
    setup.options.jobs = &jobs;
    setup.options.tasks = &tasks;
    setup.options.workers = 2;
    setup.options.drain_limit = setup.options.grace = std::chrono::hours{10};
    setup.options.log = [this](std::string_view message) {
      if (message.find("is full") != std::string_view::npos && !full_told.exchange(true)) told_full.set_value();
    };
    setup.store = open_sqlite_store({.path = path, .vfs = disk.name()}).value();
    return CoreMachine(std::make_shared<runtime::Shell>(std::move(setup)));
  }
  static json::object params(int width) { return {{"stages", json::array{json::object{{"width", width}}}}}; }

  support::TemporaryDirectory directory;
  support::FaultyVfs disk;
  JobRegistry jobs;
  TaskRegistry tasks;
  std::string path = directory.path() + "/store.db";
  std::atomic<bool> full_told{false};
  std::promise<void> told_full;
};

}  // namespace

TEST_SUITE("runtime: the disk") {
  TEST_CASE_FIXTURE(Fixture,
                    "while the disk is full nothing is acknowledged and new work is refused; then it goes on") {
    auto on = machine();
    const auto first = on.submit("sim", params(10)).value();
    REQUIRE(on.wait(first).value().status == JobStatus::completed);
    disk.full_after(0);
    std::promise<Result<JobId>> held;
    auto answer = held.get_future();
    on.submit_then("sim", params(3000), {}, [&](Result<JobId> id) { held.set_value(std::move(id)); });
    told_full.get_future().wait();
    CHECK(answer.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
    CHECK(on.submit("sim", params(1)).error().code == ErrorCode::store_full);
    // What is over and on disk can be read all the while.
    CHECK(on.job(first).value().status == JobStatus::completed);
    disk.heal();
    const auto kept = answer.get().value();
    CHECK(on.wait(kept).value().status == JobStatus::completed);
    CHECK(on.run("sim", params(1)).value().status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(Fixture,
                    "a failed sync stops the machine, and nothing is acknowledged that a restart would take back") {
    std::vector<JobId> accepted;
    std::string refused;
    {
      auto on = machine();
      accepted.push_back(on.submit("sim", params(10)).value());
      disk.fail_syncs();
      for (int i = 0; i < 100 && refused.empty(); ++i) {
        const auto id = on.submit("sim", params(10));
        if (id)
          accepted.push_back(*id);
        else
          refused = id.error().message;
      }
      CHECK_FALSE(refused.empty());
      CHECK(on.submit("sim", params(1)).error().code == ErrorCode::store_failed);
      CHECK(on.wait(accepted.front()).has_value() == (on.job(accepted.front()).has_value()));
    }
    CHECK(accepted.size() == 1);
    disk.heal();
    auto on = machine();
    for (const auto id : accepted) CHECK(on.wait(id).value().status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(Fixture, "a handler that meets a damaged store stops the machine, which does not wait for it") {
    auto on = machine();
    const auto ended = on.run("damaging");
    REQUIRE(ended.has_error());
    CHECK(ended.error().code == ErrorCode::store_damaged);
    CHECK(on.submit("sim", params(1)).error().code == ErrorCode::store_damaged);
    on.stop();  // at once, or the drain limit is the test's time limit
  }
}
