// The registries: what there is to submit and to execute.

#include <utility>

#include <boost/json/array.hpp>

#include "core/schedule/schedule_codec.hpp"
#include "triggers/http/api/api.hpp"

namespace coremachine::http {
namespace {

json::array array_of(const std::vector<std::string>& words) {
  return json::array(words.begin(), words.end());
}

json::object to_json(const JobInfo& info) {
  json::object out;
  out["name"] = info.name;
  out["description"] = info.description;
  out["tags"] = array_of(info.tags);
  out["version"] = info.version;
  out["enabled"] = info.enabled;
  out["unique_by_params"] = info.unique_by_params;
  out["params_schema"] = info.params_schema;
  out["stages"] = array_of(info.stages);
  return out;
}

/// The policy that counts when neither a stage nor a task says otherwise.
json::object to_json(const RetryPolicy& retry) {
  json::object out;
  out["max_attempts"] = retry.max_attempts;
  out["first_delay"] = schedule::duration_text(retry.first_delay);
  out["factor"] = retry.factor;
  out["max_delay"] = schedule::duration_text(retry.max_delay);
  out["jitter"] = retry.jitter;
  return out;
}

json::value duration_or_null(const std::optional<Milliseconds>& duration) {
  return duration ? json::value(schedule::duration_text(*duration)) : json::value(nullptr);
}

json::object to_json(const TaskInfo& info) {
  json::object out;
  out["name"] = info.name;
  out["description"] = info.description;
  out["tags"] = array_of(info.tags);
  out["version"] = info.version;
  out["enabled"] = info.enabled;
  out["pure"] = info.pure;
  out["params_schema"] = info.params_schema;
  out["retry"] = to_json(info.retry.value_or(RetryPolicy{}));
  out["timeout"] = duration_or_null(info.timeout);
  out["heartbeat"] = duration_or_null(info.heartbeat);
  return out;
}

template <class Registry>
void list(const Registry& registry, Call& call) {
  const auto tags = call.parameters().words("tags");
  json::array all;
  for (const auto& info : tags.empty() ? registry.list_all_info() : registry.list_by_tags(tags)) {
    all.push_back(to_json(info));
  }
  call.send(200, all);
}

template <class Registry>
void show(const Registry& registry, const std::string& name, Call& call) {
  const auto info = registry.get_info(name);
  if (!info) return call.refuse(info.error());
  call.send(200, to_json(*info));
}

void list_job_types(Api& api, std::shared_ptr<Call> call) {
  list(api.jobs(), *call);
}
void show_job_type(Api& api, std::shared_ptr<Call> call) {
  show(api.jobs(), call->path("type"), *call);
}
void list_task_types(Api& api, std::shared_ptr<Call> call) {
  list(api.tasks(), *call);
}
void show_task_type(Api& api, std::shared_ptr<Call> call) {
  show(api.tasks(), call->path("name"), *call);
}

Parameter tags_parameter() {
  return {.name = "tags", .kind = ParameterKind::words, .doc = "with all of these"};
}

}  // namespace

std::vector<Route> registry_routes() {
  return {
      {.method = "GET",
       .path = "/api/v1/job-types",
       .group = "registries",
       .operation = "listJobTypes",
       .summary = "List job types, by name",
       .parameters = {tags_parameter()},
       .answers = {{200, "all of them, or those with the tags", "JobTypes"}},
       .handler = list_job_types},
      {.method = "GET",
       .path = "/api/v1/job-types/{type}",
       .group = "registries",
       .operation = "getJobType",
       .summary = "Show a job type",
       .answers = {{200, "the job type", "JobType"}},
       .handler = show_job_type},
      {.method = "GET",
       .path = "/api/v1/tasks",
       .group = "registries",
       .operation = "listTasks",
       .summary = "List task types, by name",
       .parameters = {tags_parameter()},
       .answers = {{200, "all of them, or those with the tags", "TaskTypes"}},
       .handler = list_task_types},
      {.method = "GET",
       .path = "/api/v1/tasks/{name}",
       .group = "registries",
       .operation = "getTask",
       .summary = "Show a task type",
       .answers = {{200, "the task type", "TaskType"}},
       .handler = show_task_type},
  };
}

}  // namespace coremachine::http
