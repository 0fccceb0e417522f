#include <coremachine/model/artifact.hpp>

#include <algorithm>

#include <boost/json/string.hpp>

namespace coremachine {

namespace {

constexpr std::string_view id_prefix = "sha256-";
constexpr std::string_view hex = "0123456789abcdef";
constexpr std::size_t max_media_type_size = 200;

constexpr std::string_view id_key = "$artifact";
constexpr std::string_view size_key = "size";
constexpr std::string_view media_type_key = "media_type";
constexpr std::string_view automatic_key = "automatic";

/// 16 for what is no digit.
constexpr unsigned digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  return 16;
}

std::string_view view_of(const json::string& text) {
  return {text.data(), text.size()};
}

const json::value* member(const json::object& object, std::string_view key) {
  return object.if_contains(json::string_view(key.data(), key.size()));
}

std::optional<std::uint64_t> as_size(const json::value& value) {
  if (const auto* number = value.if_uint64()) return *number;
  if (const auto* number = value.if_int64(); number && *number >= 0) return static_cast<std::uint64_t>(*number);
  return std::nullopt;
}

}  // namespace

std::optional<ArtifactId> ArtifactId::parse(std::string_view text) {
  ArtifactId id;
  if (text.size() != id_prefix.size() + 2 * id.digest.size() || !text.starts_with(id_prefix)) return std::nullopt;
  text.remove_prefix(id_prefix.size());
  for (std::size_t i = 0; i < id.digest.size(); ++i) {
    const auto high = digit(text[2 * i]);
    const auto low = digit(text[2 * i + 1]);
    if (high > 15 || low > 15) return std::nullopt;
    id.digest[i] = static_cast<std::uint8_t>((high << 4U) | low);
  }
  return id;
}

std::string ArtifactId::str() const {
  std::string text(id_prefix);
  text.reserve(id_prefix.size() + 2 * digest.size());
  for (const auto byte : digest) text.append({hex[byte >> 4U], hex[byte & 15U]});
  return text;
}

ArtifactReference reference_to(const ArtifactInfo& info) {
  return {info.id, info.size, info.media_type};
}

json::object to_json(const ArtifactReference& reference) {
  json::object out;
  out.reserve(4);
  out.emplace(id_key, reference.id.str());
  out.emplace(size_key, reference.size);
  out.emplace(media_type_key, reference.media_type);
  if (reference.automatic) out.emplace(automatic_key, true);
  return out;
}

namespace {

std::optional<ArtifactReference> parse_members(const json::object& object) {
  const auto* id_text = member(object, id_key);
  const auto* size = member(object, size_key);
  const auto* media_type = member(object, media_type_key);
  if (!id_text || !size || !media_type || !id_text->is_string() || !media_type->is_string()) return std::nullopt;
  const auto id = ArtifactId::parse(view_of(id_text->get_string()));
  const auto bytes = as_size(*size);
  const auto type = view_of(media_type->get_string());
  if (!id || !bytes || !is_media_type(type)) return std::nullopt;
  return ArtifactReference{*id, *bytes, std::string(type)};
}

}  // namespace

std::optional<ArtifactReference> parse_artifact_reference(const json::value& value) {
  const auto* object = value.if_object();
  if (!object) return std::nullopt;
  return object->size() == 3 ? parse_members(*object) : parse_automatic_reference(*object);
}

std::optional<ArtifactReference> parse_automatic_reference(const json::object& value) {
  if (value.size() != 4) return std::nullopt;
  const auto* automatic = member(value, automatic_key);
  if (!automatic || !automatic->is_bool() || !automatic->get_bool()) return std::nullopt;
  auto reference = parse_members(value);
  if (reference) reference->automatic = true;
  return reference;
}

bool is_artifact_reference(const json::value& value) {
  return parse_artifact_reference(value).has_value();
}

bool is_media_type(std::string_view text) {
  return !text.empty() && text.size() <= max_media_type_size && text.find('/') != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace coremachine
