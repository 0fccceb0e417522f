#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <coremachine/model/artifact.hpp>

namespace coremachine::files {

/// What follows the content in the file of an artifact. Its size is the same for all, so that the size of a file gives
/// that of its content, and the content stands at the beginning as it is: `head -c SIZE FILE | sha256sum`.
///
///   0  "coremachine-art1"          24  length of the media type, 1 byte
///  16  size of the content, LE     25  media type, then zeros up to 248
///                                 248  the first 8 bytes of the SHA-256 of the digest and all that is before
struct Trailer {
  std::uint64_t content_size = 0;
  std::string media_type;
};

inline constexpr std::size_t trailer_size = 256;

std::string encode_trailer(const ArtifactId& id, const Trailer& trailer);
/// Nothing if it is damaged or belongs to another artifact.
std::optional<Trailer> decode_trailer(const ArtifactId& id, std::string_view bytes);

// Little-endian numbers, also for other files.
void append_number(std::string& out, std::uint64_t number, std::size_t bytes);
std::uint64_t read_number(std::string_view from, std::size_t at, std::size_t bytes);

/// The first 8 bytes of a SHA-256.
inline constexpr std::size_t check_size = 8;
std::string check_of(std::string_view bytes);

}  // namespace coremachine::files
