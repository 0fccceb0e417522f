// What is handed out next, of all jobs: suspects alone, then the handlers' boundaries in turn, then tasks by priority
// and in turn over jobs.

#include <algorithm>
#include <cmath>
#include <utility>

#include <boost/assert.hpp>

#include "core/machine/engine.hpp"

namespace coremachine::machine {

void Engine::adopt(Job job) {
  const auto id = job.id;
  auto added = std::make_unique_for_overwrite<Live>();
  added->job = std::move(job);
  jobs_.emplace(id, std::move(added));
}

namespace {

/// Empty if the job has no such task any more.
std::string type_of(const Job& job, const Suspect& suspect) {
  if (!job.round || job.round->number != suspect.round || suspect.index >= job.round->counts.total) return {};
  const auto& chunk = job.round->chunks[suspect.index / chunk_size];
  return job.round->specs[chunk.spec_of(static_cast<ChunkOffset>(suspect.index - chunk.first))].task_type;
}

}  // namespace

void Engine::start(const Now& now, const std::vector<Suspect>& suspects) {
  for (const auto& suspect : suspects) {
    auto* entry = live(suspect.job);
    if (!entry) continue;
    if (!suspect.boundary) {
      step_task(now, *entry, type_of(entry->job, suspect), TaskLost{suspect.round, suspect.index, suspect.alone});
    } else if (suspect.alone) {
      step_job(now, *entry, BoundaryLost{});
    }
    suspects_.push_back(suspect);
  }
  std::vector<JobId> ids;
  ids.reserve(jobs_.size());
  for (const auto& [id, entry] : jobs_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (const auto id : ids) {
    if (auto* entry = live(id)) step_job(now, *entry, JobRecovered{});
  }
  save_all_in_next_batch();  // a death has to be on disk before a suspect runs again
}

void Engine::take_up(const Now& now, std::vector<Job> jobs, std::vector<std::pair<SliceId, Lease>> leases,
                     std::uint32_t deaths) {
  std::vector<JobId> ids;
  for (auto& job : jobs) {
    if (live(job.id)) continue;
    ids.push_back(job.id);
    adopt(std::move(job));
  }
  const auto is_taken = [&](JobId job) { return std::find(ids.begin(), ids.end(), job) != ids.end(); };
  for (auto& [id, lease] : leases) {
    if (is_taken(lease.slice.job)) adopt_lease(now, id, std::move(lease));
  }
  for (const auto id : ids) {
    if (auto* entry = live(id)) step_job(now, *entry, JobRecovered{deaths});
  }
}

std::optional<Lane> Engine::lane_of(const SharedSpec& spec) const {
  const auto traits = setup_.task_types.find(spec.task_type);
  if (traits == setup_.task_types.end()) return std::nullopt;
  return traits->second.coroutine ? Lane::coroutines : Lane::threads;
}

void Engine::dispatch(const Now& now, Capacity capacity) {
  dispatch_remote(now);
  if (draining_ || open_bytes_ + closed_bytes_ > setup_.max_open_bytes) return;
  if (alone_out_ && !idle()) return;
  alone_out_ = false;
  if (!suspects_.empty()) {
    dispatch_suspect(now);
    if (alone_out_ || !suspects_.empty()) return;
  }
  while (capacity.boundaries > 0 && !boundaries_waiting_.empty()) {
    const auto job = boundaries_waiting_.front();
    boundaries_waiting_.pop_front();
    if (dispatch_boundary(now, job, false)) --capacity.boundaries;
  }
  dispatch_lane(now, Lane::threads, capacity.slices, capacity.ahead);
  dispatch_lane(now, Lane::coroutines, capacity.coroutines, 0);
}

std::shared_ptr<const HandlerCall> Engine::make_call(const Job& job) {
  auto made = std::make_shared_for_overwrite<HandlerCall>();
  auto& call = *made;
  call.job = job.id;
  call.boundary = *job.boundary;
  call.job_type = job.type;
  call.version = job.version;
  call.attempt = job.attempt;
  call.params = job.params;
  for (const auto& closed : job.closed) {
    if (closed.result) call.stage_results[closed.stage] = closed.result;
    call.defined_in[closed.stage] = closed.lineage.empty() ? closed.number : closed.lineage.front();
  }
  if (job.boundary->kind == BoundaryKind::close) {
    const auto& round = *job.round;
    call.defined_in[round.stage] = round.defined_in();
    call.counts = round.counts;
    call.rounds = round.lineage;
    call.rounds.push_back(round.number);
    call.is_inline = round.is_inline;
    if (round.is_inline) call.outcomes = round.inline_outcomes;
    call.policy = round.policy;
    call.signal = round.signal;
  }
  if (job.boundary->kind == BoundaryKind::pull) {
    call.policy = job.round->policy;
    call.specs = job.round->specs;
    call.chunks = static_cast<ChunkNumber>(job.round->chunks.size());
    call.source = *job.round->source;
  }
  return made;
}

const JobTraits* Engine::traits_of(const Job& job) const {
  const auto type = setup_.job_types.find(job.type);
  if (type == setup_.job_types.end()) return nullptr;
  const auto version = type->second.find(job.version);
  return version == type->second.end() ? nullptr : &version->second;
}

bool Engine::dispatch_boundary(const Now& now, JobId job, bool alone) {
  auto* entry = live(job);
  if (!entry || !entry->job.boundary || entry->job.boundary->number != entry->due_boundary) return false;
  if (boundaries_out_.contains(job)) return false;
  if (entry->job.status == JobStatus::paused) return false;  // asked for again when it is resumed
  const auto* traits = traits_of(entry->job);
  if (!traits) return false;  // it waits for a program that has this version of the job type
  BoundaryOut out;
  out.number = entry->due_boundary;
  out.deadline = now.time + traits->handler_timeout;
  out.recall_at = now.time + setup_.recall_after;
  boundaries_out_.emplace(job, out);
  actions_.emplace_back(RunBoundary{make_call(entry->job), alone});
  return true;
}

void Engine::dispatch_suspect(const Now& now) {
  // A death that is not on disk would not count, and the suspect could end every process to come.
  if (!idle() || newest_write() > durable_) return;
  while (!suspects_.empty()) {
    const auto suspect = suspects_.front();
    suspects_.pop_front();
    auto* entry = live(suspect.job);
    if (!entry) continue;
    if (suspect.boundary) {
      const auto waiting = std::find(boundaries_waiting_.begin(), boundaries_waiting_.end(), suspect.job);
      if (waiting == boundaries_waiting_.end()) continue;
      boundaries_waiting_.erase(waiting);
      if (!dispatch_boundary(now, suspect.job, true)) continue;
      alone_out_ = true;
      alone_until_ = now.time + setup_.rules.alone_at_most;
      return;
    }
    if (!entry->job.round || entry->job.round->number != suspect.round) continue;
    Effects effects;
    auto taken = hand_out_one(entry->job, suspect.index, now, effects);
    apply(now, *entry, effects);
    if (!taken) continue;
    hand_over(now, *entry, taken->first, std::move(taken->second), true);
    alone_out_ = true;
    alone_until_ = now.time + setup_.rules.alone_at_most;
    return;
  }
}

std::uint32_t Engine::share(const Job& job, const SharedSpec& spec) const {
  const auto known = cost_us_.find(spec.task_type);
  if (known == cost_us_.end()) return 1;  // nobody knows how long one takes: the first will tell
  const auto cost = std::max(known->second, 0.01);
  auto count = std::clamp(std::floor(setup_.slice_us / cost), 1.0, static_cast<double>(chunk_size));
  if (count * cost > 200.0) {
    const auto fair = std::ceil(static_cast<double>(job.round->ready_count) / std::max(1U, setup_.slots));
    count = std::min(count, std::max(1.0, fair));
  }
  return static_cast<std::uint32_t>(count);
}

/// Nobody knows it of a type of which no task has ended yet.
bool Engine::is_quick(const std::string& task_type) const {
  const auto known = cost_us_.find(task_type);
  return known != cost_us_.end() && known->second < setup_.quick_us;
}

void Engine::dispatch_lane(const Now& now, Lane lane, std::uint32_t capacity, std::uint32_t ahead) {
  auto& ring = rings_[static_cast<std::size_t>(lane)];
  while (capacity > 0) {
    const auto turn = ring.pop();
    if (!turn) return;
    auto* entry = live(*turn);
    if (!entry) continue;
    entry->queued[static_cast<std::size_t>(lane)] = false;
    bool waits_for_thread = false;
    const auto most = [&](SpecNumber number) -> std::uint32_t {
      const auto& spec = entry->job.round->specs[number];
      if (lane_of(spec) != lane) return 0;
      if (capacity <= ahead && !is_quick(spec.task_type)) {
        waits_for_thread = true;
        return 0;
      }
      const auto allowed = limits_.allowance(spec.task_type, now.time);
      return std::min(allowed, lane == Lane::threads ? share(entry->job, spec) : std::min(capacity, 64U));
    };
    Effects effects;
    auto taken = hand_out(entry->job, now, most, effects);
    if (!taken && waits_for_thread) {
      entry->queued[static_cast<std::size_t>(lane)] = true;
      ring.put_back(entry->job.priority, entry->job.id);
      return;
    }
    if (!taken) {
      enqueue(now, *entry);  // it waits for a limit, or for nothing
      continue;
    }
    apply(now, *entry, effects);
    capacity -= lane == Lane::threads ? 1 : taken->second.count;
    hand_over(now, *entry, taken->first, std::move(taken->second), false);
  }
}

void Engine::hand_over(const Now& now, Live& entry, SpecNumber number, Slice slice, bool alone) {
  const auto& round = *entry.job.round;
  const auto id = ++last_slice_;
  limits_.started(round.specs[number].task_type, slice.count, now.time);
  RunSlice run;
  run.id = id;
  run.spec = round.specs[number];
  run.definitions = round.chunks[slice.chunk].definitions;
  run.alone = alone;
  if (round.folds && !round.is_inline && traits_of(entry.job)) {
    run.fold_by = entry.job.type;
    run.fold_version = entry.job.version;
  }
  run.traceparent = entry.job.traceparent;
  Outstanding out;
  out.job = entry.job.id;
  out.round = round.number;
  out.task_type = run.spec.task_type;
  out.first = TaskIndex{slice.chunk} * chunk_size + slice.offset_at(0);
  out.count = out.left = slice.count;
  out.offsets = slice.offsets;
  out.handed_out = now.time;
  out.ahead = run.spec.pure && round.is_inline;
  if (out.ahead) ++ahead_out_;
  recalls_.emplace_back(now.time + setup_.recall_after, id);
  while (!recalls_.empty() && !outstanding_.contains(recalls_.front().second) && recalls_.front().second != id) {
    recalls_.pop_front();
  }
  outstanding_.emplace(id, std::move(out));
  entry.slices.push_back(id);
  run.slice = std::move(slice);
  actions_.emplace_back(std::move(run));
}

}  // namespace coremachine::machine
