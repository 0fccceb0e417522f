#pragma once

#include <string>

#include "core/model/text.hpp"
#include "core/ports/store.hpp"
#include "core/runtime/large_values.hpp"

namespace coremachine::runtime {

/// The definitions of the chunk that the slice is part of. Throws Failure (store_damaged) if the store has none.
Text stored_definitions(const Slice& slice, const Store& store);

/// {"type", "message"}, as the error of an attempt is kept. What is not UTF-8 becomes an error that says so.
std::string error_text(const std::string& type, const std::string& message);

/// What progress names is kept with it; where that cannot be, it is as good as any other progress.
void hold_progress(LargeValues& large, const Text& progress, ArtifactHolds& holds);

}  // namespace coremachine::runtime
