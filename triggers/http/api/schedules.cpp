// Schedules: what is submitted again and again.

#include <algorithm>
#include <utility>

#include "triggers/http/api/api.hpp"
#include "triggers/http/api/bodies.hpp"

namespace coremachine::http {
namespace {

std::string location(const ScheduleView& schedule) {
  return "/api/v1/schedules/" + schedule.id;
}

/// Of a body that is no schedule: what is wrong besides with the job that it names, if that can be read.
void add_faults_of_job(const JobRegistry& jobs, const json::value& body, std::vector<ParamFault>& faults) {
  const auto* schedule = body.if_object();
  const auto* type = schedule ? schedule->if_contains("job_type") : nullptr;
  if (!type || !type->is_string() || type->get_string().empty()) return;
  const auto info = jobs.get_info(std::string_view(type->get_string()));
  if (!info) {
    const auto told = [](const ParamFault& fault) { return fault.pointer == "/job_type"; };
    if (std::none_of(faults.begin(), faults.end(), told)) faults.push_back({"/job_type", info.error().message});
    return;
  }
  const auto* params = schedule->if_contains("params");
  // A firing adds its time to them.
  if (!info->validate_params || schedule->contains("time_param") || (params && !params->is_object())) return;
  for (auto& fault : info->validate_params(params ? params->get_object() : json::object()))
    faults.push_back({"/params" + fault.pointer, std::move(fault.detail)});
}

/// The spec in the body; nothing: the call was refused.
std::optional<ScheduleSpec> spec_of(const Api& api, Call& call, std::string_view id) {
  auto spec = read_schedule(call.body(), id);
  if (spec && call.beyond().empty()) return std::move(*spec);
  auto faults = spec ? std::vector<ParamFault>() : spec.error().faults;
  if (!spec) add_faults_of_job(api.jobs(), call.body(), faults);
  faults = params_faults([&](const json::object&) { return faults; }, {}, call.beyond());
  if (faults.empty()) {
    call.refuse(spec.error());
  } else {
    call.refuse(refused_body(std::move(faults)));
  }
  return std::nullopt;
}

void list(Api& api, std::shared_ptr<Call> call) {
  const auto& parameters = call->parameters();
  ScheduleQuery query;
  query.job_type = parameters.text("type").value_or("");
  query.tags = parameters.words("tags");
  if (parameters.has("paused")) query.paused = parameters.flag("paused");
  query.limit = static_cast<std::size_t>(parameters.integer("limit").value_or(50));
  query.cursor = parameters.text("cursor").value_or("");
  const bool with_params = parameters.names("expand", "params");
  api.ask(
      call, [query](CoreMachine& machine) { return machine.schedules(query); },
      [call, with_params](const SchedulePage& page) { call->send(200, to_json(page, with_params)); });
}

void create(Api& api, std::shared_ptr<Call> call) {
  auto spec = spec_of(api, *call, {});
  if (!spec) return;
  api.ask(
      call, [spec = std::move(*spec)](CoreMachine& machine) { return machine.create_schedule(spec); },
      [call](const ScheduleView& schedule) {
        call->send(201, to_json(schedule), {{"location", location(schedule)}});
      });
}

void put(Api& api, std::shared_ptr<Call> call) {
  const auto& id = call->path("id");
  auto spec = spec_of(api, *call, id);
  if (!spec) return;
  if (!spec->name.empty() && spec->name != id) {
    return call->refuse(refused_body({{"/name", "is not the id in the path, " + id}}));
  }
  api.ask(
      call, [id, spec = std::move(*spec)](CoreMachine& machine) { return machine.put_schedule(id, spec); },
      [call](const SchedulePut& done) {
        call->send(done.created ? 201 : 200, to_json(done.schedule), {{"location", location(done.schedule)}});
      });
}

void show(Api& api, std::shared_ptr<Call> call) {
  const auto next_times = static_cast<std::size_t>(call->parameters().integer("next_times").value_or(5));
  api.ask(
      call, [id = call->path("id"), next_times](CoreMachine& machine) { return machine.schedule(id, next_times); },
      [call](const ScheduleView& schedule) { call->send(200, to_json(schedule)); });
}

void remove(Api& api, std::shared_ptr<Call> call) {
  api.ask(
      call, [id = call->path("id")](CoreMachine& machine) { return machine.remove_schedule(id); },
      [call] {
        call->send(Response{204, {}, {}});
      });
}

template <Result<ScheduleView> (CoreMachine::*act)(std::string_view)>
void control(Api& api, std::shared_ptr<Call> call) {
  api.ask(
      call, [id = call->path("id")](CoreMachine& machine) { return (machine.*act)(id); },
      [call](const ScheduleView& schedule) { call->send(200, to_json(schedule)); });
}

void run(Api& api, std::shared_ptr<Call> call) {
  api.ask(
      call, [id = call->path("id")](CoreMachine& machine) { return machine.run_schedule(id); },
      [call](const ScheduleRun& run) {
        std::vector<Field> fields;
        if (run.job) {
          call->about(run.job->id);
          fields.push_back({"location", "/api/v1/jobs/" + run.job->id.str()});
        }
        call->send(202, to_json(run), std::move(fields));
      });
}

Route verb(std::string_view path, std::string_view operation, std::string_view summary, Handler handler) {
  return {.method = "POST",
          .path = path,
          .role = Role::admin,
          .group = "schedules",
          .operation = operation,
          .summary = summary,
          .answers = {{200, "the schedule as it is now", "Schedule"}},
          .handler = handler};
}

}  // namespace

std::vector<Route> schedule_routes() {
  return {
      {.method = "GET",
       .path = "/api/v1/schedules",
       .group = "schedules",
       .operation = "listSchedules",
       .summary = "List schedules, by id",
       .parameters =
           {{.name = "type", .doc = "of this job type"},
            {.name = "tags", .kind = ParameterKind::words, .doc = "with all of these"},
            {.name = "paused", .kind = ParameterKind::flag, .doc = "only those that are paused, or are not"},
            {.name = "expand", .kind = ParameterKind::choices, .doc = "what items show besides", .choices = {"params"}},
            limit_parameter(),
            cursor_parameter()},
       .answers = {{200, "a page of schedules", "SchedulePage"}},
       .problems = {429},
       .handler = list},
      {.method = "POST",
       .path = "/api/v1/schedules",
       .role = Role::admin,
       .group = "schedules",
       .operation = "createSchedule",
       .summary = "Make a schedule",
       .body = "ScheduleSpec",
       .answers = {{201, "the schedule", "Schedule", "application/json", {"Location"}}},
       .problems = {409},
       .handler = create},
      {.method = "GET",
       .path = "/api/v1/schedules/{id}",
       .group = "schedules",
       .operation = "getSchedule",
       .summary = "Show a schedule, with its next times",
       .parameters = {{.name = "next_times",
                       .kind = ParameterKind::integer,
                       .doc = "how many",
                       .low = 0,
                       .high = static_cast<std::int64_t>(ScheduleQuery::most_next_times),
                       .initial = "5"}},
       .answers = {{200, "the schedule", "Schedule"}},
       .handler = show},
      {.method = "PUT",
       .path = "/api/v1/schedules/{id}",
       .role = Role::admin,
       .group = "schedules",
       .operation = "putSchedule",
       .summary = "Make a schedule, or change it",
       .body = "ScheduleSpec",
       .answers = {{200, "it was changed", "Schedule", "application/json", {"Location"}},
                   {201, "it was made", "Schedule", "application/json", {"Location"}}},
       .handler = put},
      {.method = "DELETE",
       .path = "/api/v1/schedules/{id}",
       .role = Role::admin,
       .group = "schedules",
       .operation = "deleteSchedule",
       .summary = "Forget a schedule; its jobs go on",
       .answers = {{204, "it is gone"}},
       .handler = remove},
      verb("/api/v1/schedules/{id}/$pause", "pauseSchedule", "Fire no more until it is resumed",
           control<&CoreMachine::pause_schedule>),
      verb("/api/v1/schedules/{id}/$resume", "resumeSchedule", "Fire again; what was missed is not made up for",
           control<&CoreMachine::resume_schedule>),
      {.method = "POST",
       .path = "/api/v1/schedules/{id}/$run",
       .role = Role::submit,
       .group = "schedules",
       .operation = "runSchedule",
       .summary = "Fire now, also while it is paused; 409 if its overlap policy leaves that out",
       .answers = {{202,
                    "the job, or that the firing waits for one that runs",
                    "ScheduleRun",
                    "application/json",
                    {"Location"}}},
       .problems = {409},
       .handler = run},
  };
}

}  // namespace coremachine::http
