#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include <coremachine/queue/redis_address.hpp>

#include "core/model/percent.hpp"

namespace coremachine {
namespace {

Error bad(const std::string& why) {
  return Error{ErrorCode::invalid_argument,
               why +
                   "; a queue in Redis is redis://USER:PASSWORD@HOST:PORT/DATABASE?prefix=NAME, rediss:// with TLS, or "
                   "unix:///PATH?prefix=NAME"};
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

/// Percent escapes become what they stand for; nothing for one that is none.
std::optional<std::string> unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) return std::nullopt;
    plain += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return plain;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What is before `mark`; the rest stays, without the mark. All of it if there is none.
std::string_view take_until(std::string_view& text, char mark) {
  const auto at = std::min(text.find(mark), text.size());
  const auto taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

/// Where the options begin: at a question mark after which something is set.
std::size_t begin_of_options(std::string_view text) {
  for (auto at = text.find('?'); at != std::string_view::npos; at = text.find('?', at + 1)) {
    const auto is_of_name = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    auto end = at + 1;
    while (end < text.size() && is_of_name(text[end])) ++end;
    if (end > at + 1 && end < text.size() && text[end] == '=') return at;
  }
  return text.size();
}

/// The @ after the credentials; npos: there are none. A password may have a /, a ? or an @ in it that should have been
/// escaped, and so may options and the path of a socket.
std::size_t end_of_user(std::string_view text, bool is_socket) {
  const auto before_options = text.substr(0, begin_of_options(text));
  if (!is_socket) return before_options.rfind('@');
  return before_options.empty() || before_options.front() == '/' ? std::string_view::npos : before_options.find("@/");
}

std::optional<Error> read_user(std::string_view user, RedisAddress& address) {
  const auto name = unescaped(take_until(user, ':'));
  const auto password = unescaped(user);
  if (!name || !password) return bad("the user or the password has a broken % escape");
  address.user = *name;
  address.password = *password;
  return std::nullopt;
}

std::optional<Error> read_host(std::string_view place, RedisAddress& address) {
  if (place.empty()) return std::nullopt;
  std::string_view host = place;
  std::string_view port;
  if (place.front() == '[') {
    const auto end = place.find(']');
    if (end == std::string_view::npos)
      return bad("\"" + std::string(place) + "\" lacks the bracket that closes the address");
    host = place.substr(1, end - 1);
    port = place.substr(end + 1);
    if (!port.empty() && port.front() != ':')
      return bad("\"" + std::string(place) + "\" has something after the bracket");
    if (!port.empty()) port.remove_prefix(1);
  } else if (const auto colon = place.rfind(':'); colon != std::string_view::npos) {
    host = place.substr(0, colon);
    port = place.substr(colon + 1);
    if (host.find(':') != std::string_view::npos)
      return bad("an IPv6 address goes into brackets, and \"" + std::string(place) + "\" has none");
  }
  if (!host.empty()) address.host = host;
  if (port.empty()) return std::nullopt;
  const auto number = number_of<std::uint16_t>(port);
  if (!number || *number == 0) return bad("the port goes from 1 to 65535, and is \"" + std::string(port) + "\"");
  address.port = *number;
  return std::nullopt;
}

std::optional<Error> read_database(std::string_view text, RedisAddress& address) {
  if (text.empty()) return std::nullopt;
  const auto number = number_of<unsigned>(text);
  if (!number || *number > 1'000'000) return bad("the database is a number, and not \"" + std::string(text) + "\"");
  address.database = *number;
  return std::nullopt;
}

std::optional<Error> read_option(std::string_view option, RedisTarget& target) {
  const auto name = take_until(option, '=');
  const auto value = unescaped(option);
  if (!value) return bad("\"" + std::string(name) + "\" has a broken % escape");
  if (name == "db") return read_database(*value, target.address);
  auto& address = target.address;
  for (const auto& [file, place] :
       {std::pair("ca_file", &address.ca_file), std::pair("tls_cert", &address.certificate_file),
        std::pair("tls_key", &address.key_file)}) {
    if (name != file) continue;
    if (!address.tls) return bad("\"" + std::string(name) + "\" belongs to rediss://");
    *place = *value;
    return std::nullopt;
  }
  if (name != "prefix") {
    return bad("\"" + std::string(name) +
               "\" is no option; there are prefix and db, and with rediss:// ca_file, tls_cert and tls_key");
  }
  if (const auto fault = fault_of_prefix(*value); !fault.empty()) return bad(fault);
  target.prefix = *value;
  return std::nullopt;
}

}  // namespace

std::string fault_of_prefix(std::string_view prefix) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_-.:/{}").find(c) != std::string_view::npos;
  };
  if (!prefix.empty() && prefix.size() <= 128 && std::all_of(prefix.begin(), prefix.end(), fits)) return {};
  return "the prefix of the keys is 1 to 128 letters, digits and _-.:/{}";
}

std::string RedisAddress::str() const {
  const auto user_part = user.empty() ? std::string() : percent_encoded(user, "/") + "@";
  if (!socket.empty()) {
    return "unix://" + user_part + percent_encoded(socket, "/") +
           (database == 0 ? std::string() : "?db=" + std::to_string(database));
  }
  const auto shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return (tls ? "rediss://" : "redis://") + user_part + shown + ":" + std::to_string(port) + "/" +
         std::to_string(database);
}

std::string RedisTarget::str() const {
  const auto base = address.str();
  return base + (base.find('?') == std::string::npos ? "?" : "&") + "prefix=" + prefix;
}

Result<RedisTarget> RedisTarget::parse(std::string_view url) {
  const auto scheme_end = url.find("://");
  const auto scheme = url.substr(0, scheme_end);
  if (scheme_end == std::string_view::npos || (scheme != "redis" && scheme != "rediss" && scheme != "unix"))
    return bad("it begins with redis://, rediss:// or unix://");
  auto rest = url.substr(scheme_end + 3);
  RedisTarget target;
  target.address.tls = scheme == "rediss";
  if (const auto at = end_of_user(rest, scheme == "unix"); at != std::string_view::npos) {
    if (auto fault = read_user(rest.substr(0, at), target.address)) return *fault;
    rest.remove_prefix(at + 1);
  }
  auto place = take_until(rest, '?');
  if (scheme == "unix") {
    const auto path = unescaped(place);
    if (!path || path->empty() || path->front() != '/') return bad("the path of the socket begins with a /");
    target.address.socket = *path;
  } else {
    if (auto fault = read_host(take_until(place, '/'), target.address)) return *fault;
    if (auto fault = read_database(place, target.address)) return *fault;
  }
  while (!rest.empty()) {
    if (auto fault = read_option(take_until(rest, '&'), target)) return *fault;
  }
  if (target.address.certificate_file.empty() != target.address.key_file.empty())
    return bad("tls_cert and tls_key belong together");
  return target;
}

}  // namespace coremachine
