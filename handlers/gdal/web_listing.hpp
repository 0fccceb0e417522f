#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace coremachine::builtin {

/// What a page that lists a directory links to inside of it, as names: those of directories end with `/`. Links that
/// lead elsewhere are not among them. The forms of Apache, nginx, Caddy, Python and others have nothing else in common.
std::vector<std::string> names_in_web_listing(std::string_view html);

}  // namespace coremachine::builtin
