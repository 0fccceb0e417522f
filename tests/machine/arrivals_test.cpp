// In which batch a new job is written, and when its submission is answered.

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/store/memory/memory_store.hpp"
#include "core/testing/lone_shell.hpp"
#include "tests/support/empty_job.hpp"

namespace {

using namespace coremachine;
using machine::Control;
using Until = machine::Engine::Until;

struct ShortJob : support::EmptyJob {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
    return {{.task_type = "work"}};
  }
};

/// A batch is full with two jobs.
struct World {
  World() {
    jobs.add<ShortJob>("short");
    tasks.add("work", [](const json::object&, TaskContext&) -> TaskResult { return json::object{}; }, {.pure = true});
    store = make_memory_store();
    shell = std::make_unique<testing::LoneShell>(jobs, tasks, *store, Timestamp{Milliseconds{1'767'268'800'000}});
    shell->full_batch = 2;
    shell->crash();
  }
  JobId submit(const std::function<void(Submission&)>& with = {}, Until until = Until::accepted) {
    Submission submission;
    submission.type = "short";
    submission.version = "1";
    submission.params = make_text("{}");
    if (with) with(submission);
    return shell->submit(std::move(submission), until);
  }
  /// All that can happen without a commit.
  void run() {
    auto& s = *shell;
    for (;;) {
      if (!s.decisions.empty()) {
        s.deliver_decision(0);
      } else if (!s.reports.empty()) {
        s.deliver_report(0);
      } else if (!s.boundaries.empty()) {
        s.run_boundary(0);
      } else if (!s.slices.empty()) {
        s.run_slice(0);
      } else {
        return;
      }
    }
  }
  std::vector<JobId> close() {
    REQUIRE(shell->close_batch());
    std::vector<JobId> written;
    for (const auto& row : shell->batch->jobs) written.push_back(row.id);
    return written;
  }
  /// Closes the batch: is the job in it?
  bool goes_with_this(JobId job) {
    const auto written = close();
    return std::find(written.begin(), written.end(), job) != written.end();
  }
  void commit() {
    REQUIRE(shell->write_batch());
    shell->acknowledge();
  }
  bool is_answered(JobId job) const {
    return std::any_of(shell->answers.begin(), shell->answers.end(),
                       [&](const auto& answer) { return answer.job == job && !answer.error; });
  }
  /// Two jobs that are over, and in the batch that is open.
  void fill_batch() {
    full = {submit(), submit()};
    run();
    for (const auto job : full) REQUIRE(is_terminal(shell->engine().find(job)->status));
  }
  /// One that comes when the batch is full, which is closed without it.
  JobId pass_over(Until until = Until::accepted) {
    fill_batch();
    const auto late = submit({}, until);
    REQUIRE(close() == full);
    return late;
  }

  JobRegistry jobs;
  TaskRegistry tasks;
  std::unique_ptr<Store> store;
  std::unique_ptr<testing::LoneShell> shell;
  std::vector<JobId> full;
};

}  // namespace

