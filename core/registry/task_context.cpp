#include <coremachine/registry/task_handler.hpp>

#include <utility>

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

void TaskContext::log(LogLevel level, std::string_view message, LogFields fields) const {
  if (!state_.log || !state_.log->wants(level)) return;
  LogFields all{{"job_id", state_.job_id.str()}, {"stage", state_.stage},    {"round", state_.round},
                {"task_index", state_.index},    {"task_type", task_type()}, {"attempt", state_.attempt}};
  if (!state_.worker.empty()) all.emplace_back("worker", state_.worker);
  if (!state_.traceparent.empty()) all.emplace_back("traceparent", state_.traceparent);
  for (auto& field : fields) all.push_back(std::move(field));
  state_.log->write(level, message, std::move(all));
}

}  // namespace coremachine
