#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coremachine::client {

/// Where a server is.
struct ServerAddress {
  bool tls = false;
  std::string host;  ///< a name or an address; of IPv6 without brackets
  std::uint16_t port = 0;
  std::string prefix;  ///< before every path, for servers behind a proxy: "" or "/engine"

  std::string url() const;        ///< `http://127.0.0.1:8080/engine`
  std::string authority() const;  ///< for the field Host: `127.0.0.1:8080`, `example.org`, `[::1]:8080`
};

/// `http://HOST[:PORT][/PREFIX]` or https; nothing for anything else. Ports are 80 and 443 by default.
std::optional<ServerAddress> parse_server(std::string_view url);

}  // namespace coremachine::client
