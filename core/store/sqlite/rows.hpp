#pragma once

#include <string>
#include <utility>

#include "core/ports/store.hpp"
#include "core/store/sqlite/connection.hpp"

namespace coremachine::sqlite {

// How rows of the engine become rows of the tables and come back. The statements are in the order of the columns.

void write(Connection& to, const JobRow& row);
void write(Connection& to, const RoundRow& row);
void write(Connection& to, const std::string& job, const DefinitionSegment& segment);
void write(Connection& to, const std::string& job, const OutcomeSegment& segment);

/// The columns that the readers below take, for use in a SELECT.
#define COREMACHINE_JOB_COLUMNS                                                                                     \
  "id, type, version, status, priority, tags, attempt, created_at, run_at, started_at, finished_at, error, state, " \
  "params, result"
#define COREMACHINE_ROUND_COLUMNS "job, round, stage, status, started_at, finished_at, result, state"
#define COREMACHINE_DEFINITION_COLUMNS "job, round, chunk, first, count, spec, specs"
#define COREMACHINE_OUTCOME_COLUMNS                                                                        \
  "job, round, chunk, sequence, kind, first, count, offsets, attempt, attempts, started_at, finished_at, " \
  "finished_ms, due_ms, worker, one_for_all, event, carry"

// They throw Failure (store_damaged) for what was never written. Segments have their body after their last column,
// or NULL.
JobRow read_job_row(const Rows& rows);
RoundRow read_round_row(const Rows& rows);
DefinitionSegment read_definition(const Rows& rows);
OutcomeSegment read_outcome(const Rows& rows);

}  // namespace coremachine::sqlite
