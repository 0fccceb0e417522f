#include <coremachine/registry/task_handler.hpp>

namespace coremachine {

std::string TaskContext::idempotency_key() const {
  return state_.job_id.str() + "/" + std::to_string(state_.round) + "/" + std::to_string(state_.index);
}

}  // namespace coremachine
