#include <coremachine/registry/task_handler.hpp>

namespace coremachine {

std::string TaskContext::idempotency_key() const {
  return state_.job_id.str() + "/" + std::to_string(state_.defined_in) + "/" + std::to_string(state_.index);
}

Heartbeats::~Heartbeats() = default;

const json::value& TaskContext::last_progress() const {
  static const json::value none;
  return state_.progress ? *state_.progress : none;
}

StageOutput TaskContext::output(std::string_view name) const {
  return {artifacts().output(state_.defined_in, name), idempotency_key()};
}

void TaskContext::log(std::string_view message) const {
  if (!state_.log || !*state_.log) return;
  std::string line = "job " + state_.job_id.str() + ", round " + std::to_string(state_.round) + ", task " +
                     std::to_string(state_.index) + " (" + task_type() + "), attempt " +
                     std::to_string(state_.attempt) + ": ";
  line += message;
  (*state_.log)(line);
}

}  // namespace coremachine
