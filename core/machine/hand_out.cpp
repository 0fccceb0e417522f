#include <algorithm>
#include <utility>

#include "core/machine/stepper.hpp"

namespace coremachine::machine {

void offer_tasks(Job& job, const OfferTasks& offer, Timestamp now) {
  if (!job.round || job.round->number != offer.round || job.round->phase != RoundPhase::open) return;
  auto& round = *job.round;
  for (auto number = offer.from; number < offer.to; ++number) {
    auto& chunk = round.chunks[number];
    if (chunk.offered) continue;
    chunk.offered = true;
    chunk.offered_at = now;
    const bool untouched = chunk.specs.empty() && chunk.notes.empty() && chunk.finished_count == 0;
    if (untouched) {
      auto& queue = round.ready[chunk.spec];
      queue.chunks.push_back(number);
      queue.count += chunk.count;
      round.ready_count += chunk.count;
      continue;
    }
    ensure_notes(chunk);
    chunk.fresh = chunk.count;
    for (ChunkOffset offset = 0; offset < chunk.count; ++offset) {
      if (chunk.notes[offset].state == TaskNote::State::waiting) make_ready(round, chunk.first + offset, now);
    }
  }
}

bool has_ready_tasks(const Job& job) {
  if (job.status != JobStatus::running && job.status != JobStatus::queued) return false;
  if (!job.round || job.round->phase != RoundPhase::open || job.round->ready_count == 0) return false;
  const auto limit = job.round->policy.max_concurrency;
  return limit == 0 || job.round->counts.running < limit;
}

void work_began(Job& job, const Now& now, Effects& out) {
  const bool first = !job.started_at;
  if (!first && job.status != JobStatus::queued) return;
  if (job.status == JobStatus::queued) job.status = JobStatus::running;
  out.write(SaveJob{});
  if (!first) return;
  job.started_at = now.time;
  out.after_commit(make_publish(job, PublishedKind::job_started, now));
}

namespace {

void begin_slice(Slice& slice, const Job& job, const Chunk& chunk, const Now& now) {
  slice.job = job.id;
  slice.round = job.round->number;
  slice.defined_in = job.round->defined_in();
  slice.stage = job.round->stage;
  slice.chunk = static_cast<ChunkNumber>(chunk.first / chunk_size);
  slice.incarnation = now.incarnation;
}

std::uint32_t start_attempt(Chunk& chunk, ChunkOffset offset) {
  auto& note = chunk.notes[offset];
  note.state = TaskNote::State::running;
  return ++note.attempt;
}

void count_as_running(Job& job, std::uint32_t count, const Now& now, Effects& out) {
  auto& round = *job.round;
  round.ready_count -= count;
  round.counts.queued -= count;
  round.counts.running += count;
  if (wants_more_tasks(job)) call_handler(job, BoundaryKind::pull, round.stage, round.number, out);
  work_began(job, now, out);
}

/// What earlier attempts of the slice's tasks had come to.
void add_progress(Slice& slice, const Round& round, const Chunk& chunk) {
  if (round.progress.empty()) return;
  for (const auto offset : slice.offsets) {
    const auto found = round.progress.find(chunk.first + offset);
    if (found != round.progress.end()) slice.progress.emplace_back(offset, found->second);
  }
}

Slice take_returned(Job& job, ReadyQueue& queue, std::uint32_t max, const Now& now) {
  auto& round = *job.round;
  auto& chunk = chunk_of(round, queue.tasks.front().index);
  Slice slice;
  begin_slice(slice, job, chunk, now);
  slice.offered_at = queue.tasks.front().since;
  const auto crowd = crowd_of(round, queue.tasks.front().index);
  while (slice.count < max && !queue.tasks.empty() && &chunk_of(round, queue.tasks.front().index) == &chunk) {
    const auto offset = static_cast<ChunkOffset>(queue.tasks.front().index - chunk.first);
    if (crowd_of(round, queue.tasks.front().index) != crowd) break;
    queue.tasks.pop_front();
    slice.offsets.push_back(offset);
    slice.attempts.push_back(start_attempt(chunk, offset));
    ++slice.count;
  }
  queue.count -= slice.count;
  slice.first = slice.offsets.front();
  add_progress(slice, round, chunk);
  return slice;
}

Slice take_fresh(Job& job, ReadyQueue& queue, std::uint32_t max, const Now& now) {
  auto& chunk = job.round->chunks[queue.chunks.front()];
  Slice slice;
  begin_slice(slice, job, chunk, now);
  slice.first = chunk.fresh;
  slice.count = std::min(max, chunk.count - chunk.fresh);
  slice.offered_at = chunk.offered_at;
  chunk.fresh += slice.count;
  queue.count -= slice.count;
  if (!chunk.notes.empty()) {
    for (std::uint32_t i = 0; i < slice.count; ++i) start_attempt(chunk, slice.first + i);
  }
  if (chunk.fresh == chunk.count) queue.chunks.pop_front();
  return slice;
}

}  // namespace

std::optional<std::pair<SpecNumber, Slice>> detail::hand_out(Job& job, const Now& now, MostOf most, const void* context,
                                                             Effects& out) {
  if (!has_ready_tasks(job)) return std::nullopt;
  auto& round = *job.round;
  const auto specs = static_cast<std::uint32_t>(round.ready.size());
  for (std::uint32_t i = 0; i < specs; ++i) {
    const auto spec = static_cast<SpecNumber>((round.next_spec + i) % specs);
    auto& queue = round.ready[spec];
    auto max = queue.empty() ? 0 : most(context, spec);
    if (max == 0) continue;
    const auto limit = round.policy.max_concurrency;
    if (limit != 0) max = std::min(max, limit - static_cast<std::uint32_t>(round.counts.running));
    round.next_spec = (spec + 1U) % specs;
    auto slice = queue.tasks.empty() ? take_fresh(job, queue, max, now) : take_returned(job, queue, max, now);
    count_as_running(job, slice.count, now, out);
    return std::pair{spec, std::move(slice)};
  }
  return std::nullopt;
}

std::optional<std::pair<SpecNumber, Slice>> hand_out_one(Job& job, TaskIndex index, const Now& now, Effects& out) {
  if (!has_ready_tasks(job) || index >= job.round->counts.total) return std::nullopt;
  auto& chunk = chunk_of(*job.round, index);
  const auto offset = static_cast<ChunkOffset>(index - chunk.first);
  const auto spec = chunk.spec_of(offset);
  auto& queue = job.round->ready[spec];
  const auto single = std::find_if(queue.tasks.begin(), queue.tasks.end(),
                                   [&](const ReadyTask& ready) { return ready.index == index; });
  auto since = chunk.offered_at;
  if (single != queue.tasks.end()) {
    since = single->since;
    queue.tasks.erase(single);
  } else {
    // It lies in a chunk that is queued as a whole: queue the chunk's tasks one by one, without this one.
    const auto number = static_cast<ChunkNumber>(chunk.first / chunk_size);
    const auto whole = std::find(queue.chunks.begin(), queue.chunks.end(), number);
    if (whole == queue.chunks.end() || offset < chunk.fresh) return std::nullopt;
    queue.chunks.erase(whole);
    ensure_notes(chunk);
    for (auto other = chunk.fresh; other < chunk.count; ++other) {
      if (other != offset) queue.tasks.push_back({chunk.first + other, chunk.offered_at});
    }
    chunk.fresh = chunk.count;
  }
  Slice slice;
  begin_slice(slice, job, chunk, now);
  --queue.count;
  slice.first = offset;
  slice.count = 1;
  slice.offered_at = since;
  slice.offsets.push_back(offset);
  slice.attempts.push_back(start_attempt(chunk, offset));
  add_progress(slice, *job.round, chunk);
  count_as_running(job, 1, now, out);
  return std::pair{spec, std::move(slice)};
}

}  // namespace coremachine::machine
