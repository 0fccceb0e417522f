#include "triggers/http/wire/response_writer.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <random>

#include <coremachine/model/ids.hpp>

#include "triggers/http/wire/characters.hpp"

namespace coremachine::http {
namespace {

constexpr std::array<std::string_view, 6> fields_of_writer = {"connection",        "content-length", "date",
                                                              "transfer-encoding", "x-request-id",   "trailer"};

bool is_lower_case_token(std::string_view name) {
  return is_token(name) && std::all_of(name.begin(), name.end(), [](char c) { return lower(c) == c; });
}

bool has_no_body(int status) {
  return status == 204 || status == 304;
}

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

/// Names are read without regard to case; people look for `Content-Type`, and so do their scripts.
void append_usual_field(std::string& out, std::string_view name, std::string_view value) {
  const auto begin = out.size();
  append_field(out, name, value);
  if (name == "etag") out.replace(begin, name.size(), "ETag");
  if (name == "www-authenticate") out.replace(begin, name.size(), "WWW-Authenticate");
  bool begins_word = true;
  for (auto i = begin; i < begin + name.size(); ++i) {
    if (begins_word && out[i] >= 'a' && out[i] <= 'z') out[i] = static_cast<char>(out[i] - 'a' + 'A');
    begins_word = out[i] == '-';
  }
}

/// All of the head but what says how the body is framed, and the empty line at the end.
void append_head(std::string& out, const Response& response, const Delivery& delivery, bool keep_alive) {
  out.append("HTTP/1.1 ");
  append_number(out, static_cast<std::uint64_t>(response.status));
  out.append(" ").append(reason_phrase(response.status)).append("\r\n");
  for (const auto& [name, value] : response.fields) append_usual_field(out, name, value);
  if (!delivery.date.empty()) append_field(out, "Date", delivery.date);
  if (!delivery.request_id.empty()) append_field(out, "X-Request-Id", delivery.request_id);
  if (!keep_alive) {
    append_field(out, "Connection", "close");
  } else if (delivery.minor_version == 0) {
    append_field(out, "Connection", "keep-alive");
  }
}

void append_failure(std::string& out, const Delivery& delivery) {
  append_head(out, Response{500}, delivery, delivery.keep_alive);
  out.append("Content-Length: 0\r\n\r\n");
}

std::uint64_t scrambled(std::uint64_t number) {
  // The finisher of MurmurHash3: one to one, so that different numbers stay different.
  number = (number ^ (number >> 33U)) * 0xFF51AFD7ED558CCDULL;
  number = (number ^ (number >> 33U)) * 0xC4CEB9FE1A85EC53ULL;
  return number ^ (number >> 33U);
}

std::uint64_t random_number() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return {};
  }
}

std::string_view DateText::at(std::chrono::sys_seconds now) {
  if (second_ == now) return text_;
  constexpr std::string_view days = "SunMonTueWedThuFriSat";
  constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto day = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(now - day);
  const auto two = [&](long number) { text_.append(number < 10 ? "0" : "").append(std::to_string(number)); };
  text_ = days.substr(std::chrono::weekday(day).c_encoding() * 3, 3);
  text_ += ", ";
  two(static_cast<unsigned>(date.day()));
  text_.append(" ").append(months.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3)).append(" ");
  text_ += std::to_string(static_cast<int>(date.year()));
  text_ += ' ';
  two(time.hours().count());
  text_ += ':';
  two(time.minutes().count());
  text_ += ':';
  two(time.seconds().count());
  text_ += " GMT";
  second_ = now;
  return text_;
}

namespace {

bool is_ours(const Field& field) {
  return std::find(fields_of_writer.begin(), fields_of_writer.end(), field.name) != fields_of_writer.end();
}

bool is_sound(const Response& response, bool may_say_length) {
  return response.status >= 200 && response.status < 600 &&
         std::all_of(response.fields.begin(), response.fields.end(), [&](const Field& field) {
           return is_lower_case_token(field.name) && is_text(field.value) &&
                  (!is_ours(field) || (may_say_length && field.name == "content-length"));
         });
}

}  // namespace

bool is_writable(const Response& response) {
  return is_sound(response, false);
}

bool says_length(const Response& head) {
  return std::any_of(head.fields.begin(), head.fields.end(),
                     [](const Field& field) { return field.name == "content-length"; });
}

bool append_response(std::string& out, const Response& response, const Delivery& delivery) {
  if (!is_writable(response)) {
    append_failure(out, delivery);
    return false;
  }
  append_head(out, response, delivery, delivery.keep_alive);
  if (!has_no_body(response.status)) {
    out.append("Content-Length: ");
    append_number(out, response.body.size());
    out.append("\r\n");
  }
  out.append("\r\n");
  if (!has_no_body(response.status) && !delivery.head_only) out.append(response.body);
  return true;
}

bool append_stream_head(std::string& out, const Response& response, const Delivery& delivery) {
  if (!is_sound(response, true) || has_no_body(response.status)) {
    append_failure(out, delivery);
    return false;
  }
  const bool counted = says_length(response);
  const bool chunked = !counted && delivery.minor_version > 0;
  append_head(out, response, delivery, (chunked || counted) && delivery.keep_alive);
  out.append(chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
  if (!delivery.head_only) append_piece(out, response.body, chunked ? delivery.minor_version : 0);
  return true;
}

void append_piece(std::string& out, std::string_view piece, int minor_version) {
  if (piece.empty()) return;  // in chunks, it would be the end
  if (minor_version == 0) {
    out.append(piece);
    return;
  }
  append_number(out, piece.size(), 16);
  out.append("\r\n").append(piece).append("\r\n");
}

void append_stream_end(std::string& out, int minor_version) {
  if (minor_version > 0) out.append("0\r\n\r\n");
}

std::string make_request_id() {
  static const std::uint64_t process = random_number();
  static const std::uint64_t offset = random_number();
  static std::atomic<std::uint64_t> count{0};
  return JobId{process, scrambled(offset + count.fetch_add(1, std::memory_order_relaxed))}.str();
}

}  // namespace coremachine::http
