#include <coremachine/model/status.hpp>

namespace coremachine {

namespace {

constexpr std::array all_stage_statuses{StageStatus::running, StageStatus::completed,
                                        StageStatus::completed_with_errors, StageStatus::failed,
                                        StageStatus::cancelled};

template <class Status, std::size_t N>
std::optional<Status> find(const std::array<Status, N>& all, std::string_view text) {
  for (const auto status : all) {
    if (to_string(status) == text) return status;
  }
  return std::nullopt;
}

}  // namespace

std::optional<JobStatus> job_status_from(std::string_view text) {
  return find(all_job_statuses, text);
}
std::optional<TaskStatus> task_status_from(std::string_view text) {
  return find(all_task_statuses, text);
}
std::optional<StageStatus> stage_status_from(std::string_view text) {
  return find(all_stage_statuses, text);
}

}  // namespace coremachine
