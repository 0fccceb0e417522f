#include "triggers/http/wire/authority.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "triggers/http/wire/characters.hpp"

namespace coremachine::http {
namespace {

constexpr std::size_t longest_name = 255;

bool is_name(std::string_view text) {
  const auto fits = [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '.' || c == '_';
  };
  return !text.empty() && text.size() <= longest_name && std::all_of(text.begin(), text.end(), fits);
}

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  // To the function that judges, a NUL would be the end.
  if (text.find('\0') != std::string_view::npos) return false;
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace

std::optional<Authority> Authority::parse(std::string_view text) {
  Authority authority;
  std::string_view host;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos || !is_ipv6(text.substr(1, close - 1))) return std::nullopt;
    host = text.substr(0, close + 1);
  } else {
    host = text.substr(0, text.find(':'));
    if (!is_name(host)) return std::nullopt;
  }
  if (const auto rest = text.substr(host.size()); !rest.empty()) {
    authority.port = read_port(rest.substr(1));
    if (!rest.starts_with(':') || (rest.size() > 1 && !authority.port)) return std::nullopt;
  }
  authority.host.resize(host.size());
  std::transform(host.begin(), host.end(), authority.host.begin(), lower);
  return authority;
}

}  // namespace coremachine::http
