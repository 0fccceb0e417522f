#pragma once

#include <coremachine/runtime/queries.hpp>

#include "core/model/effect.hpp"

namespace coremachine::runtime {

/// The event as readers get it, live or afterwards.
JobEvent describe(JobId job, const Publish& what, std::string_view traceparent);

}  // namespace coremachine::runtime
