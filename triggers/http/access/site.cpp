#include "triggers/http/access/site.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <arpa/inet.h>

namespace coremachine::http {

namespace {

std::optional<std::array<unsigned char, 4>> ipv4(std::string_view host) {
  std::array<unsigned char, 4> bytes{};
  if (::inet_pton(AF_INET, std::string(host).c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

std::optional<std::array<unsigned char, 16>> ipv6(std::string_view host) {
  std::array<unsigned char, 16> bytes{};
  if (host.size() < 2 || host.front() != '[') return std::nullopt;
  if (::inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), bytes.data()) != 1)
    return std::nullopt;
  return bytes;
}

bool is_address(std::string_view host) {
  return ipv4(host) || ipv6(host);
}

std::string_view without_dot(std::string_view host) {
  return host.size() > 1 && host.back() == '.' ? host.substr(0, host.size() - 1) : host;
}

/// No part between dots is empty.
bool is_whole(std::string_view host) {
  return !host.empty() && host.front() != '.' && host.back() != '.' && host.find("..") == std::string_view::npos;
}

bool changes_something(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS" && method != "TRACE";
}

}  // namespace

bool is_loopback(std::string_view host) {
  host = without_dot(host);
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (const auto bytes = ipv4(host)) return (*bytes)[0] == 127;
  const auto bytes = ipv6(host);
  if (!bytes) return false;
  std::array<unsigned char, 16> one{};
  one[15] = 1;
  if (*bytes == one) return true;
  std::array<unsigned char, 12> mapped{};
  mapped[10] = mapped[11] = 0xff;
  return std::equal(mapped.begin(), mapped.end(), bytes->begin()) && (*bytes)[12] == 127;
}

Result<Site> Site::make(const std::string& listen, const std::vector<std::string>& allow_hosts) {
  Site site;
  const auto bound = Authority::parse(listen);
  site.answers_to_addresses_ = bound && !is_loopback(bound->host);
  if (bound && site.answers_to_addresses_ && !is_address(bound->host)) site.names_.push_back(bound->host);
  for (const auto& name : allow_hosts) {
    if (name == "*") {
      site.answers_to_all_ = true;
      continue;
    }
    const bool below = name.starts_with('.');
    const auto parsed = Authority::parse(below ? name.substr(1) : name);
    const std::string host(parsed ? without_dot(parsed->host) : "");
    if (!is_whole(host) || parsed->port || name.ends_with(':')) {
      return Error{ErrorCode::invalid_argument, "allow-host: \"" + name +
                                                    "\" is not the name of a host without a port, .NAME for all below "
                                                    "it, or *"};
    }
    below ? site.suffixes_.push_back("." + host) : site.names_.push_back(host);
  }
  return site;
}

bool Site::was_named(const std::string& host) const {
  const auto plain = without_dot(host);
  return std::find(names_.begin(), names_.end(), plain) != names_.end() ||
         std::any_of(suffixes_.begin(), suffixes_.end(), [&](const auto& suffix) { return plain.ends_with(suffix); });
}

bool Site::is_ours(const std::string& host) const {
  return answers_to_all_ || is_loopback(host) || was_named(host) || (answers_to_addresses_ && is_address(host));
}

std::optional<Refusal> Site::check(const Request& request) const {
  if (auto refusal = check_host(request)) return refusal;
  return check_origin(request);
}

std::optional<Refusal> Site::check_host(const Request& request) const {
  const auto* host = request.find("host");
  if (!host) return std::nullopt;  // HTTP/1.0, which no browser speaks
  const auto parsed = Authority::parse(*host);
  if (parsed && is_ours(parsed->host)) return std::nullopt;
  const auto name = parsed ? parsed->host : std::string("NAME");
  return Refusal{
      403,
      "this server does not answer to the Host of this request; if it should, start it with --allow-host " + name,
      {},
      false};
}

// Browsers that are not old say in Sec-Fetch-Site whose page it was; all say in Origin, but not always. What is no
// browser sends neither.
std::optional<Refusal> Site::check_origin(const Request& request) const {
  const Refusal refusal{403, "this request comes from a page of another site", {}, false};
  if (const auto* origin = request.find("origin")) {
    return is_same_site(*origin, request) ? std::nullopt : std::optional(refusal);
  }
  const auto* site = request.find("sec-fetch-site");
  if (!site || !changes_something(request.method) || *site == "same-origin" || *site == "none") return std::nullopt;
  return refusal;
}

bool Site::is_same_site(const std::string& origin, const Request& request) const {
  const bool secure = origin.starts_with("https://");
  if (!secure && !origin.starts_with("http://")) return false;  // `null` too
  const auto from = Authority::parse(std::string_view(origin).substr(secure ? 8 : 7));
  if (!from) return false;
  // Behind a proxy the Host may be that of the proxy's choice, and the port that of either.
  if (was_named(from->host)) return true;
  const auto* host = request.find("host");
  const auto to = host ? Authority::parse(*host) : std::nullopt;
  const std::uint16_t usual = secure ? 443 : 80;
  return to && to->host == from->host && to->port.value_or(usual) == from->port.value_or(usual);
}

}  // namespace coremachine::http
