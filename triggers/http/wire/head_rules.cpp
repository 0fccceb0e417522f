#include "triggers/http/wire/head_rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <system_error>

#include "triggers/http/wire/authority.hpp"
#include "triggers/http/wire/characters.hpp"
#include "triggers/http/wire/response_writer.hpp"

namespace coremachine::http {
namespace {

using Verdict = std::optional<Refusal>;

constexpr std::size_t longest_request_id = 128;
constexpr std::array<std::string_view, 9> methods = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                     "CONNECT", "OPTIONS", "TRACE", "PATCH"};
/// Those of which a second one would be read by one program and not by the next.
constexpr std::array<std::string_view, 7> single_fields = {"host",   "content-length",  "content-type", "authorization",
                                                           "origin", "idempotency-key", "last-event-id"};

Refusal bad(std::string detail) {
  return Refusal{400, std::move(detail)};
}

/// The fields that this file looks at, found in one pass.
struct Known {
  const std::string* host = nullptr;
  const std::string* content_length = nullptr;
  const std::string* transfer_encoding = nullptr;
  const std::string* expect = nullptr;
  const std::string* request_id = nullptr;
  const std::string* repeated = nullptr;  // the name of a field that must be there once
  bool several_codings = false;
  bool says_close = false;
  bool says_keep_alive = false;
};

void note_connection(std::string_view list, Known& known) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const auto option = trimmed(list.substr(0, comma));
    known.says_close |= equals_lower(option, "close");
    known.says_keep_alive |= equals_lower(option, "keep-alive");
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
}

Known look_through(const std::vector<Field>& fields) {
  Known known;
  unsigned seen = 0;
  for (const auto& [name, value] : fields) {
    const auto* const single = std::find(single_fields.begin(), single_fields.end(), name);
    if (single != single_fields.end()) {
      const auto bit = 1U << static_cast<unsigned>(single - single_fields.begin());
      if ((seen & bit) != 0 && known.repeated == nullptr) known.repeated = &name;
      seen |= bit;
    }
    if (name == "host") known.host = &value;
    if (name == "content-length") known.content_length = &value;
    if (name == "expect") known.expect = &value;
    if (name == "x-request-id") known.request_id = &value;
    if (name == "connection") note_connection(value, known);
    if (name == "transfer-encoding") {
      known.several_codings |= known.transfer_encoding != nullptr;
      known.transfer_encoding = &value;
    }
  }
  return known;
}

/// Of all lines together, as a list: "gzip, chunked".
std::string codings_of(const Request& request) {
  std::string list;
  for (const auto& [name, value] : request.fields) {
    if (name == "transfer-encoding") list += (list.empty() ? "" : ",") + value;
  }
  return list;
}

Verdict judge_codings(std::string_view list) {
  std::size_t chunked = 0;
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    const auto coding = trimmed(list.substr(begin, end - begin));
    begin = end + 1;
    if (!is_token(coding)) return bad("Transfer-Encoding is malformed; it should be chunked");
    if (!equals_lower(coding, "chunked")) {
      return Refusal{501, "the transfer coding " + std::string(coding) + " is not known here; chunked is"};
    }
    ++chunked;
  }
  if (chunked > 1) return bad("Transfer-Encoding says chunked more than once");
  return std::nullopt;
}

Verdict judge_framing(const Request& request, const Known& known, Framing& framing) {
  if (known.transfer_encoding != nullptr) {
    if (known.content_length != nullptr) return bad("Content-Length and Transfer-Encoding exclude each other");
    if (request.minor_version == 0) return bad("HTTP/1.0 has no Transfer-Encoding");
    const auto refusal =
        known.several_codings ? judge_codings(codings_of(request)) : judge_codings(*known.transfer_encoding);
    framing.chunked = !refusal;
    return refusal;
  }
  if (known.content_length == nullptr) return std::nullopt;
  const auto& text = *known.content_length;
  std::uint64_t length = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) {
    return bad("Content-Length is malformed; it should be one number in digits");
  }
  if (code != std::errc{}) return bad("Content-Length does not fit 64 bits");
  framing.length = length;
  return std::nullopt;
}

/// For "http://host:port/path?query": moves the path to the front, and gives the authority.
std::optional<std::string> split_absolute(std::string& target) {
  const auto scheme_end = target.find("://");
  if (scheme_end == std::string::npos) return std::nullopt;
  const auto scheme = std::string_view(target).substr(0, scheme_end);
  if (!equals_lower(scheme, "http") && !equals_lower(scheme, "https")) return std::nullopt;
  const auto begin = scheme_end + 3;
  const auto end = std::min(target.find_first_of("/?", begin), target.size());
  auto authority = target.substr(begin, end - begin);
  target.erase(0, end);
  return authority;
}

std::uint16_t default_port(const std::string& target) {
  return equals_lower(std::string_view(target).substr(0, 5), "https") ? 443 : 80;
}

Verdict take_to_origin_form(Request& request, const std::string* host) {
  auto& target = request.target;
  const bool asks_for_server = request.method == "OPTIONS";
  if (target.starts_with('/') || (target == "*" && asks_for_server)) return std::nullopt;
  if (target == "*") return bad("the target * is for OPTIONS alone");
  const auto usual_port = default_port(target);
  const auto authority_text = split_absolute(target);
  if (!authority_text) {
    if (request.method == "CONNECT") {
      return Refusal{
          405, "CONNECT is for proxies, and this server is none", {{"allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS"}}};
    }
    return bad("the target has to be a path that begins with '/', or a URL with http");
  }
  const auto authority = Authority::parse(*authority_text);
  if (!authority) return bad("the target names no valid host");
  if (host == nullptr) {
    request.fields.push_back({"host", *authority_text});
  } else {
    const auto named = Authority::parse(*host);
    const bool same = named && named->host == authority->host &&
                      named->port.value_or(usual_port) == authority->port.value_or(usual_port);
    if (!same) return bad("the target names another host than the field Host");
  }
  if (target.empty() && asks_for_server) target = "*";
  if (!target.starts_with('/') && target != "*") target.insert(0, "/");
  return std::nullopt;
}

Verdict judge_host(const Request& request, const std::string* host) {
  if (host == nullptr) {
    return request.minor_version == 0 ? std::nullopt : Verdict(bad("the field Host is missing"));
  }
  if (!Authority::parse(*host)) return bad("the field Host names no valid host; it should be name:port");
  return std::nullopt;
}

}  // namespace

bool is_known_method(std::string_view method) {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

Verdict judge_head(Request& request, Framing& framing) {
  const auto known = look_through(request.fields);
  if (known.repeated != nullptr) return bad("the field " + *known.repeated + " is there more than once");
  if (auto refusal = judge_host(request, known.host)) return refusal;
  if (auto refusal = judge_framing(request, known, framing)) return refusal;
  if (known.expect != nullptr && request.minor_version > 0) {
    if (!equals_lower(*known.expect, "100-continue")) {
      return Refusal{417, "the only expectation that can be met is 100-continue"};
    }
    framing.expects_continue = framing.has_body();
  }
  request.keep_alive = !known.says_close && (request.minor_version > 0 || known.says_keep_alive);
  const bool is_sane =
      known.request_id != nullptr && known.request_id->size() <= longest_request_id && is_token(*known.request_id);
  request.id = is_sane ? *known.request_id : make_request_id();
  return take_to_origin_form(request, known.host);
}

}  // namespace coremachine::http
