#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coremachine::http {

/// Whom a request is for: the field Host, or the authority of a target in absolute form.
struct Authority {
  std::string host;  ///< in lower case: a name, an IPv4 address, or an IPv6 address in brackets
  std::optional<std::uint16_t> port = {};

  /// `localhost:8080`, `[::1]`. An empty port, `localhost:`, is none (RFC 3986, 3.2.3). Nothing for what is no
  /// authority: user names, an empty host, and what RFC 3986 allows in names but nobody has in them.
  static std::optional<Authority> parse(std::string_view text);

  friend bool operator==(const Authority&, const Authority&) = default;
};

}  // namespace coremachine::http
