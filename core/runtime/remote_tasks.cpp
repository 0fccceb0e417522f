#include "core/runtime/remote_tasks.hpp"

#include <utility>

#include "core/model/json_reader.hpp"
#include "core/model/json_text.hpp"
#include "core/runtime/slice_texts.hpp"

namespace coremachine {

namespace runtime {
namespace {

Error bad(const RemoteReport& report, const RemoteOutcome& outcome, const std::string& why) {
  return Error{ErrorCode::invalid_argument,
               "task " + std::to_string(outcome.index) + " of lease " + report.lease.str() + ": " + why};
}

/// Nothing, or why the text is no JSON value of ours.
std::optional<std::string> fault_of(std::string_view text) {
  const auto value = parse_strict(text);
  if (!value) return value.error().message;
  return std::nullopt;
}

/// The result, or a reference to it if it is large.
Text kept(std::string text, LargeValues& large, ArtifactHolds& holds) {
  if (text.size() <= large.limit()) {
    large.hold_named(text, holds);
    return make_text(std::move(text));
  }
  std::string reference;
  const auto value = parse_stored(text);
  if (const auto fault = large.append(reference, value, large.limit(), holds))
    throw ArtifactFailure(Error{ErrorCode::invalid_argument, *fault});
  return make_text(std::move(reference));
}

Text progress_of(std::string text, LargeValues& large, ArtifactHolds& holds) {
  if (text.empty()) return nullptr;
  auto progress = make_text(std::move(text));
  hold_progress(large, progress, holds);
  return progress;
}

}  // namespace

HandOut hand_out_of(const machine::RunSlice& run, const Store& store) {
  const auto& slice = run.slice;
  HandOut out;
  out.lease = LeaseId{run.id};
  out.job = slice.job;
  out.stage = slice.stage;
  out.round = slice.round;
  out.defined_in = slice.defined_in;
  out.task_type = run.spec.task_type;
  out.timeout = run.spec.timeout;
  out.heartbeat = run.spec.heartbeat;
  out.offered_at = slice.offered_at;
  out.alone = run.alone;
  out.traceparent = run.traceparent;
  const auto text = run.definitions ? run.definitions : stored_definitions(slice, store);
  const auto ends = element_ends(*text);
  out.tasks.reserve(slice.count);
  for (std::uint32_t i = 0; i < slice.count; ++i) {
    const auto offset = slice.offset_at(i);
    const std::size_t begin = offset == 0 ? 1 : ends.at(offset - 1) + 1;
    RemoteTask task;
    task.index = TaskIndex{slice.chunk} * chunk_size + offset;
    task.attempt = slice.attempt_at(i);
    task.params = text->substr(begin, ends.at(offset) - begin);
    for (const auto& [of, progress] : slice.progress) {
      if (of == offset) task.progress = *progress;
    }
    out.tasks.push_back(std::move(task));
  }
  return out;
}

Result<machine::LeaseReport> lease_report_of(RemoteReport report, LargeValues& large) try {
  machine::LeaseReport made;
  made.lease = report.lease.value;
  made.outcomes.reserve(report.outcomes.size());
  for (auto& outcome : report.outcomes) {
    machine::LeaseOutcome told;
    told.index = outcome.index;
    told.attempt = outcome.attempt;
    told.took_us = static_cast<std::uint64_t>(std::max<std::chrono::microseconds::rep>(0, outcome.took.count()));
    switch (outcome.kind) {
      case RemoteOutcome::Kind::completed:
        if (const auto fault = fault_of(outcome.result))
          return bad(report, outcome, "its result is no JSON: " + *fault);
        told.text = kept(std::move(outcome.result), large, made.artifacts);
        break;
      case RemoteOutcome::Kind::failed:
        if (!outcome.progress.empty()) {
          if (const auto fault = fault_of(outcome.progress))
            return bad(report, outcome, "its progress is no JSON: " + *fault);
        }
        told.kind = machine::LeaseOutcome::Kind::failed;
        told.text = make_text(error_text(outcome.failure.type, outcome.failure.message));
        told.permanent = outcome.failure.kind == TaskFailure::Kind::permanent;
        told.dead = outcome.failure.kind == TaskFailure::Kind::dead;
        told.retry_after = outcome.failure.retry_after;
        told.progress = progress_of(std::move(outcome.progress), large, made.artifacts);
        break;
      case RemoteOutcome::Kind::returned: told.kind = machine::LeaseOutcome::Kind::returned; break;
    }
    made.outcomes.push_back(std::move(told));
  }
  return made;
} catch (const ArtifactFailure& failure) {
  return failure.error();
}

Result<machine::LeaseRenewed> lease_renewed_of(LeaseRenewal renewal, LargeValues& large) {
  machine::LeaseRenewed made;
  made.lease = renewal.lease.value;
  for (auto& told : renewal.progress) {
    if (const auto fault = fault_of(told.progress))
      return Error{ErrorCode::invalid_argument, "the progress of task " + std::to_string(told.index) + " of lease " +
                                                    renewal.lease.str() + " is no JSON: " + *fault};
    auto text = progress_of(std::move(told.progress), large, made.artifacts);
    made.progress.push_back({told.index, told.attempt, std::move(text)});
  }
  return made;
}

LeaseState state_of(machine::LeaseStatus status) {
  switch (status) {
    case machine::LeaseStatus::held: return LeaseState::held;
    case machine::LeaseStatus::recalled: return LeaseState::recalled;
    case machine::LeaseStatus::cancelled: return LeaseState::cancelled;
    case machine::LeaseStatus::gone: return LeaseState::gone;
  }
  return LeaseState::gone;
}

}  // namespace runtime
}  // namespace coremachine
