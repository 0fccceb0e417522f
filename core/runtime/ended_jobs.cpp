#include "core/runtime/ended_jobs.hpp"

#include <utility>

namespace coremachine::runtime {

void EndedJobs::turn_off() {
  const std::lock_guard lock(mutex_);
  off_ = true;
  young_.clear();
  old_.clear();
}

EndedJobs::SharedText EndedJobs::find(JobId job) {
  const std::lock_guard lock(mutex_);
  if (const auto at = young_.find(job); at != young_.end()) return at->second;
  const auto at = old_.find(job);
  if (at == old_.end()) return nullptr;
  auto text = std::move(at->second);
  old_.erase(at);
  put(job, text);
  return text;
}

std::uint64_t EndedJobs::commits() const {
  const std::lock_guard lock(mutex_);
  return commits_;
}

void EndedJobs::keep(JobId job, SharedText text, std::uint64_t commits) {
  if (text->size() > longest_text) return;
  const std::lock_guard lock(mutex_);
  if (!off_ && commits == commits_) put(job, std::move(text));
}

void EndedJobs::put(JobId job, SharedText text) {
  const auto bytes = text->size() + bytes_of_entry;
  if (young_bytes_ + bytes > most_bytes_ / 2) {
    old_ = std::exchange(young_, {});
    young_bytes_ = 0;
  }
  if (young_.insert_or_assign(job, std::move(text)).second) young_bytes_ += bytes;
}

void EndedJobs::note_commit(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  ++commits_;
  if (young_.empty() && old_.empty()) return;
  const auto forget = [&](JobId job) {
    young_.erase(job);
    old_.erase(job);
  };
  for (const auto& row : batch.jobs) forget(row.id);
  for (const auto job : batch.deletes) forget(job);
}

}  // namespace coremachine::runtime
