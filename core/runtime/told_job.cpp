#include <coremachine/runtime/told_job.hpp>

#include <utility>

#include <coremachine/model/artifact.hpp>

#include "core/model/job_view.hpp"

namespace coremachine {

ToldJob::ToldJob(std::shared_ptr<const Job> job) : job_(std::move(job)) {}

const JobId& ToldJob::id() const {
  return job_->id;
}

JobStatus ToldJob::status() const {
  return job_->status;
}

bool ToldJob::has_error() const {
  return job_->error.has_value();
}

bool ToldJob::names_artifacts() const {
  const auto may_name = [](const Text& text) { return text && !find_references(*text).empty(); };
  return may_name(job_->params) || may_name(job_->result);
}

JobView ToldJob::view() const {
  return make_view(*job_);
}

std::string ToldJob::text() const {
  std::string text;
  text.reserve(text_size());
  append_json(text, *job_);
  return text;
}

std::size_t ToldJob::text_size() const {
  constexpr std::size_t of_job = 512, of_round = 384;
  const auto size_of = [](const Text& text) { return text ? text->size() : 0; };
  auto size = of_job + size_of(job_->params) + size_of(job_->result);
  for (const auto& round : job_->closed) size += of_round + size_of(round.result);
  if (job_->round) size += of_round + size_of(job_->round->result);
  if (job_->error) size += job_->error->message.size();
  return size;
}

}  // namespace coremachine
