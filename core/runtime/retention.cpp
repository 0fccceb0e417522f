#include "core/runtime/retention.hpp"

namespace coremachine::runtime {
namespace {

constexpr std::size_t slice_jobs = 500;

}  // namespace

Retention::Slice Retention::next(const Store& store, Timestamp now) {
  Slice slice;
  const auto page = store.read_ended(after_, slice_jobs);
  for (const auto& job : page) {
    const auto age = ages_.find(job.status);
    if (age != ages_.end() && job.finished_at + age->second <= now) slice.due.push_back(job.id);
  }
  slice.round_ended = page.size() < slice_jobs;
  after_ = slice.round_ended ? std::nullopt : std::optional(page.back().id);
  return slice;
}

}  // namespace coremachine::runtime
