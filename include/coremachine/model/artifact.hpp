#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/time.hpp>

namespace coremachine {

namespace json = boost::json;

/// Name of stored content: its SHA-256. Equal content has one name, other content has another.
/// The text is `sha256-` and 64 lower-case hexadecimal digits; it may stand in a URL as it is, and sorts like the id.
struct ArtifactId {
  using Digest = std::array<std::uint8_t, 32>;
  Digest digest{};

  COREMACHINE_API static std::optional<ArtifactId> parse(std::string_view text);
  COREMACHINE_API std::string str() const;

  friend auto operator<=>(const ArtifactId&, const ArtifactId&) = default;
};

/// A stored artifact.
struct ArtifactInfo {
  ArtifactId id;
  std::uint64_t size = 0;
  std::string media_type;  ///< as the first who stored this content gave it
  Timestamp created_at{};  ///< when this content was last stored

  friend bool operator==(const ArtifactInfo&, const ArtifactInfo&) = default;
};

/// Stands in JSON for a value that is kept as an artifact:
/// `{"$artifact": "sha256-…", "size": 123, "media_type": "application/json"}`.
///
/// With `"automatic": true` as a fourth member it stands for a whole value that the machine found too large: handlers
/// that read this value are given the value itself. Any other reference is one to them, too.
struct ArtifactReference {
  ArtifactId id;
  std::uint64_t size = 0;
  std::string media_type;
  bool automatic = false;

  friend bool operator==(const ArtifactReference&, const ArtifactReference&) = default;
};

COREMACHINE_API ArtifactReference reference_to(const ArtifactInfo& info);
COREMACHINE_API json::object to_json(const ArtifactReference& reference);

/// Nothing unless the value is an object of exactly these members, each of its kind.
COREMACHINE_API std::optional<ArtifactReference> parse_artifact_reference(const json::value& value);
COREMACHINE_API bool is_artifact_reference(const json::value& value);
/// The same for a reference that the machine put in the place of a value; for any other, nothing.
COREMACHINE_API std::optional<ArtifactReference> parse_automatic_reference(const json::object& value);
inline std::optional<ArtifactReference> parse_automatic_reference(const json::value& value) {
  const auto* object = value.if_object();
  constexpr std::size_t members = 4;  // said here, since it is asked of every value that is read
  return object && object->size() == members ? parse_automatic_reference(*object) : std::nullopt;
}

/// Every artifact that a JSON text names, ascending, each once: the value of any member `$artifact`, at any depth, if
/// it is the text of an id, whatever stands beside it. A string that only looks like such a member is none.
/// Text that may contain one is read through, in memory that does not grow with it; if it is no JSON, throws Failure
/// (store_damaged), so that nobody takes it for text without references. Other text is only searched.
COREMACHINE_API std::vector<ArtifactId> find_references(std::string_view json_text);

/// The same for text that comes in pieces and is read through in any case.
class COREMACHINE_API ReferenceSearch {
 public:
  ReferenceSearch();
  ~ReferenceSearch();
  ReferenceSearch(const ReferenceSearch&) = delete;
  ReferenceSearch& operator=(const ReferenceSearch&) = delete;

  void add(std::string_view piece);
  /// After the last piece; once.
  std::vector<ArtifactId> finish();

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

/// What an artifact may have as media type: 1 to 200 printable ASCII characters with a slash among them.
COREMACHINE_API bool is_media_type(std::string_view text);

}  // namespace coremachine

template <>
struct std::hash<coremachine::ArtifactId> {
  std::size_t operator()(const coremachine::ArtifactId& id) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, id.digest.data(), sizeof value);
    return value;
  }
};
