#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coremachine {

/// The known names that are nearest to one that is not known: at most three, the nearest first.
std::vector<std::string_view> nearest_names(std::string_view name, const std::vector<std::string_view>& known);

/// `unknown job type "hello_wrld"; nearest: hello_world`. `kind` is what the names are of, in the singular.
std::string describe_unknown(std::string_view kind, std::string_view name, const std::vector<std::string_view>& known);

/// The name in quotes, as it may stand in a message: shortened, and without bytes that do not print.
std::string quoted_name(std::string_view name);

}  // namespace coremachine
