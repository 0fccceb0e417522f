#pragma once

#include <memory>

#include <coremachine/registry/job_handler.hpp>

#include "core/machine/action.hpp"
#include "core/ports/store.hpp"
#include "core/runtime/handler_artifacts.hpp"

namespace coremachine::runtime {

/// The results of the round that a handler call closes: from the call itself for a small round, else read from the
/// store chunk by chunk. `call` and `artifacts` outlive it.
std::shared_ptr<const ResultSource> make_result_source(const machine::HandlerCall& call, const Store& store,
                                                       HandlerArtifacts& artifacts);

}  // namespace coremachine::runtime
