#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ports/artifacts.hpp"
#include "core/store/files/file.hpp"

namespace coremachine::files {

// The file of an output. Numbers are little-endian; a check is the first 8 bytes of a SHA-256.
//
//   header   "coremachine-out1", how many bytes of the file were durable when it was last written (8), check (8)
//   record   size of the key (4), size of the bytes (4), check of both and all that follows (8), key, bytes
//
// The header is written before records are, with what was synced until then. So a record that is not sound is the torn
// end of the last writes if it lies behind what the header says, and damage if it lies before.

inline constexpr std::size_t output_header_size = 32;

std::string encode_output_header(std::uint64_t durable);
/// Nothing if it is damaged.
std::optional<std::uint64_t> decode_output_header(std::string_view bytes);

void append_output_record(std::string& out, const OutputRecord& record);

/// Reads the records of an output in order, through a buffer.
class OutputScanner {
 public:
  explicit OutputScanner(const File& file) : file_(file) {}

  /// The next record, good until the next call. Nothing at the end, and at what is no sound record: `offset` is there.
  Result<std::optional<OutputRecord>> next();
  /// Where the next record begins.
  std::uint64_t offset() const { return offset_; }

 private:
  /// Sees to it that n bytes from the offset on are in the buffer; false: there are not so many.
  Result<bool> fill(std::size_t n);

  const File& file_;
  std::uint64_t offset_ = output_header_size;
  std::string buffer_ = {};
  std::size_t begin_ = 0;  ///< of what is not read yet, in the buffer
};

}  // namespace coremachine::files
