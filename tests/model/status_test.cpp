#include <coremachine/model/status.hpp>

#include <set>
#include <vector>

#include <doctest/doctest.h>

using namespace coremachine;

namespace {

constexpr std::array all_causes{JobCause::came_due,     JobCause::work_began,  JobCause::pause,    JobCause::resume,
                                JobCause::cancel_asked, JobCause::cancel_done, JobCause::finished, JobCause::failed,
                                JobCause::died,         JobCause::redrive};

std::set<JobStatus> reachable_from(std::set<JobStatus> reached) {
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& row : job_transitions) grew |= reached.contains(row.from) && reached.insert(row.to).second;
  }
  return reached;
}

}  // namespace

TEST_SUITE("model: status") {
  TEST_CASE("every status has a name that reads back, and nothing else does") {
    for (const auto status : all_job_statuses) CHECK(job_status_from(to_string(status)) == status);
    for (const auto status : all_task_statuses) CHECK(task_status_from(to_string(status)) == status);
    for (const auto status : {StageStatus::running, StageStatus::completed, StageStatus::completed_with_errors,
                              StageStatus::failed, StageStatus::cancelled}) {
      CHECK(stage_status_from(to_string(status)) == status);
    }
    CHECK_FALSE(job_status_from("retrying").has_value());
    CHECK_FALSE(job_status_from("Running").has_value());
    CHECK_FALSE(task_status_from("scheduled").has_value());
    CHECK_FALSE(stage_status_from("queued").has_value());
    CHECK_FALSE(stage_status_from("").has_value());
  }

  TEST_CASE("a terminal status is left by a redrive alone, and completed never") {
    for (const auto& row : job_transitions) {
      CAPTURE(to_string(row.from));
      CAPTURE(to_string(row.to));
      CHECK(is_terminal(row.from) == (row.cause == JobCause::redrive));
      CHECK(row.from != JobStatus::completed);
      if (row.cause == JobCause::redrive) CHECK(row.to == JobStatus::queued);
    }
  }

  TEST_CASE("a job that is being cancelled ends cancelled and no other way") {
    for (const auto& row : job_transitions) {
      if (row.from == JobStatus::cancelling) CHECK(row.to == JobStatus::cancelled);
    }
  }

  TEST_CASE("every status is reached from a submission, and a terminal one from every status") {
    const auto reached = reachable_from({JobStatus::scheduled, JobStatus::queued});
    for (const auto status : all_job_statuses) {
      CAPTURE(to_string(status));
      CHECK(reached.contains(status));
      bool ends = false;
      for (const auto end : reachable_from({status})) ends |= is_terminal(end);
      CHECK(ends);
    }
  }

  TEST_CASE("what is in the table is legal, what is not is not, and nothing is in it twice") {
    std::size_t legal = 0;
    for (const auto from : all_job_statuses) {
      for (const auto to : all_job_statuses) {
        for (const auto cause : all_causes) {
          std::size_t rows = 0;
          for (const auto& row : job_transitions)
            rows += row.from == from && row.to == to && row.cause == cause ? 1 : 0;
          CHECK(rows <= 1);
          CHECK(is_legal(from, to, cause) == (rows == 1));
          legal += rows;
        }
      }
    }
    CHECK(legal == job_transitions.size());
  }

  TEST_CASE("each cause leads to a status that fits it") {
    for (const auto& row : job_transitions) {
      CAPTURE(to_string(row.from));
      CAPTURE(to_string(row.to));
      switch (row.cause) {
        case JobCause::came_due: CHECK(row.to == JobStatus::queued); break;
        case JobCause::work_began: CHECK(row.to == JobStatus::running); break;
        case JobCause::pause: CHECK(row.to == JobStatus::paused); break;
        case JobCause::resume: CHECK(row.from == JobStatus::paused); break;
        case JobCause::cancel_asked: CHECK(row.to == JobStatus::cancelling); break;
        case JobCause::cancel_done: CHECK(row.to == JobStatus::cancelled); break;
        case JobCause::finished:
          CHECK((row.to == JobStatus::completed || row.to == JobStatus::completed_with_errors));
          break;
        case JobCause::failed: CHECK(row.to == JobStatus::failed); break;
        case JobCause::died: CHECK(row.to == JobStatus::dead); break;
        case JobCause::redrive: CHECK(row.to == JobStatus::queued); break;
      }
    }
  }
}
