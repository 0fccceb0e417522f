#pragma once

#include <string>
#include <string_view>

namespace coremachine {

/// The URL of a store, a queue or a server as it may be shown: the password that it may have in it is left out. What is
/// no URL comes back as it is.
std::string without_password(std::string_view url);

}  // namespace coremachine
