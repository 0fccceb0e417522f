#include "core/client/server_address.hpp"

#include <algorithm>
#include <charconv>

namespace coremachine::client {
namespace {

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_ipv6_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.' || c == '%';
}

std::optional<std::uint16_t> port_from(std::string_view digits) {
  std::uint16_t port = 0;
  const auto* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, port);
  if (error != std::errc() || at != end || port == 0) return std::nullopt;
  return port;
}

/// Takes the host from the front of `rest`.
std::optional<std::string> take_host(std::string_view& rest) {
  std::string host;
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (host.find(':') == std::string::npos || !std::all_of(host.begin(), host.end(), is_ipv6_character))
      return std::nullopt;
  } else {
    host = rest.substr(0, rest.find(':'));
    rest.remove_prefix(host.size());
    if (host.empty() || !std::all_of(host.begin(), host.end(), is_host_character)) return std::nullopt;
  }
  return host;
}

}  // namespace

std::string ServerAddress::authority() const {
  const bool bracketed = host.find(':') != std::string::npos;
  std::string text = bracketed ? "[" + host + "]" : host;
  if (port != (tls ? 443 : 80)) text += ":" + std::to_string(port);
  return text;
}

std::string ServerAddress::url() const {
  return (tls ? "https://" : "http://") + authority() + prefix;
}

std::optional<ServerAddress> parse_server(std::string_view url) {
  ServerAddress server;
  if (url.starts_with("https://")) {
    server.tls = true;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  const auto slash = std::min(url.find('/'), url.size());
  auto authority = url.substr(0, slash);
  server.prefix = url.substr(slash);
  while (server.prefix.ends_with('/')) server.prefix.pop_back();
  if (server.prefix.find_first_of("?# \t\r\n") != std::string::npos) return std::nullopt;
  auto host = take_host(authority);
  if (!host) return std::nullopt;
  server.host = std::move(*host);
  server.port = server.tls ? 443 : 80;
  if (authority.empty()) return server;
  const auto port = authority.starts_with(':') ? port_from(authority.substr(1)) : std::nullopt;
  if (!port) return std::nullopt;
  server.port = *port;
  return server;
}

}  // namespace coremachine::client
