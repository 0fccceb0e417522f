#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>

namespace coremachine::params {

/// How many faults are told at most; one more says that there are more.
inline constexpr std::size_t most_faults = 100;

/// What refuses params: the code invalid_params, a message with the first fault and the number of others, and `faults`.
COREMACHINE_API Error invalid_params(std::vector<ParamFault> faults);

/// `the params do not fit: /width is 0, should be …; /tags is missing, …`: the first faults in a line, and how many
/// others there are.
COREMACHINE_API std::string describe_faults(const std::vector<ParamFault>& faults, std::size_t named = 10);

}  // namespace coremachine::params
