// What waits and what runs now, for those who look on; what is said in the log.

#include <string>
#include <string_view>
#include <utility>

#include "core/model/value_parser.hpp"
#include "core/ports/store_url.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine::runtime {
namespace {

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

void add_trace(LogFields& fields, const std::string& traceparent) {
  if (!traceparent.empty()) fields.emplace_back("traceparent", traceparent);
}

void add_error(LogFields& fields, const Text& error) {
  if (!error) return;
  boost::system::error_code bad;
  const auto parsed = parse_value(*error, bad);
  if (bad || !parsed.is_object()) return;
  fields.emplace_back("error_type", text_of(parsed.as_object(), "type"));
  fields.emplace_back("error", text_of(parsed.as_object(), "message"));
}

void add_error(LogFields& fields, const Error& error) {
  fields.emplace_back("code", to_string(error.code));
  fields.emplace_back("error", error.message);
  if (error.stage) fields.emplace_back("stage", *error.stage);
  if (error.task_index) fields.emplace_back("task_index", *error.task_index);
  if (!error.task_type.empty()) fields.emplace_back("task_type", error.task_type);
  if (error.attempt) fields.emplace_back("attempt", *error.attempt);
}

}  // namespace

// ---- the log ----

void Shell::log(const std::string& message) const {
  log_->info(message);
}

/// A program that gave no logger did not ask to hear that all is well.
LogLevel Shell::all_is_well() const {
  return setup_.options.logger ? LogLevel::info : LogLevel::debug;
}

machine::Tell Shell::told() const {
  if (!setup_.options.logger) return machine::Tell::nothing;
  if (log_->wants(LogLevel::debug)) return machine::Tell::everything;
  return log_->wants(LogLevel::warn) ? machine::Tell::failures : machine::Tell::nothing;
}

void Shell::note_start(std::size_t unfinished) const {
  log_->write(all_is_well(), "the machine has started",
              {{"store", without_password(setup_.options.store)},
               {"workers", workers_},
               {"incarnation", incarnation_},
               {"unfinished_jobs", unfinished}});
  if (unfinished > 0)
    log_->info("going on with " + std::to_string(unfinished) +
               (unfinished == 1 ? " unfinished job" : " unfinished jobs"));
  const auto& suspects = record_->suspects();
  if (suspects.empty()) return;
  log_->warn("the last process died; what it ran (" + std::to_string(suspects.size()) + ") runs alone first");
  for (const auto& suspect : suspects) {
    LogFields fields{{"job_id", suspect.job.str()}, {"round", suspect.round}, {"died_alone", suspect.alone}};
    if (!suspect.boundary) fields.emplace_back("task_index", suspect.index);
    log_->write(all_is_well(),
                suspect.boundary ? "its process died while a job handler ran" : "its process died while a task ran",
                std::move(fields));
  }
}

void Shell::note(const machine::Announce& announce) const {
  const auto& what = announce.what;
  const auto ended_badly =
      what.kind == PublishedKind::job_ended && (what.status == JobStatus::failed || what.status == JobStatus::dead);
  const auto level = ended_badly                               ? LogLevel::warn
                     : what.kind == PublishedKind::task_failed ? LogLevel::info
                                                               : LogLevel::debug;
  if (!setup_.options.logger || what.kind == PublishedKind::progress || !log_->wants(level)) return;
  LogFields fields{{"job_id", announce.job.str()}, {"job_type", announce.job_type}};
  std::string message;
  const auto add_stage = [&] {
    fields.emplace_back("stage", what.stage);
    fields.emplace_back("round", what.round);
  };
  switch (what.kind) {
    case PublishedKind::job_accepted: message = "job accepted"; break;
    case PublishedKind::job_started: message = "job started"; break;
    case PublishedKind::progress: return;
    case PublishedKind::stage_started:
    case PublishedKind::stage_completed:
      message = what.kind == PublishedKind::stage_started ? "stage started" : "stage ended";
      add_stage();
      fields.emplace_back("tasks", what.counts.total);
      if (what.kind == PublishedKind::stage_started) break;
      fields.emplace_back("completed", what.counts.completed);
      fields.emplace_back("failed", what.counts.failed + what.counts.dead);
      break;
    case PublishedKind::task_failed:
      message = "a task failed";
      add_stage();
      fields.emplace_back("task_index", what.index);
      fields.emplace_back("task_type", what.task_type);
      fields.emplace_back("attempt", what.attempt);
      add_error(fields, what.error);
      break;
    case PublishedKind::job_ended:
      message = "job ended";
      fields.emplace_back("status", to_string(what.status));
      if (announce.error) add_error(fields, *announce.error);
      break;
  }
  add_trace(fields, announce.traceparent);
  log_->write(level, message, std::move(fields));
}

