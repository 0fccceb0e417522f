#include "core/machine/recovery.hpp"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include <boost/assert.hpp>

#include "core/machine/stepper.hpp"
#include "core/model/json_text.hpp"

namespace coremachine::machine {
namespace {

class Rebuilder {
 public:
  Rebuilder(Round& round, Rebuild purpose) : round_(round), purpose_(purpose) {}

  void define(const DefinitionSegment& segment) {
    Chunk chunk;
    chunk.first = segment.first;
    chunk.count = segment.count;
    chunk.spec = segment.spec;
    chunk.specs = segment.specs;
    chunk.definitions = segment.body;
    round_.counts.total += segment.count;
    round_.critical.total += critical_tasks(round_, chunk);
    round_.chunks.push_back(std::move(chunk));
  }

  void apply(const OutcomeSegment& segment) {
    BOOST_ASSERT(segment.chunk < round_.chunks.size());
    auto& chunk = round_.chunks[segment.chunk];
    const bool own = segment.round == round_.number;
    if (own) round_.next_sequence = std::max(round_.next_sequence, segment.sequence + 1);
    const bool whole = segment.kind == OutcomeKind::completed && segment.count == chunk.count && chunk.notes.empty();
    if (!whole) ensure_notes(chunk);
    for (std::uint32_t i = 0; i < segment.count; ++i) {
      const auto offset = segment.offset_at(i);
      if (segment.kind == OutcomeKind::completed) {
        complete(chunk, offset);
      } else if (!own || purpose_ == Rebuild::to_redrive) {
        chunk.notes[offset].attempt = segment.attempt_at(i);
      } else {
        fail(chunk, offset, segment, i);
      }
    }
    if (segment.carry) take_progress(chunk, segment);
  }

  void settle() {
    round_.ready.resize(round_.specs.size());
    auto& counts = round_.counts;
    for (auto& chunk : round_.chunks) {
      for (ChunkOffset offset = 0; offset < chunk.notes.size(); ++offset) {
        if (chunk.notes[offset].state != TaskNote::State::retrying) continue;
        ++counts.retrying;
        round_.retries[due_.at(chunk.first + offset)].push_back(chunk.first + offset);
      }
      if (!chunk.complete()) continue;
      chunk.notes.clear();
      chunk.notes.shrink_to_fit();
      chunk.fresh = chunk.count;
    }
    std::erase_if(round_.progress, [&](const auto& entry) {
      const auto& chunk = round_.chunks[entry.first / chunk_size];
      return chunk.finished.contains(static_cast<ChunkOffset>(entry.first - chunk.first));
    });
    round_.told_failures =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(counts.failed + counts.dead, max_told_failures));
    counts.queued = counts.total - counts.completed - counts.failed - counts.dead - counts.retrying;
  }

 private:
  bool is_critical(const Chunk& chunk, ChunkOffset offset) const {
    return round_.critical.total > 0 && round_.specs[chunk.spec_of(offset)].critical;
  }
  /// How far attempts had come that are to be made again.
  void take_progress(const Chunk& chunk, const OutcomeSegment& segment) {
    if (segment.kind == OutcomeKind::progress) {
      round_.progress[chunk.first + segment.first] = segment.carry;
    } else if (segment.kind == OutcomeKind::retrying) {
      const auto ends = element_ends(*segment.carry);
      for (std::uint32_t i = 0; i < segment.count; ++i) {
        const std::size_t begin = i == 0 ? 1 : ends.at(i - 1) + 1;
        auto text = segment.carry->substr(begin, ends.at(i) - begin);
        if (text != "null") round_.progress[chunk.first + segment.offset_at(i)] = make_text(std::move(text));
      }
    }
  }
  void complete(Chunk& chunk, ChunkOffset offset) {
    if (!chunk.finished.insert(offset)) return;
    ++chunk.finished_count;
    ++round_.counts.completed;
    if (is_critical(chunk, offset)) ++round_.critical.completed;
    if (!chunk.notes.empty()) chunk.notes[offset].state = TaskNote::State::finished;
  }

