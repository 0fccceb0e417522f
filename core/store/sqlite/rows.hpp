#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/ports/store.hpp"
#include "core/store/sqlite/connection.hpp"

namespace coremachine::sqlite {

// How rows of the engine become rows of the tables and come back. The statements are in the order of the columns.

void write(Connection& to, const std::vector<JobRow>& rows);
void write(Connection& to, const RoundRow& row);
void write(Connection& to, const std::string& job, const DefinitionSegment& segment);
void write(Connection& to, const std::string& job, const OutcomeSegment& segment);

// They take the columns that core/store/table_rows.hpp names, and throw what it says.
JobRow read_job_row(const Rows& rows);
RoundRow read_round_row(const Rows& rows);
DefinitionSegment read_definition(const Rows& rows);
OutcomeSegment read_outcome(const Rows& rows);

}  // namespace coremachine::sqlite
