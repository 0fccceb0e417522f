#include <coremachine/model/view.hpp>

#include <boost/json/array.hpp>

namespace coremachine {

namespace {

json::value time_or_null(const std::optional<Timestamp>& time) {
  return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

}  // namespace

json::object to_json(const TaskCounts& counts) {
  json::object out;
  out.reserve(8);
  out.emplace("total", counts.total);
  out.emplace("queued", counts.queued);
  out.emplace("running", counts.running);
  out.emplace("retrying", counts.retrying);
  out.emplace("completed", counts.completed);
  out.emplace("failed", counts.failed);
  out.emplace("dead", counts.dead);
  out.emplace("cancelled", counts.cancelled);
  return out;
}

json::object to_json(const Error& error) {
  json::object out;
  out.reserve(6);
  out.emplace("code", to_string(error.code));
  out.emplace("message", error.message);
  out.emplace("stage", or_null(error.stage));
  out.emplace("task_index", or_null(error.task_index));
  out.emplace("task_type", error.task_type.empty() ? json::value(nullptr) : json::value(error.task_type));
  out.emplace("attempt", or_null(error.attempt));
  return out;
}

json::object to_json(const StageView& view) {
  json::object out;
  out.reserve(7);
  out.emplace("stage", view.stage);
  out.emplace("round", view.round);
  out.emplace("status", to_string(view.status));
  out.emplace("result", or_null(view.result));
  out.emplace("tasks", to_json(view.tasks));
  out.emplace("started_at", time_or_null(view.started_at));
  out.emplace("finished_at", time_or_null(view.finished_at));
  return out;
}

json::object to_json(const JobView& view) {
  json::array stages;
  stages.reserve(view.stages.size());
  for (const auto& stage : view.stages) stages.emplace_back(to_json(stage));
  json::array tags;
  tags.reserve(view.tags.size());
  for (const auto& tag : view.tags) tags.emplace_back(tag);

  json::object out;
  out.reserve(15);
  out.emplace("job_id", view.id.str());
  out.emplace("job_type", view.type);
  out.emplace("version", view.version);
  out.emplace("status", to_string(view.status));
  out.emplace("params", view.params);
  out.emplace("stage", view.stages.empty() ? 0 : view.stages.back().stage);
  out.emplace("stages", std::move(stages));
  out.emplace("result", or_null(view.result));
  out.emplace("error", view.error ? json::value(to_json(*view.error)) : json::value(nullptr));
  out.emplace("priority", view.priority);
  out.emplace("tags", std::move(tags));
  out.emplace("attempt", view.attempt);
  if (!view.traceparent.empty()) out.emplace("traceparent", view.traceparent);
  out.emplace("created_at", to_rfc3339(view.created_at));
  if (view.run_at) out.emplace("run_at", to_rfc3339(*view.run_at));
  out.emplace("started_at", time_or_null(view.started_at));
  out.emplace("finished_at", time_or_null(view.finished_at));
  return out;
}

}  // namespace coremachine
