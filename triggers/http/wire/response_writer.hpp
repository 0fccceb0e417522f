#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

/// How a response goes to its client.
struct Delivery {
  int minor_version = 1;   ///< of the request
  bool keep_alive = true;  ///< the connection goes on after it
  bool head_only = false;  ///< the request was a HEAD
  std::string_view request_id = {};
  std::string_view date = {};  ///< as DateText has it
};

/// `OK` for 200; empty for a number that nobody has defined.
std::string_view reason_phrase(int status);

/// The text of the Date field, made anew once a second. One caller at a time.
class DateText {
 public:
  /// `Sat, 31 Jan 2026 12:00:00 GMT`. Valid until the next call.
  std::string_view at(std::chrono::sys_seconds now);

 private:
  std::optional<std::chrono::sys_seconds> second_;
  std::string text_;
};

/// Whether a response can be written: a status from 200 to 599, names that are tokens in lower case, values without
/// control characters, and no field that the writer adds itself.
bool is_writable(const Response& response);

/// Appends head and body. A response that is not writable is a mistake of the program that must not become a hole in
/// it: in its place a 500 without a body is written, and false comes back.
bool append_response(std::string& out, const Response& response, const Delivery& delivery);

/// Appends the head of a response whose body follows by pieces: chunked, or until the connection closes for HTTP/1.0,
/// so that keep_alive does not count there; or as they are if the head says with `content-length` how much they are
/// together. `response.body` is the first piece. False as above; then no piece follows.
bool append_stream_head(std::string& out, const Response& response, const Delivery& delivery);
bool says_length(const Response& head);
/// Appends a piece; an empty one is nothing. Where the head says the length, as for HTTP/1.0.
void append_piece(std::string& out, std::string_view piece, int minor_version);
/// Appends the end.
void append_stream_end(std::string& out, int minor_version);

/// What is sent to a client that waits for it before it sends the body.
inline constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

/// For a reply to what has none of its own: 26 letters and digits, and no two alike. Any thread.
std::string make_request_id();

}  // namespace coremachine::http
