#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include <coremachine/model/error.hpp>

namespace coremachine::cli {

/// The params of a job from the command line: JSON text, `@FILE`, `-` for standard input, or nothing; then each
/// `key=value`, whose value is JSON where it reads as JSON and a string otherwise.
Result<boost::json::object> params_from(const std::string& argument, const std::vector<std::string>& pairs);

}  // namespace coremachine::cli
