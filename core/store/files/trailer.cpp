#include "core/store/files/trailer.hpp"

#include <boost/assert.hpp>

#include "core/store/sha256.hpp"

namespace coremachine::files {

namespace {

constexpr std::string_view magic = "coremachine-art1";
constexpr std::size_t size_at = 16;
constexpr std::size_t length_at = 24;
constexpr std::size_t media_type_at = 25;
constexpr std::size_t check_at = trailer_size - check_size;

std::string check_of_trailer(const ArtifactId& id, std::string_view before) {
  std::string checked(reinterpret_cast<const char*>(id.digest.data()), id.digest.size());
  checked.append(before);
  return check_of(checked);
}

}  // namespace

void append_number(std::string& out, std::uint64_t number, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>((number >> (8 * i)) & 0xFFU));
}

std::uint64_t read_number(std::string_view from, std::size_t at, std::size_t bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number |= std::uint64_t{static_cast<unsigned char>(from[at + i])} << (8 * i);
  return number;
}

std::string check_of(std::string_view bytes) {
  const auto digest = Sha256::of(bytes);
  return {reinterpret_cast<const char*>(digest.data()), check_size};
}

std::string encode_trailer(const ArtifactId& id, const Trailer& trailer) {
  BOOST_ASSERT_MSG(is_media_type(trailer.media_type), "it was checked when the writer was made");
  std::string out(magic);
  append_number(out, trailer.content_size, length_at - size_at);
  append_number(out, trailer.media_type.size(), 1);
  out.append(trailer.media_type);
  out.resize(check_at, '\0');
  return out + check_of_trailer(id, out);
}

std::optional<Trailer> decode_trailer(const ArtifactId& id, std::string_view bytes) {
  if (bytes.size() != trailer_size || !bytes.starts_with(magic)) return std::nullopt;
  if (bytes.substr(check_at) != check_of_trailer(id, bytes.substr(0, check_at))) return std::nullopt;
  const auto length = read_number(bytes, length_at, 1);
  const auto media_type = bytes.substr(media_type_at, static_cast<std::size_t>(length));
  if (!is_media_type(media_type)) return std::nullopt;
  return Trailer{read_number(bytes, size_at, length_at - size_at), std::string(media_type)};
}

}  // namespace coremachine::files
