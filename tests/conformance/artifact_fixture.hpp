#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/conformance/artifact_makers.hpp"

namespace coremachine::artifact_tests {

inline constexpr std::string_view text_type = "text/plain";
inline constexpr Milliseconds minute{60'000};
inline constexpr JobId some_job{1000, 1};

inline ArtifactId id_from(std::string_view text) {
  return ArtifactId::parse(text).value();
}

/// Fails the test, with the reason, where an error was not expected.
template <class T>
T must(Result<T> result) {
  REQUIRE_MESSAGE(result.has_value(), (result ? std::string() : result.error().message));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  REQUIRE(!result.has_value());
  return result.error().code;
}

inline std::string content_of(const ArtifactStore& store, const ArtifactId& id) {
  return must(must(store.open(id))->read_all(UINT64_MAX));
}

inline std::vector<ArtifactId> all_ids(const ArtifactStore& store) {
  std::vector<ArtifactId> found;
  for (const auto& info : must(store.list(std::nullopt, SIZE_MAX))) found.push_back(info.id);
  return found;
}

inline CollectRequest everything_before(Timestamp time) {
  return {.is_referenced = [](const ArtifactId&) { return false; }, .older_than = time};
}

/// The sealed content of an output.
inline std::string sealed(ArtifactStore& store, ArtifactAppender& output) {
  const auto made = must(output.seal());
  CHECK(made.info.media_type == output_media_type);
  return content_of(store, made.info.id);
}

inline std::string random_bytes(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  for (auto& byte : bytes) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<char>(seed >> 56U);
  }
  return bytes;
}

}  // namespace coremachine::artifact_tests
