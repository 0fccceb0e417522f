// Handlers that do not end when they should: what they were to do is given up, and their thread is replaced.

#include <algorithm>
#include <string>
#include <utility>

#include "core/runtime/shell.hpp"

namespace coremachine::runtime {
namespace {

using Clock = std::chrono::steady_clock;

/// When the slice's thread has had all the time that it gets; nothing while none of its tasks has begun.
std::optional<Clock::time_point> given_up_at(const SliceState& slice, Milliseconds grace) {
  if (slice.claimed() == 0) return std::nullopt;
  std::optional<Clock::time_point> at;
  if (slice.stopped_at) at = *slice.stopped_at + grace;
  const auto timeout = slice.work().spec.timeout;
  const auto began = slice.began();
  if (timeout.count() > 0 && began && (!at || *began + timeout + grace < *at)) at = *began + timeout + grace;
  const auto silence = slice.work().spec.heartbeat;
  const auto beat = slice.last_beat();
  if (silence.count() > 0 && beat && (!at || *beat + silence < *at)) at = *beat + silence;
  return at;
}

Text timeout_text(const SliceState& slice) {
  const auto& spec = slice.work().spec;
  std::string message = "the attempt took longer than its timeout of " + std::to_string(spec.timeout.count()) +
                        " ms, and its handler did not return";
  const auto beat = slice.last_beat();
  if (slice.stopped_at) {
    message = "the attempt was told to end, and its handler did not return";
  } else if (spec.heartbeat.count() > 0 && beat && *beat + spec.heartbeat <= Clock::now()) {
    message = "the attempt was not heard of for its heartbeat of " + std::to_string(spec.heartbeat.count()) + " ms";
  }
  return make_text(R"({"type":"timeout","message":")" + message + R"("})");
}

}  // namespace

/// Gives up what is overdue; tells when to look again.
std::optional<Timestamp> Shell::watch(const Now& now) {
  const auto time = Clock::now();
  std::optional<Clock::time_point> next;
  for (std::size_t i = 0; i < watched_.size();) {
    const auto found = slices_.find(watched_[i]);
    const auto grace = setup_.options.grace;
    const auto due = found == slices_.end() ? std::nullopt : given_up_at(*found->second, grace);
    if (found == slices_.end() || (due && *due <= time)) {
      if (found != slices_.end()) give_up(found->second);
      watched_[i] = watched_.back();
      watched_.pop_back();
      continue;
    }
    const auto& spec = found->second->work().spec;
    const auto look = due.value_or(time + (spec.heartbeat.count() > 0 ? spec.heartbeat : spec.timeout + grace));
    if (!next || look < *next) next = look;
    ++i;
  }
  if (!next) return std::nullopt;
  return now.time + std::chrono::duration_cast<Milliseconds>(*next - time) + Milliseconds{1};
}

void Shell::give_up(std::shared_ptr<SliceState> slice) {
  const auto& work = slice->work();
  slice->cancelled().store(true);
  Report report;
  report.round = work.slice.round;
  report.chunk = work.slice.chunk;
  report.incarnation = work.slice.incarnation;
  report.started_at = report.finished_at = now();
  // What it has not begun goes back, and so does what it has done and not told: that was never seen.
  report.returned = slice->take_back();
  const auto running = slice->claimed() - 1;
  for (auto position = slice->reported; position < running; ++position)
    report.returned.push_back(work.slice.offset_at(position));
  FailedAttempt failure;
  failure.offset = work.slice.offset_at(running);
  failure.attempt = work.slice.attempt_at(running);
  failure.error = timeout_text(*slice);
  report.failed.push_back(std::move(failure));
  const bool replaced = pool_->slice_abandoned(work.id);
  LogFields fields{{"job_id", work.slice.job.str()},
                   {"round", work.slice.round},
                   {"task_index", TaskIndex{work.slice.chunk} * chunk_size + work.slice.offset_at(running)},
                   {"task_type", work.spec.task_type},
                   {"attempt", work.slice.attempt_at(running)}};
  log_->warn(
      "a handler of \"" + work.spec.task_type + "\" ignores that it is to end; " +
          (replaced ? "its thread is replaced" : "too many threads are lost this way for this one to be replaced"),
      std::move(fields));
  slices_.erase(work.id);
  engine_->slice_reported(draw(), work.id, std::move(report), true);
}

}  // namespace coremachine::runtime
