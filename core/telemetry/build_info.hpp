#pragma once

#include <coremachine/telemetry/metrics.hpp>

namespace coremachine::telemetry {

/// Always 1; its labels say what was built.
Metric build_info();

}  // namespace coremachine::telemetry
