#pragma once

#include <algorithm>

#include "core/model/job.hpp"
#include "core/model/round.hpp"
#include "core/model/segment.hpp"

namespace coremachine::support {

// Equality of what the engine itself never compares, field by field.

inline bool same(const Text& a, const Text& b) {
  return a == b || (a && b && *a == *b);
}

inline bool same(const DefinitionSegment& a, const DefinitionSegment& b) {
  return a.round == b.round && a.chunk == b.chunk && a.first == b.first && a.count == b.count && a.spec == b.spec &&
         a.specs == b.specs && same(a.body, b.body);
}

inline bool same(const OutcomeSegment& a, const OutcomeSegment& b) {
  return a.round == b.round && a.chunk == b.chunk && a.sequence == b.sequence && a.kind == b.kind &&
         a.first == b.first && a.count == b.count && a.offsets == b.offsets && a.attempt == b.attempt &&
         a.attempts == b.attempts && a.started_at == b.started_at && a.finished_at == b.finished_at &&
         a.finished_ms == b.finished_ms && a.due_ms == b.due_ms && a.worker == b.worker &&
         a.one_for_all == b.one_for_all && a.event == b.event && same(a.carry, b.carry) && same(a.body, b.body);
}

inline bool same(const Signal& a, const Signal& b) {
  return a.name == b.name && same(a.data, b.data);
}

inline bool same(const TaskSource& a, const TaskSource& b) {
  return same(a.cursor, b.cursor) && a.ended == b.ended && a.rest.has_value() == b.rest.has_value() &&
         (!a.rest || same(*a.rest, *b.rest));
}

template <class Items>
bool same_lists(const Items& a, const Items& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) { return same(x, y); });
}

template <class T>
bool same_optionals(const std::optional<T>& a, const std::optional<T>& b) {
  return a.has_value() == b.has_value() && (!a || same(*a, *b));
}

inline bool same(const ClosedRound& a, const ClosedRound& b) {
  return a.number == b.number && a.stage == b.stage && a.lineage == b.lineage && a.status == b.status &&
         a.counts == b.counts && same(a.result, b.result) && a.started_at == b.started_at &&
         a.finished_at == b.finished_at && a.policy == b.policy && a.specs == b.specs && a.is_inline == b.is_inline &&
         a.folds == b.folds && same_optionals(a.source, b.source) && a.opened == b.opened &&
         a.started_event == b.started_event && a.closed_event == b.closed_event &&
         same_lists(a.inline_definitions, b.inline_definitions) && same_lists(a.inline_outcomes, b.inline_outcomes);
}

/// What of a round is in its job's row.
inline bool same(const Round& a, const Round& b) {
  return a.number == b.number && a.stage == b.stage && a.lineage == b.lineage && a.status == b.status &&
         (a.phase == RoundPhase::closed) == (b.phase == RoundPhase::closed) && a.counts == b.counts &&
         a.first_error == b.first_error && same(a.result, b.result) && a.started_at == b.started_at &&
         a.finished_at == b.finished_at && a.policy == b.policy && a.specs == b.specs && a.is_inline == b.is_inline &&
         a.folds == b.folds && same_optionals(a.source, b.source) && a.gate_open == b.gate_open &&
         a.opened == b.opened && a.started_event == b.started_event && a.closed_event == b.closed_event &&
         same_optionals(a.signal, b.signal) && same_lists(a.inline_definitions, b.inline_definitions) &&
         same_lists(a.inline_outcomes, b.inline_outcomes);
}

/// What of a job is in its own row, the closed rounds left out.
inline bool same(const Job& a, const Job& b) {
  const bool rounds = a.round.has_value() == b.round.has_value() && (!a.round || same(*a.round, *b.round));
  return rounds && same_lists(a.signals, b.signals) && a.id == b.id && a.type == b.type && a.version == b.version &&
         same(a.params, b.params) && a.priority == b.priority && a.tags == b.tags && a.status == b.status &&
         a.attempt == b.attempt && a.error == b.error && same(a.result, b.result) && a.created_at == b.created_at &&
         a.run_at == b.run_at && a.timeout == b.timeout && a.deadline == b.deadline && a.started_at == b.started_at &&
         a.traceparent == b.traceparent && a.finished_at == b.finished_at && a.last_round == b.last_round &&
         a.had_failures == b.had_failures && a.last_boundary == b.last_boundary &&
         a.boundary_losses == b.boundary_losses && a.last_event == b.last_event &&
         a.accepted_event == b.accepted_event && a.started_event == b.started_event && a.accepted_at == b.accepted_at &&
         same(a.history, b.history);
}

}  // namespace coremachine::support
