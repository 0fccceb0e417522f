// What readers are told of tasks that are not finished: the store knows only of what ended.

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "core/machine/engine.hpp"

namespace coremachine::machine {
namespace {

/// A request looks at so many tasks and no more: the engine has other things to do.
constexpr std::uint64_t most_looks = std::uint64_t{256} * chunk_size;

/// Nothing: it is finished.
std::optional<TaskStatus> status_of(const Round& round, const Chunk& chunk, ChunkOffset offset) {
  if (chunk.finished.contains(offset)) return std::nullopt;
  if (chunk.notes.empty()) return offset < chunk.fresh ? TaskStatus::running : TaskStatus::queued;
  switch (chunk.notes[offset].state) {
    case TaskNote::State::running: return TaskStatus::running;
    case TaskNote::State::waiting: return TaskStatus::queued;
    case TaskNote::State::retrying: return round.phase == RoundPhase::open ? TaskStatus::retrying : TaskStatus::queued;
    case TaskNote::State::finished: return std::nullopt;
  }
  return std::nullopt;
}

std::uint32_t attempt_of(const Chunk& chunk, ChunkOffset offset) {
  if (!chunk.notes.empty()) return chunk.notes[offset].attempt;
  return offset < chunk.fresh ? 1 : 0;
}

bool asks_for(const LiveAsk& ask, TaskStatus status) {
  return ask.statuses[static_cast<std::size_t>(status)];
}

bool has_task(const Slice& slice, RoundNumber round, TaskIndex index) {
  if (slice.round != round || slice.chunk != index / chunk_size) return false;
  const auto offset = static_cast<ChunkOffset>(index % chunk_size);
  if (slice.offsets.empty()) return offset >= slice.first && offset < slice.first + slice.count;
  return std::find(slice.offsets.begin(), slice.offsets.end(), offset) != slice.offsets.end();
}

/// Whether the chunk can be passed over without a look at its tasks.
bool has_none(const LiveAsk& ask, const Chunk& chunk) {
  if (chunk.complete()) return true;
  if (!chunk.notes.empty()) return false;
  const bool queued = asks_for(ask, TaskStatus::queued) && chunk.fresh < chunk.count;
  const bool running = asks_for(ask, TaskStatus::running) && chunk.finished_count < chunk.fresh;
  return !queued && !running;
}

}  // namespace

void Engine::list_tasks(const Live& entry, const LiveAsk& ask, LiveTasks& found) const {
  const auto& round = *entry.job.round;
  const auto since = [&](TaskIndex index) {
    std::optional<Timestamp> latest;
    for (const auto id : entry.leases) {
      const auto& held = remote_.leases.at(id);
      if (has_task(held.lease.slice, round.number, index) && (!latest || *latest < held.handed_out))
        latest = held.handed_out;
    }
    for (const auto id : entry.slices) {
      const auto& out = outstanding_.at(id);
      if (out.round != round.number || out.first / chunk_size != index / chunk_size) continue;
      const auto offset = static_cast<ChunkOffset>(index % chunk_size);
      const bool has = out.offsets.empty()
                           ? index >= out.first && index < out.first + out.count
                           : std::find(out.offsets.begin(), out.offsets.end(), offset) != out.offsets.end();
      if (has && (!latest || *latest < out.handed_out)) latest = out.handed_out;
    }
    return latest;
  };
  std::uint64_t looks = 0;
  found.end = ask.from;
  for (auto number = ask.from / chunk_size; number < round.chunks.size() && looks < most_looks; ++number) {
    const auto& chunk = round.chunks[number];
    auto offset = static_cast<ChunkOffset>(std::max(ask.from, chunk.first) - chunk.first);
    looks += 16;
    if (has_none(ask, chunk)) offset = std::max(offset, chunk.count);
    for (; offset < chunk.count && found.tasks.size() < ask.limit; ++offset, ++looks) {
      const auto status = status_of(round, chunk, offset);
      if (!status || !asks_for(ask, *status)) continue;
      LiveTask task{chunk.first + offset, *status, attempt_of(chunk, offset)};
      if (*status == TaskStatus::running) task.since = since(task.index);
      const auto progress = round.progress.find(task.index);
      if (progress != round.progress.end()) task.progress = progress->second;
      found.tasks.push_back(std::move(task));
    }
    found.end = std::max(found.end, chunk.first + offset);
    if (found.tasks.size() == ask.limit) return;
  }
}

void Engine::count_cells(const Live& entry, const LiveAsk& ask, LiveTasks& found) const {
  const auto& round = *entry.job.round;
  const auto grid = cell_grid(round.counts.total, ask);
  std::set<ChunkNumber> at_work;
  for (const auto id : entry.slices) {
    const auto& out = outstanding_.at(id);
    if (out.round == round.number) at_work.insert(static_cast<ChunkNumber>(out.first / chunk_size));
  }
  for (const auto id : entry.leases) {
    const auto& slice = remote_.leases.at(id).lease.slice;
    if (slice.round == round.number) at_work.insert(slice.chunk);
  }
  for (const auto number : at_work) {
    const auto& chunk = round.chunks[number];
    for (ChunkOffset offset = 0; offset < chunk.count; ++offset) {
      const auto index = chunk.first + offset;
      if (!grid.has(index)) continue;
      const auto status = status_of(round, chunk, offset);
      if (status == TaskStatus::running) ++found.cells[grid.cell_of(index)].running;
    }
  }
  for (const auto& [due, tasks] : round.retries) {
    for (const auto index : tasks) {
      if (grid.has(index)) ++found.cells[grid.cell_of(index)].retrying;
    }
  }
}

void Engine::ask_tasks(JobId job, const LiveAsk& ask, RequestId request) {
  auto* entry = live(job);
  Answer answer;
  answer.request = request;
  answer.job = job;
  if (!entry) {
    answer.error = Error{ErrorCode::unknown_job, "there is no job " + job.str()};
    actions_.push_back(std::move(answer));
    return;
  }
  auto found = std::make_shared<LiveTasks>();
  const auto& round = entry->job.round;
  const bool current =
      round && (!ask.round || *ask.round == round->number) && (ask.stage == 0 || ask.stage == round->stage);
  if (current) {
    found->round = round->number;
    found->open = round->phase == RoundPhase::open || round->phase == RoundPhase::stopping;
    found->counts = round->counts;
  }
  if (current && found->open) {
    if (ask.limit > 0) list_tasks(*entry, ask, *found);
    if (ask.cells > 0) count_cells(*entry, ask, *found);
  }
  answer.tasks = std::move(found);
  hold_or_do(*entry, std::move(answer));
}

void Engine::ask_counts(const std::vector<JobId>& jobs, RequestId request) {
  Answer answer;
  answer.request = request;
  for (const auto job : jobs) {
    const auto* known = find(job);
    if (known && known->round && !known->round->is_inline)
      answer.counts.push_back({job, known->round->number, known->round->counts});
  }
  hold_or_do(std::move(answer));
}

}  // namespace coremachine::machine
