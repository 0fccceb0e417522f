#pragma once

#include <coremachine/registry/stage_fold.hpp>

#include "core/machine/action.hpp"
#include "core/ports/store.hpp"
#include "core/runtime/large_values.hpp"

namespace coremachine::runtime {

/// The JSON text of a folded value. Throws BrokenContract: it is too large, or not JSON.
Text folded_text(const json::value& folded, int stage);

/// The result of a stage that folds: what the workers have folded already is merged, the rest is folded here.
/// Throws BrokenContract, Failure for the store, and what the fold throws.
json::object fold_stage(const StageFold& fold, const machine::HandlerCall& call, const Store& store, LargeValues& large,
                        const StageOutcome& outcome);

}  // namespace coremachine::runtime
