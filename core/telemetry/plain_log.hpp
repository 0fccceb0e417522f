#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include <coremachine/telemetry/log.hpp>

namespace coremachine::telemetry {

/// For programs that gave no logger: each record is one text, without time and level, for `function`; without one it
/// goes to standard error.
std::shared_ptr<Logger> make_plain_log(std::function<void(std::string_view)> function);

}  // namespace coremachine::telemetry
