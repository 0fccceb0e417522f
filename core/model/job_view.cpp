#include "core/model/job_view.hpp"

#include <boost/json/parse.hpp>

namespace coremachine {
namespace {

json::value parsed(const Text& text) {
  json::parse_options options;
  options.max_depth = 1024;
  return json::parse(*text, {}, options);
}

StageView stage_view(const auto& round) {
  StageView view;
  view.stage = round.stage;
  view.round = round.number;
  view.status = round.status;
  view.tasks = round.counts;
  if (round.result) view.result = parsed(round.result);
  view.started_at = round.started_at;
  view.finished_at = round.finished_at;
  return view;
}

}  // namespace

JobView make_view(const Job& job) {
  JobView view;
  view.id = job.id;
  view.type = job.type;
  view.version = job.version;
  view.status = job.status;
  if (job.params) view.params = parsed(job.params).as_object();
  view.stages.reserve(job.closed.size() + 1);
  for (const auto& round : job.closed) view.stages.push_back(stage_view(round));
  if (job.round) view.stages.push_back(stage_view(*job.round));
  if (job.result) view.result = parsed(job.result);
  view.error = job.error;
  view.priority = job.priority;
  view.tags = job.tags;
  view.traceparent = job.traceparent;
  view.attempt = job.attempt;
  view.created_at = job.created_at;
  view.run_at = job.run_at;
  view.started_at = job.started_at;
  view.finished_at = job.finished_at;
  return view;
}

}  // namespace coremachine
