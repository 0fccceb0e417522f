#pragma once

#include <string>
#include <string_view>

namespace coremachine {

/// The URL of a store as it may be shown: the password that it may have in it is left out.
std::string without_password(std::string_view url);

}  // namespace coremachine
