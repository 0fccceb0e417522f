// Reads of jobs: lists, tasks, what it waits for, the heat map.

#include <utility>

#include <boost/json/array.hpp>

#include "triggers/http/api/api.hpp"

namespace coremachine::http {
namespace {

template <class Status, std::size_t size>
std::vector<std::string_view> names_of(const std::array<Status, size>& statuses) {
  std::vector<std::string_view> names;
  for (const auto status : statuses) names.push_back(to_string(status));
  return names;
}

std::size_t limit_of(const Call& call) {
  return static_cast<std::size_t>(call.parameters().integer("limit").value_or(50));
}

/// What `read` returns as JSON; or what it did return a moment ago, for those whom that serves.
template <class Read>
void answer(Api& api, const std::shared_ptr<Call>& call, Read read) {
  const auto send = [call](const json::object& body) { call->send(200, body); };
  const auto max_age = call->parameters().duration("max_age");
  if (!max_age) return api.ask(call, std::move(read), send);
  api.shared().answer(call, *max_age, [&api, read = std::move(read)] { return read(api.machine()); });
}

void list_jobs(Api& api, std::shared_ptr<Call> call) {
  const auto& parameters = call->parameters();
  JobQuery query;
  for (const auto& word : parameters.words("status")) query.statuses.push_back(*job_status_from(word));
  query.type = parameters.text("type").value_or("");
  query.tags = parameters.words("tags");
  query.search = parameters.text("q").value_or("");
  query.since = parameters.time("since");
  query.until = parameters.time("until");
  query.limit = limit_of(*call);
  query.cursor = parameters.text("cursor").value_or("");
  query.params = parameters.names("expand", "params");
  query.results = parameters.names("expand", "result");
  answer(api, call, [query](CoreMachine& machine) -> Result<json::object> {
    const auto page = machine.jobs(query);
    if (!page) return page.error();
    return to_json(*page, query);
  });
}

void list_tasks(Api& api, std::shared_ptr<Call> call) {
  const auto id = api.job_id(call);
  if (!id) return;
  const auto& parameters = call->parameters();
  TaskQuery query;
  if (const auto stage = parameters.integer("stage")) query.stage = static_cast<int>(*stage);
  if (const auto round = parameters.integer("round")) query.round = static_cast<std::uint32_t>(*round);
  for (const auto& word : parameters.words("status")) query.statuses.push_back(*task_status_from(word));
  query.first = static_cast<std::uint64_t>(parameters.integer("first").value_or(0));
  query.limit = limit_of(*call);
  query.cursor = parameters.text("cursor").value_or("");
  query.params = parameters.names("expand", "params");
  query.results = parameters.names("expand", "result");
  answer(api, call, [id = *id, query](CoreMachine& machine) -> Result<json::object> {
    const auto page = machine.tasks(id, query);
    if (!page) return page.error();
    return to_json(*page);
  });
}

struct Explained {
  JobStatus status = JobStatus::queued;
  std::vector<Reason> reasons;
};

void explain(Api& api, std::shared_ptr<Call> call) {
  const auto id = api.job_id(call);
  if (!id) return;
  const auto ask = [id = *id](CoreMachine& machine) -> Result<Explained> {
    auto reasons = machine.explain(id);
    if (!reasons) return reasons.error();
    const auto job = machine.job(id);
    if (!job) return job.error();
    // It may have ended in between.
    return Explained{job->status, is_terminal(job->status) ? std::vector<Reason>() : std::move(*reasons)};
  };
  api.ask(call, ask, [call, id = *id](const Explained& explained) {
    json::array reasons;
    for (const auto& reason : explained.reasons) reasons.push_back(to_json(reason));
    json::object body{{"job_id", id.str()}, {"status", to_string(explained.status)}};
    body["reasons"] = std::move(reasons);
    call->send(200, body);
  });
}

void heat_map(Api& api, std::shared_ptr<Call> call) {
  const auto id = api.job_id(call);
  if (!id) return;
  const auto& parameters = call->parameters();
  HeatQuery query;
  if (const auto stage = parameters.integer("stage")) query.stage = static_cast<int>(*stage);
  if (const auto round = parameters.integer("round")) query.round = static_cast<std::uint32_t>(*round);
  if (const auto cells = parameters.integer("cells")) query.cells = static_cast<std::size_t>(*cells);
  query.first = static_cast<std::uint64_t>(parameters.integer("first").value_or(0));
  if (const auto count = parameters.integer("count")) query.count = static_cast<std::uint64_t>(*count);
  answer(api, call, [id = *id, query](CoreMachine& machine) -> Result<json::object> {
    const auto map = machine.heat_map(id, query);
    if (!map) return map.error();
    return to_json(*map);
  });
}

Parameter stage_parameter() {
  return {.name = "stage",
          .kind = ParameterKind::integer,
          .doc = "of this stage, in its latest round",
          .low = 1,
          .high = INT32_MAX,
          .initial = "the current or last one"};
}

Parameter round_parameter() {
  return {.name = "round", .kind = ParameterKind::integer, .doc = "of this round", .low = 1, .high = UINT32_MAX};
}

Parameter max_age_parameter() {
  return {.name = "max_age",
          .kind = ParameterKind::duration,
          .doc = "an answer of this age will do: those who ask the same share it"};
}

Parameter first_parameter() {
  return {.name = "first",
          .kind = ParameterKind::integer,
          .doc = "from the task of this index on",
          .low = 0,
          .initial = "0"};
}

Route list_route() {
  return {.method = "GET",
          .path = "/api/v1/jobs",
          .group = "jobs",
          .operation = "listJobs",
          .summary = "List jobs, newest first",
          .parameters = {{.name = "status",
                          .kind = ParameterKind::choices,
                          .doc = "in one of these",
                          .choices = names_of(all_job_statuses)},
                         {.name = "type", .doc = "of this job type"},
                         {.name = "tags", .kind = ParameterKind::words, .doc = "with all of these"},
                         {.name = "q", .doc = "this is part of the id, the type, a tag or the text of the error"},
                         {.name = "since", .kind = ParameterKind::time, .doc = "created then or later"},
                         {.name = "until", .kind = ParameterKind::time, .doc = "created before"},
                         expand_parameter(),
                         limit_parameter(),
                         cursor_parameter(),
                         max_age_parameter()},
          .answers = {{200, "a page of jobs", "JobPage"}},
          .problems = {429},
          .handler = list_jobs};
}

Route tasks_route() {
  return {.method = "GET",
          .path = "/api/v1/jobs/{id}/tasks",
          .group = "jobs",
          .operation = "listJobTasks",
          .summary = "List tasks of one round of a job, by index",
          .parameters = {stage_parameter(),
                         round_parameter(),
                         first_parameter(),
                         {.name = "status",
                          .kind = ParameterKind::choices,
                          .doc = "in one of these",
                          .choices = names_of(all_task_statuses)},
                         expand_parameter(),
                         limit_parameter(),
                         cursor_parameter(),
                         max_age_parameter()},
          .answers = {{200, "a page of tasks", "TaskPage"}},
          .problems = {429},
          .handler = list_tasks};
}

}  // namespace

std::vector<Route> job_view_routes() {
  return {
      list_route(),
      tasks_route(),
      {.method = "GET",
       .path = "/api/v1/jobs/{id}/explain",
       .group = "jobs",
       .operation = "explainJob",
       .summary = "Why a job is not finished",
       .answers = {{200, "what it waits for; nothing if it is over", "Explanation"}},
       .problems = {429},
       .handler = explain},
      {.method = "GET",
       .path = "/api/v1/jobs/{id}/heatmap",
       .group = "jobs",
       .operation = "getJobHeatmap",
       .summary = "A stage of any size at a glance",
       .parameters =
           {stage_parameter(),
            round_parameter(),
            first_parameter(),
            {.name = "count", .kind = ParameterKind::integer, .doc = "of so many tasks", .low = 1, .initial = "all"},
            {.name = "cells",
             .kind = ParameterKind::integer,
             .doc = "how many at most",
             .low = 1,
             .high = static_cast<std::int64_t>(max_heat_cells),
             .initial = "1024"},
            max_age_parameter()},
       .answers = {{200, "ranges of indexes, with counts by status", "HeatMap"}},
       .problems = {429},
       .handler = heat_map},
  };
}

}  // namespace coremachine::http