  void fail(Chunk& chunk, ChunkOffset offset, const OutcomeSegment& segment, std::uint32_t i) {
    auto& note = chunk.notes[offset];
    note.attempt = segment.attempt_at(i);
    switch (segment.kind) {
      case OutcomeKind::completed: break;
      case OutcomeKind::failed:
      case OutcomeKind::dead:
        if (!chunk.finished.insert(offset)) return;
        ++chunk.finished_count;
        if (is_critical(chunk, offset)) ++round_.critical.failed;
        ++(segment.kind == OutcomeKind::dead ? round_.counts.dead : round_.counts.failed);
        note.state = TaskNote::State::finished;
        break;
      case OutcomeKind::retrying:
        ++note.failures;
        note.state = TaskNote::State::retrying;
        due_[chunk.first + offset] = Timestamp{Milliseconds{segment.due_at(i)}};
        break;
      case OutcomeKind::lost: ++note.losses; break;
      case OutcomeKind::progress: break;
    }
  }

  Round& round_;
  Rebuild purpose_;
  std::unordered_map<TaskIndex, Timestamp> due_ = {};
};

}  // namespace

void rebuild_chunks(Round& round, const DefinitionHeads& definitions, const OutcomeHeads& outcomes, Rebuild purpose) {
  round.chunks.clear();
  round.retries.clear();
  round.ready.clear();
  round.ready_count = 0;
  round.next_spec = 0;
  round.counts = TaskCounts{};
  round.critical = CriticalCounts{};
  round.progress.clear();
  Rebuilder rebuilder(round, purpose);
  for (const auto& segment : definitions) rebuilder.define(segment);
  for (const auto& segment : outcomes) rebuilder.apply(segment);
  rebuilder.settle();
}

void Stepper::operator()(JobRecovered event) {
  if (is_terminal(job_.status)) return;
  if (job_.status == JobStatus::running && event.deaths >= rules_.poison_deaths) {
    Error error{ErrorCode::poison,
                std::to_string(event.deaths) + " servers in a row died while they ran the job, and it came no further"};
    if (job_.round) error.stage = job_.round->stage;
    if (job_.round && job_.round->phase != RoundPhase::closed) end_round(StageStatus::failed);
    end_job(JobStatus::dead, JobCause::died, std::move(error));
    return;
  }
  if (job_.deadline) out_.now(SetTimer{TimerKind::job_deadline, *job_.deadline, 0});
  if (job_.status == JobStatus::scheduled) {
    out_.now(SetTimer{TimerKind::due, job_.run_at.value_or(now_.time), 0});
    return;
  }
  if (job_.status == JobStatus::cancelling) {
    if (job_.round && job_.round->phase != RoundPhase::closed) end_round(StageStatus::cancelled);
    end_job(JobStatus::cancelled, JobCause::cancel_done, Error{ErrorCode::cancelled, "the job was cancelled"});
    return;
  }
  if (!job_.round) {
    if (job_.status == JobStatus::queued) call_handler(BoundaryKind::open_first, 1, 0);
    return;
  }
  auto& round = *job_.round;
  if (round.phase != RoundPhase::open) return;
  if (round.stop != StopReason::none) {
    // What ran went with the process that had begun to stop it.
    round.phase = RoundPhase::stopping;
    round.counts.queued += std::exchange(round.counts.retrying, 0);
    round.retries.clear();
    finish_stop();
    return;
  }
  if (!round.retries.empty()) out_.now(SetTimer{TimerKind::retry, round.retries.begin()->first, round.number});
  set_stage_timer();
  evaluate_join();
  if (job_.round && job_.round->phase == RoundPhase::open) {
    out_.now(OfferTasks{round.number, 0, static_cast<ChunkNumber>(round.chunks.size())});
    pull_more();
  }
}

}  // namespace coremachine::machine
