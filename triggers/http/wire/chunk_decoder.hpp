#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coremachine::http {

/// Takes the chunked transfer coding off a body (RFC 9112, 7.1), by the letter. Extensions and trailer fields are read
/// and dropped, within limits: 256 bytes for the line of a chunk, 4 KiB for all extensions, 4 KiB for all trailers.
class ChunkDecoder {
 public:
  enum class Verdict : std::uint8_t { needs_more, done, malformed, too_long };

  /// A body of more than `limit` bytes is too long, as soon as the line of the chunk that goes beyond says so.
  explicit ChunkDecoder(std::uint64_t limit) : limit_(limit) {}

  /// Takes bytes from the front of `bytes`, sets `used` to how many, and appends what they carry to `body`, or drops it
  /// where that is null. What is not used has to be offered again, with more behind it.
  Verdict decode(std::string_view bytes, std::size_t& used, std::string* body);

  /// What is wrong, after `malformed`.
  const std::string& fault() const { return fault_; }
  std::uint64_t limit() const { return limit_; }

 private:
  enum class Part : std::uint8_t { size, data, data_end, trailers, done };

  Verdict decode_size(std::string_view bytes, std::size_t& used);
  Verdict decode_data(std::string_view bytes, std::size_t& used, std::string* body);
  Verdict decode_data_end(std::string_view bytes, std::size_t& used);
  Verdict decode_trailer(std::string_view bytes, std::size_t& used);
  Verdict read_size(std::string_view line);
  Verdict fail(std::string fault);

  Part part_ = Part::size;
  std::uint64_t limit_;
  std::uint64_t size_ = 0;  // of the body so far, the chunk that has begun included
  std::uint64_t rest_ = 0;  // of the chunk
  std::size_t scanned_ = 0;
  std::size_t extensions_ = 0;
  std::size_t trailers_ = 0;
  std::string fault_;
};

}  // namespace coremachine::http
