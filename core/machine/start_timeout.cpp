// Tasks that wait for a worker longer than they are to.

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "core/machine/stepper.hpp"

namespace coremachine::machine {
namespace {

bool may_wait(const Job& job) {
  if (job.status != JobStatus::running && job.status != JobStatus::queued) return false;
  return job.round && job.round->phase == RoundPhase::open;
}

Text failure_text(const SharedSpec& spec) {
  return make_text(R"({"type":"start_timeout","message":"no worker began the task within )" +
                   std::to_string(spec.start_timeout.count()) + R"( ms"})");
}

}  // namespace

std::optional<Timestamp> start_deadline(const Job& job) {
  std::optional<Timestamp> next;
  if (!may_wait(job)) return next;
  const auto& round = *job.round;
  for (std::size_t spec = 0; spec < round.ready.size(); ++spec) {
    const auto timeout = round.specs[spec].start_timeout;
    if (timeout.count() == 0) continue;
    // Both queues are in the order in which their tasks came.
    const auto& queue = round.ready[spec];
    const auto consider = [&](Timestamp since) {
      if (!next || since + timeout < *next) next = since + timeout;
    };
    if (!queue.tasks.empty()) consider(queue.tasks.front().since);
    if (!queue.chunks.empty()) consider(round.chunks[queue.chunks.front()].offered_at);
  }
  return next;
}

void Stepper::operator()(StartTimeCame event) {
  if (!may_wait(job_) || job_.round->number != event.round) return;
  for (SpecNumber spec = 0; spec < job_.round->specs.size(); ++spec) give_up_waiting(spec);
  evaluate_join();
  pull_more();
}

void Stepper::give_up_waiting(SpecNumber number) {
  auto& round = *job_.round;
  const auto& spec = round.specs[number];
  auto& queue = round.ready[number];
  if (spec.start_timeout.count() == 0) return;
  const auto too_long = [&](Timestamp since) { return since + spec.start_timeout <= now_.time; };
  const auto take_out = [&](std::size_t count) {
    queue.count -= count;
    round.ready_count -= count;
  };
  while (!queue.tasks.empty() && too_long(queue.tasks.front().since)) {
    auto& chunk = chunk_of(round, queue.tasks.front().index);
    std::vector<ChunkOffset> offsets;
    while (!queue.tasks.empty() && too_long(queue.tasks.front().since) &&
           &chunk_of(round, queue.tasks.front().index) == &chunk) {
      offsets.push_back(static_cast<ChunkOffset>(queue.tasks.front().index - chunk.first));
      queue.tasks.pop_front();
    }
    take_out(offsets.size());
    fail_unstarted(chunk, std::move(offsets), spec);
  }
  while (!queue.chunks.empty() && too_long(round.chunks[queue.chunks.front()].offered_at)) {
    auto& chunk = round.chunks[queue.chunks.front()];
    queue.chunks.pop_front();
    std::vector<ChunkOffset> offsets(chunk.count - chunk.fresh);
    std::iota(offsets.begin(), offsets.end(), chunk.fresh);
    ensure_notes(chunk);
    chunk.fresh = chunk.count;
    take_out(offsets.size());
    fail_unstarted(chunk, std::move(offsets), spec);
  }
}

/// Waiting tasks of one chunk fail for good: no attempt was made, so there is none to be made again.
void Stepper::fail_unstarted(Chunk& chunk, std::vector<ChunkOffset> offsets, const SharedSpec& spec) {
  auto& round = *job_.round;
  std::sort(offsets.begin(), offsets.end());
  OutcomeSegment segment;
  segment.chunk = static_cast<ChunkNumber>(chunk.first / chunk_size);
  segment.kind = OutcomeKind::failed;
  segment.first = offsets.front();
  segment.count = static_cast<std::uint32_t>(offsets.size());
  segment.started_at = segment.finished_at = now_.time;
  segment.one_for_all = true;
  segment.body = failure_text(spec);
  for (const auto offset : offsets) {
    segment.attempts.push_back(chunk.notes[offset].attempt);
    finish(chunk, offset);
  }
  round.counts.queued -= segment.count;
  round.counts.failed += segment.count;
  if (spec.critical) round.critical.failed += segment.count;
  note_first_error(chunk, segment.first, segment.attempts.front(), ErrorCode::task_failed, segment.body);
  const bool contiguous = offsets.back() - offsets.front() + 1 == segment.count;
  if (!contiguous) segment.offsets = std::move(offsets);
  segment.attempt = segment.attempts.front();
  const auto same = [&](std::uint32_t attempt) { return attempt == segment.attempt; };
  if (std::all_of(segment.attempts.begin(), segment.attempts.end(), same)) segment.attempts.clear();
  work_began(job_, now_, out_);
  tell_failures(segment, {segment.body});
  append(std::move(segment));
  if (!chunk.complete()) return;
  chunk.notes = {};
  chunk.definitions.reset();
}

/// The time that a job was paused does not count.
void Stepper::wait_anew() {
  if (!job_.round || job_.round->phase != RoundPhase::open) return;
  auto& round = *job_.round;
  for (std::size_t spec = 0; spec < round.ready.size(); ++spec) {
    if (round.specs[spec].start_timeout.count() == 0) continue;
    for (auto& task : round.ready[spec].tasks) task.since = now_.time;
    for (const auto number : round.ready[spec].chunks) round.chunks[number].offered_at = now_.time;
  }
}

}  // namespace coremachine::machine
