#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <boost/json/object.hpp>

#include <coremachine/model/time.hpp>

namespace coremachine::cli {

/// Adds PARAMS (JSON, @FILE or -) and `-p key=value`, to be read by `params_from`.
void add_params_options(CLI::App& command, std::string& argument, std::vector<std::string>& pairs);

/// `params_from`, and CommandFailure (usage) where it fails.
boost::json::object params_or_failure(const std::string& argument, const std::vector<std::string>& pairs);

/// The value of an option that takes a duration; nothing where it was not given. Throws CommandFailure (usage).
std::optional<Milliseconds> duration_argument(const std::string& option, const std::string& text);

/// `a,b`; nothing for none.
std::string joined(const std::vector<std::string>& words);

/// A time of the command line for the server: RFC 3339 as it is; a duration (`2h`) is so long ago.
std::string time_argument(const std::string& text);

/// Adds an option that may be given again and takes one value each time.
CLI::Option* add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& into,
                          const std::string& help, const std::string& type_name);

}  // namespace coremachine::cli
