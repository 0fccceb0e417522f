#pragma once

#include <string>

#include <coremachine/telemetry/metrics.hpp>

namespace coremachine::telemetry {

/// `0.1.0`
const std::string& version();

/// Always 1; its labels say what was built.
Metric build_info();

}  // namespace coremachine::telemetry
