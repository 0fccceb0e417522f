#pragma once

#include <string>
#include <string_view>

#include "core/model/utf8.hpp"

namespace coremachine {

/// Appends one step to an RFC 6901 pointer: `/a~1b` for the key `a/b`. What is not UTF-8 becomes U+FFFD, so that the
/// pointer can stand in any message.
inline void append_pointer_token(std::string& pointer, std::string_view key) {
  pointer.push_back('/');
  for (std::size_t at = 0; at < key.size();) {
    const auto length = utf8_length(key, at);
    if (length == 0) {
      pointer.append("\xEF\xBF\xBD");
    } else if (key[at] == '~') {
      pointer.append("~0");
    } else if (key[at] == '/') {
      pointer.append("~1");
    } else {
      pointer.append(key, at, length);
    }
    at += length == 0 ? 1 : length;
  }
}

}  // namespace coremachine