TEST_SUITE("arrivals") {
  TEST_CASE_FIXTURE(World, "with nothing else to write, new jobs are written at once") {
    const std::vector<JobId> three{submit(), submit(), submit()};
    CHECK(close() == three);
    for (const auto job : three) CHECK_FALSE(is_answered(job));
    commit();
    for (const auto job : three) CHECK(is_answered(job));
  }

  TEST_CASE_FIXTURE(World, "a job is new in the first batch that has it, and in no other") {
    const auto is_new = [&](JobId job) {
      const auto& rows = shell->batch->jobs;
      const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& each) { return each.id == job; });
      REQUIRE(row != rows.end());
      return row->is_new;
    };
    const auto late = pass_over();
    for (const auto job : full) CHECK(is_new(job));
    commit();
    CHECK(close() == std::vector{late});
    CHECK(is_new(late));
    commit();
    shell->crash();
    run();
    CHECK(close() == std::vector{late});
    CHECK_FALSE(is_new(late));
    commit();
    CHECK(store->read_row(late)->status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(World, "a job that comes when the batch is full goes with the next, if it is over or not") {
    const auto late = pass_over();
    commit();
    CHECK(is_answered(full[0]));
    CHECK_FALSE(is_answered(late));
    CHECK_FALSE(store->read_row(late));

    REQUIRE(shell->engine().has_writes());
    CHECK(close() == std::vector{late});
    CHECK_FALSE(is_answered(late));
    commit();
    CHECK(is_answered(late));
    CHECK(store->read_row(late)->status != JobStatus::completed);
  }

  TEST_CASE_FIXTURE(World, "it is passed over once, however full the batches are") {
    const auto late = pass_over();
    commit();
    // The job that waits is not run: only these are.
    shell->control(late, Control::pause);
    fill_batch();
    CHECK(goes_with_this(late));
    commit();
    CHECK(is_answered(late));
  }

  TEST_CASE_FIXTURE(World, "a job that is over by the next batch is written once") {
    const auto late = pass_over();
    run();
    commit();
    CHECK(close() == std::vector{late});
    commit();
    CHECK(is_answered(late));
    CHECK(store->read_row(late)->status == JobStatus::completed);
    CHECK_FALSE(shell->engine().has_writes());
  }

  TEST_CASE_FIXTURE(World, "what has a key is not passed over: the key would lead to nothing") {
    fill_batch();
    const auto late = submit([](Submission& submission) { submission.idempotency_key = "k"; });
    CHECK(goes_with_this(late));
    CHECK(shell->batch->keys.size() == 1);
  }

  TEST_CASE_FIXTURE(World, "nor is what is unique, or due later") {
    for (const auto& with : std::vector<std::function<void(Submission&)>>{
             [](Submission& one) {
               one.unique = true;
               one.fingerprint = "f";
             },
             [](Submission& one) { one.run_at = Timestamp{Milliseconds{1'900'000'000'000}}; }}) {
      fill_batch();
      const auto late = submit(with);
      CHECK(goes_with_this(late));
      CHECK_FALSE(is_answered(late));
      commit();
      CHECK(is_answered(late));
    }
  }

  TEST_CASE_FIXTURE(World, "a job that nobody saves is saved when a change may wait no longer, and answered once") {
    const auto late = pass_over();
    commit();
    shell->advance_to(shell->now() + Milliseconds{250});
    CHECK(close() == std::vector{late});
    commit();
    CHECK(std::count_if(shell->answers.begin(), shell->answers.end(),
                        [&](const auto& answer) { return answer.job == late; }) == 1);
  }

  TEST_CASE_FIXTURE(World, "the answer shows the job as it was accepted, though its row is of later") {
    const auto late = pass_over(Until::shown);
    run();
    commit();
    CHECK(close() == std::vector{late});
    commit();
    const auto answer =
        std::find_if(shell->answers.begin(), shell->answers.end(), [&](const auto& each) { return each.job == late; });
    REQUIRE(answer != shell->answers.end());
    REQUIRE(answer->view);
    CHECK(answer->view->status == JobStatus::queued);
    CHECK(store->read_row(late)->status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(World, "who asks for the job makes it go with this batch, and is answered after the submitter") {
    fill_batch();
    const auto late = submit();
    shell->control(late, Control::cancel);
    CHECK(goes_with_this(late));
    CHECK_FALSE(is_answered(late));
    commit();
    const auto of_late = [&](const auto& answer) { return answer.job == late; };
    REQUIRE(std::count_if(shell->answers.begin(), shell->answers.end(), of_late) == 2);
    const auto first = std::find_if(shell->answers.begin(), shell->answers.end(), of_late);
    CHECK(first->view == nullptr);  // as was asked for with the submission
  }

  TEST_CASE_FIXTURE(World, "a job that was passed over and not answered is gone after a crash, and nothing else") {
    const auto late = pass_over();
    commit();
    shell->crash();
    CHECK_FALSE(store->read_row(late));
    CHECK(shell->engine().find(late) == nullptr);
    for (const auto job : full) CHECK(store->read_row(job)->status == JobStatus::completed);
  }

  TEST_CASE_FIXTURE(World, "nothing is passed over when the machine stops") {
    fill_batch();
    const auto late = submit();
    shell->engine().drain();
    CHECK(goes_with_this(late));
    commit();
    CHECK(is_answered(late));
    CHECK_FALSE(shell->engine().has_writes());
  }
}
