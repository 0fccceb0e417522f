#include <algorithm>
#include <string>
#include <vector>

#include "core/model/percent.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/http/wire/transcript.hpp"
#include "triggers/http/wire/authority.hpp"
#include "triggers/http/wire/characters.hpp"
#include "triggers/http/wire/target.hpp"

namespace coremachine::fuzz {
namespace {

using namespace coremachine::http;
using testing::read_pieces;
using testing::to_text;

// Small, so that short inputs reach them.
Limits small_limits() {
  Limits limits;
  limits.target = 64;
  limits.header = 256;
  limits.fields = 8;
  limits.body = 64;
  return limits;
}

/// Pieces whose lengths depend on the bytes alone.
std::vector<std::string_view> pieces_of(std::string_view bytes) {
  std::vector<std::string_view> pieces;
  unsigned state = 2166136261U;
  for (const char c : bytes) state = (state ^ static_cast<unsigned char>(c)) * 16777619U;
  while (!bytes.empty()) {
    state = state * 1664525U + 1013904223U;
    pieces.push_back(bytes.substr(0, 1 + (state >> 24U) % 24));
    bytes.remove_prefix(pieces.back().size());
  }
  return pieces;
}

void check_request(const Request& request, const Limits& limits) {
  require(is_known_method(request.method), "a method is known");
  require(request.target.starts_with('/') || (request.target == "*" && request.method == "OPTIONS"), "origin form");
  require(std::all_of(request.target.begin(), request.target.end(), is_target_char), "a target has no bad bytes");
  require(request.target.size() <= limits.target + 1, "a target is within its limit");
  require(request.body.size() <= limits.body, "a body is within its limit");
  // In absolute form, the host may be added.
  require(request.fields.size() <= limits.fields + 1, "fields are within their limit");
  for (const auto& [name, value] : request.fields) {
    require(is_token(name) && is_text(value) && trimmed(value) == value, "fields have no bad bytes");
  }
  require(request.minor_version == 0 || request.find("host") != nullptr, "there is a host");
  const auto* const host = request.find("host");
  require(host == nullptr || Authority::parse(*host).has_value(), "the host is sound");
}

/// The same request, framed by its length.
std::string written_again(const Request& request) {
  auto text = request.method + ' ' + request.target + " HTTP/1." + std::to_string(request.minor_version) + "\r\n";
  for (const auto& [name, value] : request.fields) {
    if (name == "transfer-encoding" || name == "content-length") continue;
    text += name + ": " + value + "\r\n";
  }
  return text + "content-length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
}

void check_again(const Request& request) {
  const auto again = read_pieces({written_again(request)});
  require(again.requests.size() == 1 && again.left == 0, "a request can be written and read again");
  const auto& other = again.requests.front();
  require(other.method == request.method && other.target == request.target && other.body == request.body &&
              other.keep_alive == request.keep_alive && other.minor_version == request.minor_version,
          "a request that is written and read again is the same");
}

}  // namespace

void request_reader(std::string_view bytes) {
  const auto limits = small_limits();
  const auto whole = read_pieces({bytes}, limits);
  require(to_text(read_pieces(pieces_of(bytes), limits)) == to_text(whole), "a split changes nothing");
  for (const auto& request : whole.requests) {
    check_request(request, limits);
    check_again(request);
  }
  if (whole.state == RequestReader::State::refused) {
    require(whole.refusal.status >= 400 && whole.refusal.status < 600, "a refusal has a status");
    require(whole.refusal.close && !whole.refusal.detail.empty() && is_text(whole.refusal.detail), "and says why");
  }
}

void request_target(std::string_view bytes) {
  const auto target = http::Target::parse(bytes);
  if (!target) {
    require(!target.error().message.empty(), "a refusal says why");
    return;
  }
  std::string text;
  for (const auto& segment : target->segments) text += "/" + percent_encoded(segment);
  if (text.empty()) text = "/";
  const char* separator = "?";
  for (const auto& [name, value] : target->query.parameters()) {
    text += separator + percent_encoded(name) + "=" + percent_encoded(value);
    separator = "&";
  }
  const auto again = http::Target::parse(text);
  require(again.has_value(), "a target can be written and read again");
  require(again->segments == target->segments && again->query.parameters() == target->query.parameters(),
          "a target that is written and read again is the same");
}

void authority(std::string_view bytes) {
  const auto authority = Authority::parse(bytes);
  if (!authority) return;
  const auto text = authority->host + (authority->port ? ":" + std::to_string(*authority->port) : "");
  require(Authority::parse(text) == authority, "an authority that is written and read again is the same");
  require(is_text(text) && text.size() <= bytes.size(), "it has only what was there");
}

}  // namespace coremachine::fuzz
