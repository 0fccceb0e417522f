#include "core/machine/backlog.hpp"

#include <algorithm>

namespace coremachine::machine {
namespace {

/// The earliest time since which a task of this queue has waited; it is not empty. Tasks are queued in the order in
/// which they may run, so the first ones are enough.
Timestamp oldest_in(const Round& round, const ReadyQueue& queue) {
  auto oldest = Timestamp::max();
  if (!queue.chunks.empty()) oldest = round.chunks[queue.chunks.front()].offered_at;
  if (!queue.tasks.empty()) oldest = std::min(oldest, queue.tasks.front().since);
  return oldest;
}

bool takes_part(const Job& job) {
  if (job.status != JobStatus::running && job.status != JobStatus::queued) return false;
  return job.round && job.round->phase == RoundPhase::open && !job.round->ready.empty();
}

}  // namespace

void Backlog::set(Share::Part& part, const Job& job, std::size_t spec, std::uint64_t count) {
  part.type->depth += count - part.count;
  if (part.count == 0) {
    const auto since = oldest_in(*job.round, job.round->ready[spec]);
    part.place = part.type->jobs.insert(part.type->jobs.end(), Waiting{&job, spec, since});
  } else if (count == 0) {
    part.type->jobs.erase(part.place);
  }
  part.count = count;
}

void Backlog::update(const Job& job, Share& share) {
  if (!takes_part(job)) {
    if (!share.parts.empty()) take_out(share);
    return;
  }
  const auto& round = *job.round;
  if (share.round != round.number) take_out(share);
  if (round.ready_count == 0 && share.parts.empty()) return;
  share.round = round.number;
  share.parts.resize(round.ready.size());
  for (std::size_t spec = 0; spec < round.ready.size(); ++spec) {
    auto& part = share.parts[spec];
    const auto count = round.ready[spec].count;
    if (part.count == count) continue;
    if (!part.type) part.type = &types_[round.specs[spec].task_type];
    set(part, job, spec, count);
  }
}

void Backlog::take_out(Share& share) {
  for (auto& part : share.parts) {
    if (part.count == 0) continue;
    part.type->depth -= part.count;
    part.type->jobs.erase(part.place);
  }
  share.parts.clear();
}

std::map<std::string, Backlog::Depth> Backlog::depths() const {
  std::map<std::string, Depth> depths;
  for (const auto& [name, type] : types_) {
    if (type.depth == 0) continue;
    auto& depth = depths[name];
    depth.tasks = type.depth;
    auto oldest = Timestamp::max();
    // A job's own tasks only become younger while it waits, and later jobs came later: most of the time the first few
    // decide.
    for (const auto& waiting : type.jobs) {
      if (waiting.since >= oldest) break;
      const auto& round = *waiting.job->round;
      oldest = std::min(oldest, oldest_in(round, round.ready[waiting.spec]));
    }
    depth.oldest = oldest;
  }
  return depths;
}

}  // namespace coremachine::machine
