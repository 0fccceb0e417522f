#pragma once

#include <string>

#include "core/machine/step.hpp"

namespace coremachine::machine {

/// One step in progress: the job, what it is told, and where its wishes go.
/// control.cpp has what people ask for, boundary.cpp what the handler decides, rounds.cpp how a round opens, joins and
/// ends, waiting.cpp what a round waits for, start_timeout.cpp how long its tasks wait for a worker, tasks.cpp what
/// workers report, recovery.cpp what a start finds.
class Stepper {
 public:
  Stepper(Job& job, const Now& now, const Rules& rules, Effects& out)
      : job_(job), now_(now), rules_(rules), out_(out) {}

  void operator()(JobSubmitted);
  void operator()(JobCameDue);
  void operator()(CancelRequested);
  void operator()(PauseRequested);
  void operator()(ResumeRequested);
  void operator()(RedriveRequested event);
  void operator()(JobTimedOut);
  void operator()(SignalReceived event);

  void operator()(BoundaryDecided event);
  void operator()(BoundaryTimedOut event);
  void operator()(BoundaryLost);

  void operator()(TasksReported event);
  void operator()(TaskLost event);
  void operator()(RetriesCameDue);
  void operator()(GraceEnded event);
  void operator()(StageTimeCame event);
  void operator()(StartTimeCame event);

  void operator()(JobRecovered event);

 private:
  // lifecycle (control.cpp)
  void move(JobStatus to, JobCause cause);
  void begin();
  void set_deadline();
  void end_job(JobStatus status, JobCause cause, std::optional<Error> error);
  void publish(PublishedKind kind) { out_.after_commit(make_publish(job_, kind, now_)); }
  void save() { out_.write(SaveJob{}); }
  void keep(ArtifactHolds artifacts) {
    if (!artifacts.empty()) out_.write(KeepArtifacts{std::move(artifacts)});
  }
  void drop_boundary();

  // rounds (boundary.cpp)
  void call_handler(BoundaryKind kind, int stage, RoundNumber round) {
    machine::call_handler(job_, kind, stage, round, out_);
  }
  void ask_boundary();
  void open_round(NextStage next);
  void add_chunks(std::vector<DefinitionSegment>& segments);
  void set_stage_timer();
  void take_more(MoreTasks more);
  void give_up_waiting(SpecNumber spec);
  void fail_unstarted(Chunk& chunk, std::vector<ChunkOffset> offsets, const SharedSpec& spec);
  void wait_anew();
  void pull_more();
  void handler_failed(BoundaryKind kind, Error error);
  bool gate_holds();
  bool too_many_visits(const NextStage& next);
  void leave_round();
  void close_round(Text result);
  void round_joined();
  void evaluate_join();
  void stop_round(StopReason reason);
  void finish_stop();
  void end_round(StageStatus status);
  Error failure_of_join() const;
  Error failure_at_deadline() const;

  // tasks (tasks.cpp)
  bool takes_report(const Report& report) const;
  std::uint32_t accept_completions(Chunk& chunk, Report& report);
  std::uint32_t accept_failures(Chunk& chunk, Report& report);
  void accept_progress(Chunk& chunk, const Report& report);
  void accept_returned(Chunk& chunk, const Report& report);
  void accept_lost(Chunk& chunk, const Report& report);
  bool count_loss(Chunk& chunk, ChunkOffset offset);
  void tell_failures(OutcomeSegment& segment, const std::vector<Text>& errors);
  void append(OutcomeSegment segment);
  void spill_inline();
  void note_first_error(const Chunk& chunk, ChunkOffset offset, std::uint32_t attempt, ErrorCode code,
                        const Text& error);
  void queue_retry(Timestamp due, TaskIndex index);
  void finish(Chunk& chunk, ChunkOffset offset);

  Job& job_;
  const Now& now_;
  const Rules& rules_;
  Effects& out_;
};

/// Whether a report of this attempt is the one that is awaited.
bool is_awaited(const Chunk& chunk, ChunkOffset offset, std::uint32_t attempt);
/// A task was handed out: the job runs, if it did not yet.
void work_began(Job& job, const Now& now, Effects& out);
/// Gives every task of the chunk a note of its own, as its bits imply.
void ensure_notes(Chunk& chunk);
/// Puts a task that came back into the ready queue of its spec; it might run `since` then.
void make_ready(Round& round, TaskIndex index, Timestamp since);
/// How many of the chunk's tasks are critical.
std::uint64_t critical_tasks(const Round& round, const Chunk& chunk);
/// What no further try of the same program can mend.
inline bool is_fatal(const Error& error) {
  return error.code == ErrorCode::handler_contract || error.code == ErrorCode::unknown_task ||
         error.code == ErrorCode::unresolvable;
}
inline Chunk& chunk_of(Round& round, TaskIndex index) {
  return round.chunks[index / chunk_size];
}
/// How many were lost together with this task, before it may run again; 0: it was not lost.
inline std::uint16_t crowd_of(const Round& round, TaskIndex index) {
  const auto& chunk = round.chunks[index / chunk_size];
  return chunk.notes.empty() ? std::uint16_t{0} : chunk.notes[index - chunk.first].crowd;
}

}  // namespace coremachine::machine
