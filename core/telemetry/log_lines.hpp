#pragma once

#include <string>

#include <coremachine/telemetry/log.hpp>

namespace coremachine::telemetry {

/// `message (job_id=…, attempt=2)`: for those who have a time and a level of their own.
std::string to_plain(const LogRecord& record);

}  // namespace coremachine::telemetry
