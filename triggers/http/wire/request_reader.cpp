#include "triggers/http/wire/request_reader.hpp"

#include <algorithm>
#include <utility>

#include <boost/assert.hpp>

#include "triggers/http/wire/characters.hpp"
#include "triggers/http/wire/lines.hpp"

namespace coremachine::http {
namespace {

constexpr std::size_t longest_method = 32;
constexpr std::size_t most_empty_lines = 4;
constexpr std::size_t usual_fields = 8;
constexpr std::size_t first_reserve = 64 * 1024;
constexpr std::string_view version_form = "HTTP/0.0\r\n";  // 0 for any digit
constexpr std::size_t major_at = 5;
constexpr std::size_t minor_at = 7;
constexpr char first_byte_of_tls = 0x16;

std::string too_long_body(std::uint64_t limit) {
  return "the body is longer than the " + std::to_string(limit) + " bytes that are taken here";
}

}  // namespace

RequestReader::RequestReader(Limits limits, std::string peer, bool secure)
    : limits_(limits), peer_(std::move(peer)), secure_(secure) {}

RequestReader::State RequestReader::feed(std::string_view bytes) {
  if (state_ == State::refused) return state_;
  if (buffered() == 0) {
    // Nothing waits, so what is whole in these bytes need not be copied.
    bytes.remove_prefix(consume(bytes));
    if (state_ != State::refused) buffer_.append(bytes);
  } else {
    buffer_.append(bytes);
    consume_kept();
  }
  return state_;
}

void RequestReader::consume_kept() {
  begin_ += consume(std::string_view(buffer_).substr(begin_));
  if (state_ == State::refused || begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
  } else if (begin_ >= buffer_.size() - begin_) {
    // Never moves more than was consumed since the last time.
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
}

std::size_t RequestReader::consume(std::string_view bytes) {
  std::size_t used = 0;
  for (bool more = true; more && used < bytes.size();) {
    std::size_t step = 0;
    more = (state_ == State::needs_head || state_ == State::needs_body) && read_part(bytes.substr(used), step);
    used += step;
  }
  return used;
}

bool RequestReader::read_part(std::string_view bytes, std::size_t& used) {
  switch (now_.part) {
    case Part::method: return read_method(bytes, used);
    case Part::target: return read_target(bytes);
    case Part::version: return read_version(bytes, used);
    case Part::fields: return read_field_line(bytes, used);
    case Part::body:
      now_.has_body_bytes = true;
      return now_.chunks ? read_chunked_body(bytes, used) : read_sized_body(bytes, used);
  }
  return false;
}

bool RequestReader::read_method(std::string_view bytes, std::size_t& used) {
  if (bytes.front() == '\r' || bytes.front() == '\n') return read_empty_line(bytes, used);
  now_.started = true;
  auto& size = now_.method_size;
  const auto window = std::min(bytes.size(), longest_method + 1);
  while (size < window && is_token_char(bytes[size])) ++size;
  if (size > longest_method) return refuse(501, "the method is not known here");
  if (size == bytes.size()) return false;
  if (bytes.front() == first_byte_of_tls) return refuse(400, "this looks like TLS, and plain HTTP is due here");
  if (size == 0) return refuse(400, "a request begins with its method, and not with " + shown(bytes.front()));
  if (bytes[size] != ' ') return refuse(400, "the method has " + shown(bytes[size]) + " in it");
  now_.part = Part::target;
  return true;
}

// Some clients send one after the body of an earlier request.
bool RequestReader::read_empty_line(std::string_view bytes, std::size_t& used) {
  if (bytes.front() == '\n') return refuse(400, std::string(fault_of(LineEnd::bare_lf)));
  if (bytes.size() == 1) return false;
  if (bytes[1] != '\n') return refuse(400, std::string(fault_of(LineEnd::bare_cr)));
  if (++now_.empty_lines > most_empty_lines) return refuse(400, "too many empty lines stand before the request");
  used = 2;
  return true;
}

bool RequestReader::read_target(std::string_view bytes) {
  const auto begin = now_.method_size + 1;
  auto& size = now_.target_size;
  const auto window = std::min(bytes.size() - begin, limits_.target + 1);
  while (size < window && is_target_char(bytes[begin + size])) ++size;
  if (size > limits_.target) {
    return refuse(414, "the request target is longer than " + std::to_string(limits_.target) + " bytes");
  }
  if (begin + size == bytes.size()) return false;
  const char end = bytes[begin + size];
  if (end == '\r' || end == '\n') return refuse(400, "the request line has no HTTP version");
  if (end == '#') return refuse(400, "the request target has a fragment, which is for the client alone");
  if (end != ' ') return refuse(400, "the request target has " + shown(end) + " in it; it should be percent-encoded");
  if (size == 0) return refuse(400, "between the parts of the request line is one space, and no more");
  now_.part = Part::version;
  return true;
}

bool RequestReader::read_version(std::string_view bytes, std::size_t& used) {
  const auto begin = now_.method_size + now_.target_size + 2;
  const auto seen = bytes.substr(begin, version_form.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const bool fits = version_form[i] == '0' ? is_digit(seen[i]) : seen[i] == version_form[i];
    if (fits) continue;
    if (i == version_form.size() - 2 && seen[i] == '\n') return refuse(400, std::string(fault_of(LineEnd::bare_lf)));
    if (i == version_form.size() - 1) return refuse(400, std::string(fault_of(LineEnd::bare_cr)));
    return refuse(400, "the request line should end in HTTP/1.1");
  }
  if (seen.size() < version_form.size()) return false;
  used = begin + version_form.size();
  return end_request_line(bytes.substr(0, used));
}

bool RequestReader::end_request_line(std::string_view line) {
  const auto version = line.substr(line.size() - version_form.size());
  if (version[major_at] != '1') return refuse(505, "this server speaks HTTP/1.1 and HTTP/1.0");
  const auto method = line.substr(0, now_.method_size);
  if (!is_known_method(method)) return refuse(501, "the method " + std::string(method) + " is not known here");
  auto& request = now_.request;
  request.method = method;
  request.target = line.substr(now_.method_size + 1, now_.target_size);
  request.fields.reserve(usual_fields);
  request.minor_version = version[minor_at] == '0' ? 0 : 1;
  now_.part = Part::fields;
  return true;
}

bool RequestReader::read_field_line(std::string_view bytes, std::size_t& used) {
  std::size_t size = 0;
  switch (const auto end = find_line(bytes, limits_.header - now_.header_size, now_.scanned, size)) {
    case LineEnd::found: break;
    case LineEnd::not_yet: return false;
    case LineEnd::too_long:
      return refuse(431, "the header is longer than " + std::to_string(limits_.header) + " bytes");
    case LineEnd::bare_cr:
    case LineEnd::bare_lf: return refuse(400, std::string(fault_of(end)));
  }
  used = size + 2;
  now_.header_size += used;
  if (size == 0) return end_head();
  auto& fields = now_.request.fields;
  if (fields.size() == limits_.fields) {
    return refuse(431, "the header has more than " + std::to_string(limits_.fields) + " fields");
  }
  if (auto fault = read_field(bytes.substr(0, size), fields.emplace_back())) return refuse(400, std::move(*fault));
  return true;
}

bool RequestReader::end_head() {
  now_.request.peer = peer_;
  now_.request.secure = secure_;
  if (auto refusal = judge_head(now_.request, now_.framing)) return refuse(std::move(*refusal));
  now_.has_head = true;
  now_.part = Part::body;
  state_ = State::head_ready;
  return false;
}

RequestReader::State RequestReader::read_body(std::uint64_t limit) {
  BOOST_ASSERT(state_ == State::head_ready);
  limit = std::min(limit, limits_.body);
  if (now_.framing.length.value_or(0) > limit) {
    refuse(413, too_long_body(limit));
    consume_kept();
  } else {
    begin_body(limit);
  }
  return state_;
}

bool RequestReader::skip_body(std::uint64_t at_most) {
  BOOST_ASSERT(state_ == State::head_ready);
  const auto& framing = now_.framing;
  if (framing.chunked || framing.expects_continue || framing.length.value_or(0) > at_most) return false;
  now_.drops_body = true;
  begin_body(at_most);
  return true;
}

void RequestReader::begin_body(std::uint64_t limit) {
  const auto& framing = now_.framing;
  if (!framing.has_body()) {
    complete();
    return;
  }
  state_ = State::needs_body;
  now_.body_rest = framing.length.value_or(0);
  if (framing.chunked) now_.chunks.emplace(limit);
  if (!now_.drops_body) now_.request.body.reserve(std::min<std::uint64_t>(now_.body_rest, first_reserve));
  consume_kept();
}

bool RequestReader::wants_continue() const {
  return state_ == State::needs_body && now_.framing.expects_continue && !now_.has_body_bytes;
}

bool RequestReader::read_sized_body(std::string_view bytes, std::size_t& used) {
  used = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), now_.body_rest));
  if (!now_.drops_body) now_.request.body.append(bytes.substr(0, used));
  now_.body_rest -= used;
  return now_.body_rest > 0 || complete();
}

bool RequestReader::read_chunked_body(std::string_view bytes, std::size_t& used) {
  switch (now_.chunks->decode(bytes, used, now_.drops_body ? nullptr : &now_.request.body)) {
    case ChunkDecoder::Verdict::needs_more: return false;
    case ChunkDecoder::Verdict::done: return complete();
    case ChunkDecoder::Verdict::malformed: return refuse(400, now_.chunks->fault());
    case ChunkDecoder::Verdict::too_long: return refuse(413, too_long_body(now_.chunks->limit()));
  }
  return false;
}

bool RequestReader::complete() {
  state_ = State::complete;
  return false;
}

Request RequestReader::take() {
  BOOST_ASSERT(state_ == State::complete);
  Request request = std::move(now_.request);
  now_ = Progress{};
  state_ = State::needs_head;
  consume_kept();
  return request;
}

bool RequestReader::refuse(int status, std::string detail) {
  return refuse(Refusal{status, std::move(detail)});
}

bool RequestReader::refuse(Refusal refusal) {
  refusal_ = std::move(refusal);
  state_ = State::refused;
  return false;
}

}  // namespace coremachine::http
