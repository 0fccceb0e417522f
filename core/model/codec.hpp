#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/json_reader.hpp"
#include "core/model/json_writer.hpp"
#include "core/model/round.hpp"

namespace coremachine::codec {

// The parts of which the `state` of a row is made. Members with their usual value are left out, so that the state of
// a small job is small. Reading throws JsonMismatch.

void write_error(JsonWriter& out, const Error& error);
Error read_error(JsonReader& in);

void write_policy(JsonWriter& out, const StagePolicy& policy);
StagePolicy read_policy(JsonReader& in);

void write_spec(JsonWriter& out, const SharedSpec& spec);
SharedSpec read_spec(JsonReader& in);

void write_limit(JsonWriter& out, const TypeLimit& limit);
TypeLimit read_limit(JsonReader& in);

void write_counts(JsonWriter& out, const TaskCounts& counts);
TaskCounts read_counts(JsonReader& in);

/// Segments that are kept inline in the round `home`, which is most often their own.
void write_segment(JsonWriter& out, const DefinitionSegment& segment, RoundNumber home);
void write_segment(JsonWriter& out, const OutcomeSegment& segment, RoundNumber home);
DefinitionSegment read_definition_segment(JsonReader& in, RoundNumber home);
OutcomeSegment read_outcome_segment(JsonReader& in, RoundNumber home);

void write_signal(JsonWriter& out, const Signal& signal);
Signal read_signal(JsonReader& in);

void write_source(JsonWriter& out, const TaskSource& source, RoundNumber home);
TaskSource read_source(JsonReader& in, RoundNumber home);

std::string_view word_of(StopReason reason);
StopReason read_stop(JsonReader& in);

std::string_view to_string(OutcomeKind kind);
std::optional<OutcomeKind> outcome_kind_from(std::string_view text);

/// What is wrong with a segment on its own, if its lists do not fit together: readers index them without looking.
std::optional<std::string> fault_of(const DefinitionSegment& segment);
std::optional<std::string> fault_of(const OutcomeSegment& segment);

/// The same for segments that belong together, and to these specs.
std::optional<std::string> fault_of(const std::vector<SharedSpec>& specs,
                                    const std::vector<DefinitionSegment>& definitions,
                                    const std::vector<OutcomeSegment>& outcomes);

}  // namespace coremachine::codec
