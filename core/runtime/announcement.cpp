#include "core/runtime/announcement.hpp"

#include <string>

#include <coremachine/model/view.hpp>

#include "core/model/value_parser.hpp"

namespace coremachine::runtime {
namespace {

std::string name_of(const Publish& what) {
  switch (what.kind) {
    case PublishedKind::job_accepted: return "job.accepted";
    case PublishedKind::job_started: return "job.started";
    case PublishedKind::stage_started: return "stage.started";
    case PublishedKind::progress: return "progress";
    case PublishedKind::task_failed: return "task.failed";
    case PublishedKind::stage_completed: return "stage.completed";
    case PublishedKind::job_ended: return "job." + std::string(to_string(what.status));
  }
  return "?";
}

void add_job(json::object& data, const Publish& what) {
  data["status"] = to_string(what.status);
  data["attempt"] = what.attempt;
}

void add_stage(json::object& data, const Publish& what) {
  data["stage"] = what.stage;
  data["round"] = what.round;
}

void add_task(json::object& data, const Publish& what) {
  add_stage(data, what);
  data["task_index"] = what.index;
  data["task_type"] = what.task_type;
  data["status"] = to_string(what.dead ? TaskStatus::dead : TaskStatus::failed);
  data["attempt"] = what.attempt;
  if (!what.error) return;
  boost::system::error_code bad;
  data["error"] = parse_value(*what.error, bad);
}

}  // namespace

JobEvent describe(JobId job, const Publish& what, std::string_view traceparent) {
  JobEvent event;
  event.job = job;
  event.sequence = what.sequence;
  event.name = name_of(what);
  auto& data = event.data;
  data["job_id"] = job.str();
  data["seq"] = what.sequence;
  if (!traceparent.empty()) data["traceparent"] = traceparent;
  data["at"] = to_rfc3339(what.at);
  switch (what.kind) {
    case PublishedKind::job_accepted:
    case PublishedKind::job_started: add_job(data, what); break;
    case PublishedKind::job_ended:
      add_job(data, what);
      data["error"] = what.cause ? json::value(to_json(*what.cause)) : json::value(nullptr);
      break;
    case PublishedKind::stage_completed:
      add_stage(data, what);
      data["status"] = to_string(what.stage_status);
      data["tasks"] = to_json(what.counts);
      break;
    case PublishedKind::stage_started:
    case PublishedKind::progress:
      add_stage(data, what);
      data["tasks"] = to_json(what.counts);
      break;
    case PublishedKind::task_failed: add_task(data, what); break;
  }
  return event;
}

}  // namespace coremachine::runtime
