#include <coremachine/runtime/status.hpp>

#include <chrono>

#include <boost/json/array.hpp>

namespace coremachine {

json::object to_json(const QueueStatus& queue) {
  json::object limit;
  limit.emplace("max_concurrency", queue.limit.max_concurrency);
  limit.emplace("rate", queue.limit.rate);
  limit.emplace("burst", queue.limit.burst);
  json::object out;
  out.emplace("name", queue.name);
  out.emplace("depth", queue.depth);
  out.emplace("running", queue.running);
  out.emplace("oldest_age", queue.oldest_age ? json::value(std::chrono::duration<double>(*queue.oldest_age).count())
                                             : json::value(nullptr));
  out.emplace("paused", queue.limit.paused);
  out.emplace("disabled", queue.disabled);
  out.emplace("available", queue.available);
  out.emplace("limit", queue.limit.max_concurrency == 0 && queue.limit.rate == 0 ? json::value(nullptr)
                                                                                 : json::value(std::move(limit)));
  return out;
}

json::object to_json(const RunningTask& task) {
  json::object out;
  out.emplace("job_id", task.job.str());
  out.emplace("stage", task.stage);
  out.emplace("round", task.round);
  out.emplace("task_index", task.index);
  out.emplace("task_type", task.task_type);
  out.emplace("attempt", task.attempt);
  out.emplace("started_at", task.started_at ? json::value(to_rfc3339(*task.started_at)) : json::value(nullptr));
  return out;
}

json::object to_json(const WorkerStatus& worker) {
  json::array types;
  for (const auto& type : worker.task_types) types.emplace_back(type);
  json::array tasks;
  for (const auto& task : worker.tasks) tasks.emplace_back(to_json(task));
  json::object out;
  out.emplace("name", worker.name);
  out.emplace("kind", worker.kind);
  out.emplace("concurrency", worker.concurrency);
  out.emplace("running", worker.tasks.size());
  out.emplace("task_types", std::move(types));
  out.emplace("tasks", std::move(tasks));
  out.emplace("connected_at", to_rfc3339(worker.connected_at));
  out.emplace("last_seen", to_rfc3339(worker.last_seen));
  return out;
}

}  // namespace coremachine
