#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "core/machine/recovery.hpp"
#include "core/machine/step.hpp"
#include "core/model/record.hpp"

namespace coremachine::support {

using namespace coremachine::machine;

inline constexpr Timestamp start{Milliseconds{1'000'000}};

inline Now at(Milliseconds later = {}) {
  return Now{start + later, 42, 1};
}

inline Submission submission() {
  Submission submission;
  submission.id = JobId{1, 1};
  submission.type = "any";
  submission.params = make_text("{}");
  return submission;
}

inline NextStage stage_of(std::uint32_t tasks, int stage = 1) {
  NextStage next;
  next.stage = stage;
  next.specs.push_back(SharedSpec{"work", RetryPolicy{2, Milliseconds{100}, 2.0, Milliseconds{1000}, false}});
  for (std::uint32_t first = 0; first < tasks; first += chunk_size) {
    DefinitionSegment segment;
    segment.chunk = first / chunk_size;
    segment.first = first;
    segment.count = std::min(chunk_size, tasks - first);
    segment.body = make_text("[]");
    next.chunks.push_back(std::move(segment));
  }
  return next;
}

/// A job under test with the effects of its last step.
struct Bench {
  Job job = make_job(submission());
  Effects effects;
  Milliseconds clock{0};
  Rules rules = {};
  std::vector<DefinitionSegment> definitions = {};  ///< that went to the store
  std::vector<OutcomeSegment> outcomes = {};        ///< likewise

  void give(Event event) {
    effects.clear();
    step(job, std::move(event), at(clock), rules, effects);
    for (auto& effect : effects.list()) {
      if (auto* offer = std::get_if<OfferTasks>(&effect.body)) offer_tasks(job, *offer, at(clock).time);
      if (auto* append = std::get_if<AppendDefinitions>(&effect.body)) definitions.push_back(append->segment);
      if (auto* append = std::get_if<AppendOutcomes>(&effect.body)) outcomes.push_back(append->segment);
    }
  }
  /// The process dies; the next one reads back what is in the store.
  void crash(std::uint32_t deaths = 0) {
    job = decode_job(encode_job(job), {});
    if (job.round && job.round->phase != RoundPhase::closed) {
      auto& round = *job.round;
      const auto defined = round.is_inline ? round.inline_definitions : definitions;
      const auto came = round.is_inline ? round.inline_outcomes : outcomes;
      rebuild_chunks(round, defined, came, Rebuild::to_go_on);
    }
    give(JobRecovered{deaths});
  }
  Slice take(std::uint32_t most = 1000) {
    Effects ignored;
    auto taken = hand_out(
        job, at(clock), [&](SpecNumber) { return most; }, ignored);
    REQUIRE(taken);
    return std::move(taken->second);
  }
  BoundaryDecided decided(decltype(BoundaryDecided::next) next, bool with_result = true) const {
    BoundaryDecided event;
    event.boundary = job.boundary ? job.boundary->number : 0;
    if (job.round && with_result) event.stage_result = make_text(R"({"r":1})");
    event.next = std::move(next);
    return event;
  }
  static Report completed(const Slice& slice) {
    Report report;
    report.round = slice.round;
    report.chunk = slice.chunk;
    report.incarnation = slice.incarnation;
    auto& done = report.completed;
    done.first = slice.first;
    done.count = slice.count;
    done.offsets = slice.offsets;
    done.attempts = slice.attempts;
    std::string body = "[";
    for (std::uint32_t i = 0; i < slice.count; ++i) {
      if (i > 0) body += ',';
      body += std::to_string(slice.offset_at(i));
      done.ends.push_back(static_cast<std::uint32_t>(body.size()));
    }
    done.body = make_text(body + "]");
    return report;
  }
  static Report failed(const Slice& slice, FailedAttempt::Verdict verdict = FailedAttempt::Verdict::retry) {
    Report report;
    report.round = slice.round;
    report.chunk = slice.chunk;
    report.incarnation = slice.incarnation;
    for (std::uint32_t i = 0; i < slice.count; ++i) {
      FailedAttempt failure;
      failure.offset = slice.offset_at(i);
      failure.attempt = slice.attempt_at(i);
      failure.verdict = verdict;
      failure.code = verdict == FailedAttempt::Verdict::dead ? ErrorCode::handler_contract : ErrorCode::task_failed;
      failure.error = make_text(R"({"type":"error","message":"on purpose"})");
      report.failed.push_back(std::move(failure));
    }
    return report;
  }
  template <class Effect>
  bool wants() const {
    for (const auto& effect : effects.list()) {
      if (std::holds_alternative<Effect>(effect.body)) return true;
    }
    return false;
  }
};

}  // namespace coremachine::support
