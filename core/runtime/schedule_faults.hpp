#pragma once

#include <vector>

#include <coremachine/model/error.hpp>

#include "core/schedule/schedule_codec.hpp"

namespace coremachine::runtime {

/// With pointers as params have them: `/cron` for `#/cron`.
std::vector<ParamFault> as_param_faults(const std::vector<schedule::Fault>& faults);

/// What refuses a schedule: the code invalid_params, a message with the first fault and the number of others, and all
/// of them.
Error invalid_schedule(std::vector<ParamFault> faults);

}  // namespace coremachine::runtime
