#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include <boost/assert.hpp>

#include "core/machine/retry.hpp"
#include "core/machine/stepper.hpp"
#include "core/model/value_parser.hpp"

namespace coremachine::machine {

bool is_awaited(const Chunk& chunk, ChunkOffset offset, std::uint32_t attempt) {
  if (offset >= chunk.count || chunk.complete()) return false;
  if (chunk.notes.empty()) return offset < chunk.fresh && attempt == 1 && !chunk.finished.contains(offset);
  const auto& note = chunk.notes[offset];
  return note.state == TaskNote::State::running && note.attempt == attempt;
}

void ensure_notes(Chunk& chunk) {
  if (!chunk.notes.empty()) return;
  chunk.notes.resize(chunk.count);
  for (ChunkOffset offset = 0; offset < chunk.count; ++offset) {
    auto& note = chunk.notes[offset];
    const bool finished = chunk.finished.contains(offset);
    if (!finished && offset >= chunk.fresh) continue;
    note.attempt = 1;
    note.state = finished ? TaskNote::State::finished : TaskNote::State::running;
  }
}

void make_ready(Round& round, TaskIndex index, Timestamp since) {
  auto& chunk = chunk_of(round, index);
  const auto offset = static_cast<ChunkOffset>(index - chunk.first);
  ensure_notes(chunk);
  chunk.notes[offset].state = TaskNote::State::waiting;
  auto& queue = round.ready[chunk.spec_of(offset)];
  queue.tasks.push_back({index, since});
  ++queue.count;
  ++round.ready_count;
}

bool Stepper::takes_report(const Report& report) const {
  if (is_terminal(job_.status) || !job_.round) return false;
  const auto& round = *job_.round;
  if (round.number != report.round || report.incarnation != now_.incarnation) return false;
  if (round.phase != RoundPhase::open && round.phase != RoundPhase::stopping) return false;
  return report.chunk < round.chunks.size();
}

void Stepper::operator()(TasksReported event) {
  auto& report = event.report;
  if (!takes_report(report)) return;
  auto& round = *job_.round;
  auto& chunk = round.chunks[report.chunk];
  keep(std::move(report.artifacts));

  accept_progress(chunk, report);
  const auto completed = accept_completions(chunk, report);
  round.counts.completed += completed;
  round.counts.running -= completed;
  accept_failures(chunk, report);
  accept_returned(chunk, report);
  accept_lost(chunk, report);
  if (chunk.complete()) {
    chunk.notes = {};
    chunk.definitions.reset();
  }
  if (round.is_inline && round.inline_bytes > rules_.inline_bytes) spill_inline();
  if (report.broken && round.phase == RoundPhase::open) {
    job_.error = std::move(*report.broken);
    return stop_round(StopReason::handler_failed);
  }
  if (round.counts.dead > 0 && round.first_error && round.first_error->code != ErrorCode::poison &&
      round.phase == RoundPhase::open) {
    stop_round(StopReason::task_died);
    return;
  }
  evaluate_join();
}

void Stepper::finish(Chunk& chunk, ChunkOffset offset) {
  const bool added = chunk.finished.insert(offset);
  BOOST_ASSERT_MSG(added, "a task finished twice");
  ++chunk.finished_count;
  if (!chunk.notes.empty()) chunk.notes[offset].state = TaskNote::State::finished;
  if (!job_.round->progress.empty()) job_.round->progress.erase(chunk.first + offset);
}

void Stepper::accept_progress(Chunk& chunk, const Report& report) {
  for (const auto& told : report.progress) {
    if (!is_awaited(chunk, told.offset, told.attempt)) continue;
    job_.round->progress[chunk.first + told.offset] = told.progress;
    OutcomeSegment segment;
    segment.chunk = report.chunk;
    segment.kind = OutcomeKind::progress;
    segment.first = told.offset;
    segment.count = 1;
    segment.attempt = told.attempt;
    segment.started_at = report.started_at;
    segment.finished_at = now_.time;
    segment.worker = report.worker;
    segment.one_for_all = true;
    segment.carry = told.progress;
    segment.body = make_text("null");
    append(std::move(segment));
  }
}

std::uint32_t Stepper::accept_completions(Chunk& chunk, Report& report) {
  auto& done = report.completed;
  if (done.count == 0) return 0;
  std::vector<std::uint32_t> accepted;
  accepted.reserve(done.count);
  const bool counts_critical = job_.round->critical.total > 0;
  for (std::uint32_t i = 0; i < done.count; ++i) {
    const auto offset = done.offset_at(i);
    if (!is_awaited(chunk, offset, done.attempt_at(i))) continue;
    finish(chunk, offset);
    accepted.push_back(i);
    if (counts_critical && job_.round->specs[chunk.spec_of(offset)].critical) ++job_.round->critical.completed;
  }
  if (accepted.empty()) return 0;

  OutcomeSegment segment;
  segment.chunk = report.chunk;
  segment.kind = OutcomeKind::completed;
  segment.started_at = report.started_at;
  segment.finished_at = report.finished_at;
  segment.worker = report.worker;
  segment.count = static_cast<std::uint32_t>(accepted.size());
  if (segment.count == done.count) {
    segment.first = done.first;
    segment.offsets = std::move(done.offsets);
    segment.attempts = std::move(done.attempts);
    segment.finished_ms = std::move(done.finished_ms);
    segment.body = std::move(done.body);
    if (!job_.round->is_inline) segment.carry = std::move(done.fold);
  } else {
    std::string body = "[";
    for (const auto i : accepted) {
      segment.offsets.push_back(done.offset_at(i));
      segment.attempts.push_back(done.attempt_at(i));
      if (!done.finished_ms.empty()) segment.finished_ms.push_back(done.finished_ms[i]);
      const std::size_t begin = i == 0 ? 1 : done.ends[i - 1] + 1;
      if (body.size() > 1) body += ',';
      body.append(*done.body, begin, done.ends[i] - begin);
    }
    body += ']';
    segment.body = make_text(std::move(body));
  }
  if (!segment.offsets.empty()) segment.first = *std::min_element(segment.offsets.begin(), segment.offsets.end());
  const auto same = [&](std::uint32_t attempt) { return attempt == segment.attempts.front(); };
  if (!segment.attempts.empty() && std::all_of(segment.attempts.begin(), segment.attempts.end(), same)) {
    segment.attempt = segment.attempts.front();
    segment.attempts.clear();
  }
  const auto count = segment.count;
  append(std::move(segment));
  return count;
}

namespace {

/// Failures of one report that have the same fate, on their way into one segment.
struct FailureGroup {
  OutcomeKind kind;
  OutcomeSegment segment;
  std::vector<Text> errors;
  std::vector<Text> progress = {};  ///< null where nothing was said
};

void seal(FailureGroup& group, const Report& report) {
  auto& segment = group.segment;
  segment.chunk = report.chunk;
  segment.kind = group.kind;
  segment.started_at = report.started_at;
  segment.finished_at = report.finished_at;
  segment.worker = report.worker;
  segment.first = *std::min_element(segment.offsets.begin(), segment.offsets.end());
  const auto contiguous = [&] {
    for (std::size_t i = 0; i < segment.offsets.size(); ++i) {
      if (segment.offsets[i] != segment.first + i) return false;
    }
    return true;
  };
  if (contiguous()) segment.offsets.clear();
  const auto same = [&](std::uint32_t attempt) { return attempt == segment.attempts.front(); };
  segment.attempt = segment.attempts.front();
  if (std::all_of(segment.attempts.begin(), segment.attempts.end(), same)) segment.attempts.clear();
  const auto told = [](const Text& text) { return text != nullptr; };
  if (group.kind == OutcomeKind::retrying && std::any_of(group.progress.begin(), group.progress.end(), told)) {
    std::string carry = "[";
    for (const auto& each : group.progress) {
      if (carry.size() > 1) carry += ',';
      carry += each ? *each : "null";
    }
    segment.carry = make_text(carry + "]");
  }
  const auto one = [&](const Text& text) { return text == group.errors.front() || *text == *group.errors.front(); };
  segment.one_for_all = std::all_of(group.errors.begin(), group.errors.end(), one);
  if (segment.one_for_all) {
    segment.body = group.errors.front();
    return;
  }
  std::string body = "[";
  for (const auto& error : group.errors) {
    if (body.size() > 1) body += ',';
    body += *error;
  }
  body += ']';
  segment.body = make_text(std::move(body));
}

}  // namespace

std::uint32_t Stepper::accept_failures(Chunk& chunk, Report& report) {
  if (report.failed.empty()) return 0;
  auto& round = *job_.round;
  std::vector<FailureGroup> groups;
  std::uint32_t accepted = 0;
  ensure_notes(chunk);
  for (const auto& failure : report.failed) {
    if (!is_awaited(chunk, failure.offset, failure.attempt)) continue;
    ++accepted;
    auto& note = chunk.notes[failure.offset];
    ++note.failures;
    const auto& retry = round.specs[chunk.spec_of(failure.offset)].retry;
    const auto index = chunk.first + failure.offset;
    auto kind = OutcomeKind::failed;
    Timestamp due{};
    if (failure.verdict == FailedAttempt::Verdict::dead) {
      kind = OutcomeKind::dead;
    } else if (failure.verdict == FailedAttempt::Verdict::retry && note.failures < retry.max_attempts) {
      kind = OutcomeKind::retrying;
      // One draw a report: what failed together in one worker returns together, others do not join it.
      const auto draw = mix(now_.entropy, note.failures);
      due = now_.time + failure.retry_after.value_or(retry_delay(retry, note.failures, draw));
    }

    --round.counts.running;
    if (kind == OutcomeKind::retrying) {
      note.state = TaskNote::State::retrying;
      if (round.phase == RoundPhase::open) {
        ++round.counts.retrying;
        queue_retry(due, index);
      } else {
        ++round.counts.queued;
      }
    } else {
      finish(chunk, failure.offset);
      if (round.specs[chunk.spec_of(failure.offset)].critical) ++round.critical.failed;
      ++(kind == OutcomeKind::dead ? round.counts.dead : round.counts.failed);
      note_first_error(chunk, failure.offset, failure.attempt, failure.code, failure.error);
    }

    auto group =
        std::find_if(groups.begin(), groups.end(), [&](const FailureGroup& other) { return other.kind == kind; });
    if (group == groups.end()) {
      groups.push_back(FailureGroup{kind, {}, {}, {}});
      group = std::prev(groups.end());
    }
    group->segment.offsets.push_back(failure.offset);
    group->segment.attempts.push_back(failure.attempt);
    group->segment.finished_ms.push_back(failure.finished_ms);
    if (kind == OutcomeKind::retrying) group->segment.due_ms.push_back(due.time_since_epoch().count());
    group->errors.push_back(failure.error);
    group->progress.push_back(failure.progress);
    if (kind == OutcomeKind::retrying && failure.progress) round.progress[index] = failure.progress;
    ++group->segment.count;
  }
  for (auto& group : groups) {
    seal(group, report);
    auto& due = group.segment.due_ms;
    if (due.size() > 1 && std::all_of(due.begin(), due.end(), [&](auto at) { return at == due.front(); }))
      due.erase(due.begin() + 1, due.end());
    if (is_final(group.kind)) tell_failures(group.segment, group.errors);
    append(std::move(group.segment));
  }
  return accepted;
}

void Stepper::accept_returned(Chunk& chunk, const Report& report) {
  auto& round = *job_.round;
  for (const auto offset : report.returned) {
    if (offset >= chunk.count) continue;
    ensure_notes(chunk);
    auto& note = chunk.notes[offset];
    if (note.state != TaskNote::State::running) continue;
    --note.attempt;  // it never began: the attempt was not made
    note.state = TaskNote::State::waiting;
    --round.counts.running;
    ++round.counts.queued;
    const auto since = note.attempt == 0 ? chunk.offered_at : now_.time;
    if (round.phase == RoundPhase::open) make_ready(round, chunk.first + offset, since);
  }
}

/// A worker was not heard of any more. The attempts count as made. Of several tasks, any may have ended it: they are
/// handed out again in halves, until what ends workers is alone.
void Stepper::accept_lost(Chunk& chunk, const Report& report) {
  auto& round = *job_.round;
  for (const auto offset : report.lost) {
    if (offset >= chunk.count) continue;
    ensure_notes(chunk);
    auto& note = chunk.notes[offset];
    if (note.state != TaskNote::State::running) continue;
    note.state = TaskNote::State::waiting;
    --round.counts.running;
    ++round.counts.queued;
    note.crowd = static_cast<std::uint16_t>(report.lost.size());
    if (report.lost_alone && report.lost.size() == 1 && count_loss(chunk, offset)) continue;
    if (round.phase == RoundPhase::open) make_ready(round, chunk.first + offset, now_.time);
  }
}

void Stepper::append(OutcomeSegment segment) {
  auto& round = *job_.round;
  segment.round = round.number;
  segment.sequence = round.next_sequence++;
  if (round.is_inline) {
    round.inline_bytes += segment.body ? segment.body->size() : 0;
    round.inline_outcomes.push_back(std::move(segment));
    save();
  } else {
    out_.write(AppendOutcomes{std::move(segment)});
  }
}

void Stepper::spill_inline() {
  auto& round = *job_.round;
  round.is_inline = false;
  for (auto& segment : round.inline_definitions) out_.write(AppendDefinitions{std::move(segment)});
  for (auto& segment : round.inline_outcomes) out_.write(AppendOutcomes{std::move(segment)});
  round.inline_definitions.clear();
  round.inline_outcomes.clear();
  round.inline_bytes = 0;
  save();
}

void Stepper::note_first_error(const Chunk& chunk, ChunkOffset offset, std::uint32_t attempt, ErrorCode code,
                               const Text& error) {
  auto& round = *job_.round;
  const bool worse = code != ErrorCode::task_failed && round.first_error &&
                     round.first_error->code == ErrorCode::task_failed && code != ErrorCode::poison;
  // Where only critical tasks decide, another is never the cause.
  const auto is_critical = [&](TaskIndex index) {
    const auto& of = round.chunks[index / chunk_size];
    return round.specs[of.spec_of(static_cast<ChunkOffset>(index - of.first))].critical;
  };
  const bool decides = std::holds_alternative<JoinCritical>(round.policy.join) && is_critical(chunk.first + offset) &&
                       round.first_error && round.first_error->task_index &&
                       !is_critical(*round.first_error->task_index);
  if (round.first_error && !worse && !decides) return;
  Error first;
  first.code = code;
  boost::system::error_code bad;
  const auto parsed = parse_value(*error, bad);
  if (!bad && parsed.is_object()) {
    const auto* type = parsed.as_object().if_contains("type");
    const auto* message = parsed.as_object().if_contains("message");
    if (type && type->is_string() && type->as_string() != "error")
      first.message = std::string(type->as_string()) + ": ";
    if (message && message->is_string()) first.message += std::string(message->as_string());
  }
  first.stage = round.stage;
  first.task_index = chunk.first + offset;
  first.task_type = round.specs[chunk.spec_of(offset)].task_type;
  first.attempt = attempt;
  round.first_error = std::move(first);
  save();  // the cause of all that follows is not to be lost with the process
}

void Stepper::tell_failures(OutcomeSegment& segment, const std::vector<Text>& errors) {
  auto& round = *job_.round;
  if (round.told_failures >= max_told_failures) return;
  const auto& chunk = round.chunks[segment.chunk];
  segment.event = job_.last_event + 1;
  for (std::uint32_t i = 0; i < segment.count && round.told_failures < max_told_failures; ++i) {
    auto told = make_publish(job_, PublishedKind::task_failed, now_);
    told.at = segment.finished_at_of(i);
    told.index = chunk.first + segment.offset_at(i);
    told.task_type = round.specs[chunk.spec_of(segment.offset_at(i))].task_type;
    told.dead = segment.kind == OutcomeKind::dead;
    told.attempt = segment.attempt_at(i);
    told.error = errors.size() == 1 ? errors.front() : errors[i];
    out_.after_commit(std::move(told));
    ++round.told_failures;
  }
  save();
}

void Stepper::queue_retry(Timestamp due, TaskIndex index) {
  auto& retries = job_.round->retries;
  const bool sooner = retries.empty() || due < retries.begin()->first;
  retries[due].push_back(index);
  if (sooner) out_.now(SetTimer{TimerKind::retry, due, job_.round->number});
}

void Stepper::operator()(RetriesCameDue) {
  if (!job_.round || job_.round->phase != RoundPhase::open) return;
  auto& round = *job_.round;
  while (!round.retries.empty() && round.retries.begin()->first <= now_.time) {
    for (const auto index : round.retries.begin()->second) {
      --round.counts.retrying;
      ++round.counts.queued;
      make_ready(round, index, now_.time);
    }
    round.retries.erase(round.retries.begin());
  }
  if (!round.retries.empty()) out_.now(SetTimer{TimerKind::retry, round.retries.begin()->first, round.number});
}

void Stepper::operator()(TaskLost event) {
  if (is_terminal(job_.status) || !job_.round || job_.round->number != event.round) return;
  auto& round = *job_.round;
  if (round.phase != RoundPhase::open || round.stop != StopReason::none || event.index >= round.counts.total) return;
  auto& chunk = chunk_of(round, event.index);
  const auto offset = static_cast<ChunkOffset>(event.index - chunk.first);
  if (chunk.finished.contains(offset)) return;
  ensure_notes(chunk);
  auto& note = chunk.notes[offset];
  ++note.attempt;
  if (event.alone && count_loss(chunk, offset)) evaluate_join();
}

/// The process died while this task, which waits, ran alone; true if that was once too often.
bool Stepper::count_loss(Chunk& chunk, ChunkOffset offset) {
  auto& round = *job_.round;
  auto& note = chunk.notes[offset];
  ++note.losses;

  OutcomeSegment segment;
  segment.chunk = static_cast<ChunkNumber>(chunk.first / chunk_size);
  segment.kind = OutcomeKind::lost;
  segment.first = offset;
  segment.count = 1;
  segment.attempt = note.attempt;
  segment.started_at = segment.finished_at = now_.time;
  segment.one_for_all = true;
  segment.body = make_text("null");
  if (note.losses < rules_.poison_deaths) {
    append(std::move(segment));
    return false;
  }
  segment.kind = OutcomeKind::dead;
  segment.body = make_text(R"({"type":"poison","message":"the process died )" + std::to_string(note.losses) +
                           R"( times while this task ran alone"})");
  if (note.state == TaskNote::State::retrying) {
    --round.counts.retrying;
    for (auto& [due, tasks] : round.retries) std::erase(tasks, chunk.first + offset);
  } else {
    --round.counts.queued;
  }
  finish(chunk, offset);
  if (round.specs[chunk.spec_of(offset)].critical) ++round.critical.failed;
  ++round.counts.dead;
  note_first_error(chunk, offset, note.attempt, ErrorCode::poison, segment.body);
  work_began(job_, now_, out_);
  tell_failures(segment, {segment.body});
  append(std::move(segment));
  return true;
}

}  // namespace coremachine::machine
