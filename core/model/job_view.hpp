#pragma once

#include <coremachine/model/view.hpp>

#include "core/model/job.hpp"

namespace coremachine {

/// The job as readers see it: texts parsed, rounds in order.
JobView make_view(const Job& job);

}  // namespace coremachine
