#include "core/runtime/announcement.hpp"

#include <string>

#include <boost/json/parse.hpp>

namespace coremachine::runtime {
namespace {

std::string name_of(const machine::Announce& announce) {
  switch (announce.what.kind) {
    case PublishedKind::job_accepted: return "job.accepted";
    case PublishedKind::job_started: return "job.started";
    case PublishedKind::stage_started: return "stage.started";
    case PublishedKind::progress: return "progress";
    case PublishedKind::task_failed: return "task.failed";
    case PublishedKind::stage_completed: return "stage.completed";
    case PublishedKind::job_ended: return "job." + std::string(to_string(announce.what.status));
  }
  return "?";
}

}  // namespace

JobEvent describe(const machine::Announce& announce) {
  const auto& what = announce.what;
  JobEvent event;
  event.job = announce.job;
  event.sequence = what.sequence;
  event.name = name_of(announce);
  auto& data = event.data;
  data["job_id"] = announce.job.str();
  data["seq"] = what.sequence;
  if (!announce.traceparent.empty()) data["traceparent"] = announce.traceparent;
  switch (what.kind) {
    case PublishedKind::job_accepted:
    case PublishedKind::job_started:
    case PublishedKind::job_ended: data["status"] = to_string(announce.what.status); break;
    case PublishedKind::stage_started:
    case PublishedKind::progress:
    case PublishedKind::stage_completed:
      data["stage"] = what.stage;
      data["round"] = what.round;
      data["tasks"] = to_json(what.counts);
      break;
    case PublishedKind::task_failed:
      data["stage"] = what.stage;
      data["round"] = what.round;
      data["task_index"] = what.index;
      data["task_type"] = what.task_type;
      data["attempt"] = what.attempt;
      if (what.error) data["error"] = json::parse(*what.error);
      break;
  }
  return event;
}

}  // namespace coremachine::runtime
