#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include <coremachine/model/error.hpp>

namespace coremachine {

/// `parse_strict`, for text in which values of authors are some levels down: with a depth of its own.
Result<boost::json::value> parse_strict_to(std::size_t max_depth, std::string_view text,
                                           std::vector<ParamFault>& beyond);

}  // namespace coremachine
