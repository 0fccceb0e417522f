#include "core/model/job_view.hpp"

#include "core/model/json_text.hpp"

namespace coremachine {
namespace {

/// Without its result.
StageView stage_outline(const auto& round) {
  StageView view;
  view.stage = round.stage;
  view.round = round.number;
  view.status = round.status;
  view.tasks = round.counts;
  view.started_at = round.started_at;
  view.finished_at = round.finished_at;
  return view;
}

}  // namespace

JobView outline_of(const Job& job) {
  JobView view;
  view.id = job.id;
  view.type = job.type;
  view.version = job.version;
  view.status = job.status;
  view.stages.reserve(job.closed.size() + 1);
  for (const auto& round : job.closed) view.stages.push_back(stage_outline(round));
  if (job.round) view.stages.push_back(stage_outline(*job.round));
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

ValueTexts texts_of(const Job& job) {
  ValueTexts texts{job.params.get(), job.result.get(), {}};
  texts.stage_results.reserve(job.closed.size() + 1);
  for (const auto& round : job.closed) texts.stage_results.push_back(round.result.get());
  if (job.round) texts.stage_results.push_back(job.round->result.get());
  return texts;
}

JobView make_view(const Job& job) {
  auto view = outline_of(job);
  const auto texts = texts_of(job);
  if (texts.params) view.params = parse_stored(*texts.params).as_object();
  if (texts.result) view.result = parse_stored(*texts.result);
  for (std::size_t i = 0; i < view.stages.size(); ++i) {
    if (texts.stage_results[i]) view.stages[i].result = parse_stored(*texts.stage_results[i]);
  }
  return view;
}

}  // namespace coremachine
