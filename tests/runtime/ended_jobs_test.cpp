#include "core/runtime/ended_jobs.hpp"

#include <doctest/doctest.h>

#include <coremachine/runtime/core_machine.hpp>

#include "jobs/builtin.hpp"

using namespace coremachine;
using runtime::EndedJobs;

namespace {

EndedJobs::SharedText text_of(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

struct TestMachine {
  TestMachine() {
    register_builtin_jobs(jobs, tasks);
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    machine = std::make_unique<CoreMachine>(std::move(options));
  }
  std::string status(JobId job) const {
    const auto text = machine->job_text(job);
    if (!text) return std::string(to_string(text.error().code));
    return std::string(json::parse(**text).at("status").as_string());
  }
  JobRegistry jobs;
  TaskRegistry tasks;
  std::unique_ptr<CoreMachine> machine;
};

}  // namespace

TEST_SUITE("runtime: ended jobs") {
  TEST_CASE("a text is at hand until a commit has its job") {
    EndedJobs ended;
    const JobId first{1, 1}, second{1, 2}, third{1, 3};
    for (const auto job : {first, second, third}) ended.keep(job, text_of(job.str()), ended.commits());
    Batch batch;
    JobRow row;
    row.id = second;
    batch.jobs.push_back(row);
    batch.deletes.push_back(third);
    ended.note_commit(batch);
    REQUIRE(ended.find(first));
    CHECK(*ended.find(first) == first.str());
    CHECK(!ended.find(second));
    CHECK(!ended.find(third));
  }

  TEST_CASE("what was read before a commit is not kept after it") {
    EndedJobs ended;
    const auto before = ended.commits();
    ended.note_commit(Batch{});
    ended.keep(JobId{1, 1}, text_of("old"), before);
    CHECK(!ended.find(JobId{1, 1}));
  }

  TEST_CASE("it has a bound, and what is asked for stays longest") {
    EndedJobs ended(std::size_t{64} << 10U);
    const JobId asked{1, 0};
    ended.keep(asked, text_of("asked"), 0);
    std::size_t kept = 0;
    for (std::uint64_t i = 1; i <= 1000; ++i) {
      ended.keep(JobId{2, i}, text_of(std::string(1000, 'x')), 0);
      CHECK(ended.find(asked));
    }
    for (std::uint64_t i = 1; i <= 1000; ++i) kept += ended.find(JobId{2, i}) ? 1 : 0;
    CHECK(kept >= 16);
    CHECK(kept <= 64);
    ended.keep(JobId{3, 1}, text_of(std::string(100'000, 'x')), 0);
    CHECK(!ended.find(JobId{3, 1}));
  }

  TEST_CASE("a job shows what became of it after its end") {
    const TestMachine test;
    const auto job = test.machine->run("fan_out", {{"count", 2}, {"fail_percent", 100}, {"fail_attempts", 100}});
    REQUIRE(job.has_value());
    CHECK(test.status(job->id) == "failed");
    const auto text = test.machine->job_text_at_hand(job->id);
    REQUIRE(text);
    CHECK(json::parse(*text) == json::value(to_json(*test.machine->job(job->id))));

    REQUIRE(test.machine->retry(job->id).has_value());
    CHECK(test.status(job->id) != "failed");
    CHECK(!test.machine->job_text_at_hand(job->id));
    REQUIRE(test.machine->wait(job->id).has_value());
    CHECK(test.status(job->id) == "failed");
    CHECK(json::parse(**test.machine->job_text(job->id)).at("attempt") == 2);

    REQUIRE(test.machine->remove(job->id).has_value());
    CHECK(!test.machine->job_text_at_hand(job->id));
    CHECK(test.status(job->id) == "unknown_job");
  }

  TEST_CASE("a job that is not over is never at hand") {
    const TestMachine test;
    SubmitOptions later;
    later.delay = Milliseconds{3'600'000};
    const auto job = test.machine->submit("hello_world", {}, later);
    REQUIRE(job.has_value());
    CHECK(test.status(*job) == "scheduled");
    CHECK(!test.machine->job_text_at_hand(*job));
    REQUIRE(test.machine->cancel(*job).has_value());
    CHECK(test.status(*job) == "cancelled");
    CHECK(test.machine->job_text_at_hand(*job));
  }
}
