// One task by itself: a job of the type execute_task.

#include <utility>

#include <coremachine/params/faults.hpp>
#include <coremachine/registry/artifacts.hpp>

#include "jobs/execute_task.hpp"
#include "triggers/http/api/bodies.hpp"
#include "triggers/http/api/job_calls.hpp"

namespace coremachine::http {
namespace {

const json::value* member(const json::value& value, std::string_view name) {
  const auto* object = value.if_object();
  return object ? object->if_contains(name) : nullptr;
}

/// `{type, message}` as the task raised it; of what else ended the job, its code and message.
json::value error_of(Api& api, const JobView& job) {
  if (!job.error) return nullptr;
  json::object error{{"type", to_string(job.error->code)}, {"message", job.error->message}};
  if (job.error->code != ErrorCode::task_failed || api.closed()) return error;
  const auto events = api.machine().events(job.id);
  if (!events) return error;
  for (const auto& event : *events) {
    const auto* raised = event.name == "task.failed" ? event.data.if_contains("error") : nullptr;
    if (raised && member(*raised, "type") && member(*raised, "message")) error = raised->get_object();
  }
  return error;
}

/// What the job was given, which is larger than what its submitter gave, and may be large for that alone.
Result<json::value> params_of(Api& api, const JobView& job) {
  json::value params(job.params);
  return parse_automatic_reference(params) ? api.machine().artifact_value(params) : Result<json::value>(params);
}

/// What the task returned: a reference if that is large, and not for what the job adds to it.
Result<json::value> result_of(Api& api, const JobView& job) {
  if (!job.result) return json::value();
  if (!parse_automatic_reference(*job.result)) return *member(*job.result, "result");
  TaskQuery query;
  query.results = true;
  const auto tasks = api.machine().tasks(job.id, query);
  if (!tasks) return tasks.error();
  return tasks->items.empty() ? json::value() : tasks->items.front().result.value_or(nullptr);
}

Result<json::object> execution(Api& api, const JobView& job) {
  const auto given = params_of(api, job);
  if (!given) return given.error();
  auto result = result_of(api, job);
  if (!result) return result.error();
  const auto* params = member(*given, "params");
  json::object out;
  out["job_id"] = job.id.str();
  out["task_name"] = *member(*given, "task_name");
  out["status"] = to_string(job.status);
  out["params"] = params ? *params : json::object();
  out["result"] = std::move(*result);
  out["error"] = error_of(api, job);
  return out;
}

/// All that is wrong with the body, and with the params in it.
std::vector<ParamFault> faults_of(const TaskInfo& task, const Call& call) {
  const auto of_all = [&](const json::object& body) {
    auto faults = params::validator<ExecuteBody>()(body);
    const auto* params = body.if_contains("params");
    if (!task.validate_params || (params && !params->is_object())) return faults;
    for (auto& fault : task.validate_params(params ? params->get_object() : json::object())) {
      faults.push_back({"/params" + fault.pointer, std::move(fault.detail)});
    }
    return faults;
  };
  return params_faults(of_all, call.body().get_object(), call.beyond());
}

void execute(Api& api, std::shared_ptr<Call> call) {
  auto options = submit_options(*call);
  if (!options) return;
  const auto& name = call->path("name");
  const auto task = api.tasks().get_info(name);
  if (!task) return call->refuse(task.error());
  if (!task->enabled) {
    return call->refuse(Error{ErrorCode::wrong_state, "task \"" + name + "\" is disabled"});
  }
  if (auto faults = faults_of(*task, *call); !faults.empty()) {
    return call->refuse(params::invalid_params(std::move(faults)));
  }
  auto body = params::parse<ExecuteBody>(call->body().get_object());
  json::object params{{"task_name", name}};
  params["params"] = std::move(body->params);
  submit_and_show(
      api, call, std::string(builtin::execute_task), std::move(params), std::move(*options),
      [&api](Call& to, const ToldJob& job, bool over, bool existing) {
        auto shown = execution(api, job.view());
        if (!shown) return to.refuse(shown.error());
        if (existing) (*shown)["deduplicated"] = true;
        to.send((to.wait() ? over : existing) ? 200 : 202, *shown, {{"location", "/api/v1/jobs/" + job.id().str()}});
      },
      Showing::values);
}

}  // namespace

std::vector<Route> execute_routes() {
  auto parameters = submit_parameters();
  parameters.push_back(wait_parameter("reply when the task is done, or after this time; at most 60s count"));
  return {{.method = "POST",
           .path = "/api/v1/tasks/{name}/$execute",
           .role = Role::submit,
           .group = "registries",
           .operation = "executeTask",
           .summary = "Run one task by itself, as a job; 409 if the task type is disabled",
           .parameters = std::move(parameters),
           .body = "Execute",
           .answers = {{200, "it is over, or it was there before", "Execution", "application/json", {"Location"}},
                       {202, "accepted", "Execution", "application/json", {"Location"}}},
           .problems = {409, 429},
           .handler = execute}};
}

}  // namespace coremachine::http
