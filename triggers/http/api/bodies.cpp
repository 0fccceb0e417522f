#include "triggers/http/api/bodies.hpp"

#include <algorithm>

#include <boost/json/array.hpp>

#include <coremachine/params/faults.hpp>
#include <coremachine/runtime/queries.hpp>

#include "core/schedule/schedule_codec.hpp"

namespace coremachine::http {
namespace {

bool is_time(const std::string& text) {
  return schedule::parse_rfc3339(text).has_value();
}

constexpr auto time_in_words = "a time as 2026-01-31T12:00:00Z";

json::object status_schema() {
  json::array names;
  for (const auto status : all_job_statuses) names.emplace_back(to_string(status));
  json::object one{{"type", "string"}};
  one["enum"] = names;
  json::object some{{"type", "array"}};
  some["items"] = one;
  json::array forms;
  forms.push_back(one);
  forms.push_back(some);
  forms.push_back(json::object{{"type", "null"}});
  return {{"oneOf", std::move(forms)}};
}

}  // namespace

void SignalBody::rules(params::Fields<SignalBody>& fields) {
  fields.doc("What opens a gate");
  fields[&SignalBody::name]
      .doc("which gate")
      .max_length(128)
      .check([](const std::string& name) { return is_valid_name(name); }, std::string(name_rule));
  fields[&SignalBody::data].doc("what the job gets to see of it: any JSON").by_default();
}

void ExecuteBody::rules(params::Fields<ExecuteBody>& fields) {
  fields.doc("How a task is called");
  fields[&ExecuteBody::params].doc("the params of the task").by_default();
}

void BulkFilterBody::rules(params::Fields<BulkFilterBody>& fields) {
  using B = BulkFilterBody;
  fields.doc("Which jobs: those of which all that is said here is true");
  fields.by_default();
  fields[&B::status]
      .doc("one status, or several of which one is enough")
      .check([](const json::value& value) { return value.is_null() || statuses_from(value); },
             "the status of a job, or an array of such")
      .schema(status_schema());
  fields[&B::type].doc("the job type").min_length(1);
  fields[&B::tags].doc("the job has all of them");
  fields[&B::q]
      .doc("this is part of the id, the type, a tag or the text of the error")
      .min_length(1)
      .max_length(max_search_bytes);
  fields[&B::since].doc("created then or later").check(is_time, time_in_words).schema({{"format", "date-time"}});
  fields[&B::until].doc("created before").check(is_time, time_in_words).schema({{"format", "date-time"}});
  fields.check([](const B& filter) -> std::optional<std::string> {
    const bool some =
        !filter.status.is_null() || filter.type || !filter.tags.empty() || filter.q || filter.since || filter.until;
    if (some) return std::nullopt;
    return "is empty, should say at least one of status, type, tags, q, since and until";
  });
}

void BulkBody::rules(params::Fields<BulkBody>& fields) {
  fields.doc("What is done to many jobs");
  fields[&BulkBody::filter];
  fields[&BulkBody::dry_run].doc("only count them").by_default();
}

void LimitBody::rules(params::Fields<LimitBody>& fields) {
  using B = LimitBody;
  fields.doc("How many tasks of a type run; 0 is no limit");
  fields.by_default();
  fields[&B::max_concurrency].doc("that run at a time, of all jobs");
  fields[&B::rate].doc("that begin in a second").range(0, 1e9);
  fields[&B::burst].doc("that may begin at once after a quiet time; 0: a tenth of a second's worth");
  fields[&B::paused].doc("none starts");
}

void LimitOfPathBody::rules(params::Fields<LimitOfPathBody>& fields) {
  fields.doc("The limit of the task type in the path");
  fields[&LimitOfPathBody::task_type].doc("the same again, as GET shows it");
}

void LimitsBody::rules(params::Fields<LimitsBody>& fields) {
  fields.doc("Limits of several task types");
  fields[&LimitsBody::items].doc("the limits; others stay as they are").required();
  fields[&LimitsBody::next_cursor].doc("as GET shows it; not read").by_default();
}

void NamedLimitBody::rules(params::Fields<NamedLimitBody>& fields) {
  fields.doc("The limit of one task type");
  fields[&NamedLimitBody::task_type].doc("whose limit it is").required();
}

std::optional<std::vector<JobStatus>> statuses_from(const json::value& value) {
  std::vector<JobStatus> statuses;
  const auto add = [&](const json::value& one) {
    const auto status = one.is_string() ? job_status_from(one.get_string()) : std::nullopt;
    if (status) statuses.push_back(*status);
    return status.has_value();
  };
  if (const auto* array = value.if_array()) {
    if (array->empty() || !std::all_of(array->begin(), array->end(), add)) return std::nullopt;
  } else if (!add(value)) {
    return std::nullopt;
  }
  return statuses;
}

std::vector<ParamFault> params_faults(const std::function<std::vector<ParamFault>(const json::object&)>& validate,
                                      const json::object& params, const std::vector<ParamFault>& beyond) {
  auto faults = validate ? validate(params) : std::vector<ParamFault>();
  for (const auto& fault : beyond) {
    const auto is_it = [&](const ParamFault& known) { return known.pointer == fault.pointer; };
    if (std::none_of(faults.begin(), faults.end(), is_it)) faults.push_back(fault);
  }
  return faults;
}

Problem refused_body(std::vector<ParamFault> faults) {
  auto problem = problem_of(422, "the body does not fit: " + faults.front().pointer + " " + faults.front().detail);
  if (faults.size() > 1) problem.detail += ", and " + std::to_string(faults.size() - 1) + " more";
  problem.code = to_string(ErrorCode::invalid_params);
  problem.faults = std::move(faults);
  return problem;
}

}  // namespace coremachine::http
