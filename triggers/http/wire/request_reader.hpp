#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "triggers/http/wire/chunk_decoder.hpp"
#include "triggers/http/wire/head_rules.hpp"
#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

struct Limits {
  std::size_t target = 8 * 1024;     ///< bytes of the request target; beyond: 414
  std::size_t header = 8 * 1024;     ///< bytes of all header lines together, without the request line; beyond: 431
  std::size_t fields = 128;          ///< header lines; beyond: 431
  std::uint64_t body = 1024 * 1024;  ///< bytes of a body; beyond: 413, before it is read
};

/// Makes requests of the bytes of one connection. No sockets, no clock, no threads; one caller at a time.
///
///   feed(bytes) until state() is head_ready          head() is whole and sound; nothing of the body was taken
///   read_body(), or skip_body() to answer without it
///   feed(bytes) until state() is complete            take(); what came after it is kept for the next request
///
/// It takes RFC 9112 by the letter, and nothing that two readers could understand differently: see docs/decisions.md.
/// What it says of given bytes does not depend on how they were split. Work and memory are linear in what came.
class RequestReader {
 public:
  enum class State : std::uint8_t {
    needs_head,  ///< more bytes are due; started() says whether the request has begun
    head_ready,  ///< the caller decides: read_body or skip_body
    needs_body,  ///< more bytes are due
    complete,    ///< take() is due
    refused,     ///< refusal() says why; nothing more is read, and the connection is to be closed
  };

  /// `peer` and `secure` go into every request.
  explicit RequestReader(Limits limits = {}, std::string peer = {}, bool secure = false);

  /// Takes all of the bytes, in any state: what is not due yet is kept, so the caller bounds it by not reading on while
  /// a request is being answered.
  State feed(std::string_view bytes);
  State state() const { return state_; }

  /// Whether a byte of the request is there: time-outs of an idle connection and of a slow request differ.
  bool started() const { return state_ != State::needs_head || now_.started; }
  /// Bytes that were fed and belong to none but later requests, or to what is not read yet.
  std::size_t buffered() const { return buffer_.size() - begin_; }

  /// The request without its body; null before its head is whole, and of a head that was refused.
  /// From head_ready until take().
  const Request* head() const { return now_.has_head ? &now_.request : nullptr; }

  /// In head_ready: the body is wanted, up to this size or the limit if that is smaller. Refuses with 413 at once where
  /// Content-Length says that it is longer. Without a body it is complete now.
  State read_body(std::uint64_t limit = UINT64_MAX);

  /// In head_ready: the request was answered without its body. True: at most `at_most` bytes are read and dropped, and
  /// when that is complete, take() is due and the connection goes on. False: that cannot be done (it is longer, of
  /// unknown length, or the client waits for 100 Continue), and the connection is to be closed after the answer.
  bool skip_body(std::uint64_t at_most);

  /// What has come of the body since it was last asked; only what is left is in the request in the end.
  std::string take_body_part() { return std::exchange(now_.request.body, {}); }

  /// In needs_body: the client waits for `100 Continue` before it sends the body, and nothing of that is there yet. To
  /// be asked once, after read_body.
  bool wants_continue() const;

  /// In complete. What came after the request is read at once, so the state may be any but complete afterwards. What
  /// follows a request that does not keep the connection alive is not to be answered.
  Request take();

  /// In refused.
  const Refusal& refusal() const { return refusal_; }

 private:
  enum class Part : std::uint8_t { method, target, version, fields, body };

  std::size_t consume(std::string_view bytes);
  void consume_kept();
  // Each takes a part of what is at the front of `bytes`. False if it needs more, or has come to another state.
  bool read_part(std::string_view bytes, std::size_t& used);
  bool read_method(std::string_view bytes, std::size_t& used);
  bool read_empty_line(std::string_view bytes, std::size_t& used);
  bool read_target(std::string_view bytes);
  bool read_version(std::string_view bytes, std::size_t& used);
  bool read_field_line(std::string_view bytes, std::size_t& used);
  bool read_sized_body(std::string_view bytes, std::size_t& used);
  bool read_chunked_body(std::string_view bytes, std::size_t& used);
  bool end_request_line(std::string_view line);
  bool end_head();
  bool complete();
  bool refuse(int status, std::string detail);
  bool refuse(Refusal refusal);
  void begin_body(std::uint64_t limit);

  Limits limits_;
  std::string peer_;
  bool secure_;

  State state_ = State::needs_head;
  std::string buffer_ = {};  // what was fed and is not consumed: of it, what follows begin_
  std::size_t begin_ = 0;
  Refusal refusal_ = {};

  /// Of the request that is being read.
  struct Progress {
    Part part = Part::method;
    bool started = false;
    bool has_head = false;
    bool drops_body = false;
    bool has_body_bytes = false;
    std::size_t empty_lines = 0;  // before the request line
    std::size_t scanned = 0;      // of the line that is not whole yet
    std::size_t method_size = 0;
    std::size_t target_size = 0;
    std::size_t header_size = 0;
    Framing framing = {};
    std::uint64_t body_rest = 0;
    std::optional<ChunkDecoder> chunks = {};
    Request request = {};
  };
  Progress now_ = {};
};

}  // namespace coremachine::http