/// What a report says besides what became of its tasks.
void Shell::look_at(SliceState& slice, const Report& report) {
  const auto& work = slice.work();
  metrics_.reported(work.spec.task_type, work.slice.offered_at, report);
  if (slice.all_at_once) {
    for (std::uint32_t i = 0; i < report.completed.count; ++i) slice.ended.push_back(report.completed.offset_at(i));
    for (const auto& failure : report.failed) slice.ended.push_back(failure.offset);
  }
  if (!report.failed.empty() && log_->wants(LogLevel::debug)) note_failures(work, report);
}

/// One line for each thing that went wrong, not for each attempt.
void Shell::note_failures(const machine::RunSlice& work, const Report& report) const {
  for (std::size_t i = 0; i < report.failed.size();) {
    const auto& first = report.failed[i];
    std::size_t count = 0;
    while (i < report.failed.size() && report.failed[i].error == first.error) ++i, ++count;
    LogFields fields{
        {"job_id", work.slice.job.str()},   {"stage", work.slice.stage},
        {"round", work.slice.round},        {"task_index", TaskIndex{work.slice.chunk} * chunk_size + first.offset},
        {"task_type", work.spec.task_type}, {"attempt", first.attempt},
        {"worker", report.worker},          {"count", count}};
    add_error(fields, first.error);
    add_trace(fields, work.traceparent);
    log_->debug("an attempt failed", std::move(fields));
  }
}

void Shell::note_commit(std::chrono::nanoseconds took, const Batch& batch) {
  ended_jobs_.note_commit(batch);
  metrics_.committed(took, batch);
  const auto time = std::chrono::steady_clock::now();
  if (time - sized_at_ > std::chrono::seconds{1}) {
    sized_at_ = time;
    metrics_.store_bytes.set(static_cast<std::int64_t>(setup_.store->bytes()));
  }
  if (took < slow_commit || (slow_told_at_ && time - *slow_told_at_ < std::chrono::seconds{10})) return;
  slow_told_at_ = time;
  log_->warn("a commit was slow", {{"seconds", std::chrono::duration<double>(took).count()},
                                   {"jobs", batch.jobs.size()},
                                   {"segments", batch.definitions.size() + batch.outcomes.size()}});
}

// ---- queues and workers ----

std::vector<QueueStatus> Shell::queue_status(const Now& now) const {
  std::vector<QueueStatus> queues;
  for (auto& [name, state] : engine_->queues()) {
    const auto info = tasks_.get_info(name);
    QueueStatus queue;
    queue.name = name;
    queue.depth = state.depth;
    queue.running = state.running;
    if (state.oldest) queue.oldest_age = std::max(Milliseconds{0}, now.time - *state.oldest);
    queue.available = state.available;
    queue.declared = info.has_value();
    queue.disabled = info && !info->enabled;
    queue.limit = state.limit;
    queues.push_back(std::move(queue));
  }
  return queues;
}

WorkerStatus Shell::worker_status(const Now& now) const {
  WorkerStatus worker;
  worker.name = "local";
  worker.concurrency = workers_;
  worker.connected_at = started_at_;
  worker.last_seen = now.time;
  for (const auto& info : tasks_.list_all_info()) {
    if (info.enabled) worker.task_types.push_back(info.name);
  }
  for (const auto& [id, slice] : slices_) {
    const auto& work = slice->work();
    for (const auto position : slice->running()) {
      RunningTask task;
      task.job = work.slice.job;
      task.stage = work.slice.stage;
      task.round = work.slice.round;
      task.index = TaskIndex{work.slice.chunk} * chunk_size + work.slice.offset_at(position);
      task.task_type = work.spec.task_type;
      task.attempt = work.slice.attempt_at(position);
      if (const auto began = slice->began())
        task.started_at =
            now.time - std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - *began);
      worker.tasks.push_back(std::move(task));
    }
  }
  const auto order = [](const RunningTask& task) {
    return std::tuple(task.started_at, task.job, task.round, task.index);
  };
  std::sort(worker.tasks.begin(), worker.tasks.end(),
            [&](const RunningTask& a, const RunningTask& b) { return order(a) < order(b); });
  return worker;
}

}  // namespace coremachine::runtime
