#pragma once

#include <string_view>

namespace coremachine::builtin {

/// The media type of a file by the extension of its name, else by how its contents begin.
std::string_view media_type_of(std::string_view name, std::string_view beginning);

/// How much of the contents is worth to be given.
inline constexpr std::size_t beginning_size = 512;

}  // namespace coremachine::builtin
