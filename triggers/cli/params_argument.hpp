#pragma once

#include <string>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/model/error.hpp>

namespace coremachine::cli {

/// The params of a job from the command line: JSON text, `@FILE`, `-` for standard input, or nothing; then each
/// `key=value`, whose value is JSON where it reads as JSON and a string otherwise.
Result<boost::json::object> params_from(const std::string& argument, const std::vector<std::string>& pairs);

/// The same for a value that need not be an object, as what a signal carries; with pairs it has to be one.
Result<boost::json::value> value_from(const std::string& argument, const std::vector<std::string>& pairs);

}  // namespace coremachine::cli
