#pragma once

#include <string>
#include <string_view>

namespace coremachine {

/// For a URL: all bytes but letters, digits, `-._~` and those of `also_plain` become `%XX`. Without `also_plain` it is
/// one segment of a path, or a name or a value in a query.
std::string percent_encoded(std::string_view text, std::string_view also_plain = {});

}  // namespace coremachine
