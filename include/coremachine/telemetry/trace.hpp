#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <coremachine/export.hpp>

namespace coremachine {

/// Whose work a request is part of, as the `traceparent` header of W3C Trace Context tells.
struct TraceParent {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> parent_id{};
  bool sampled = false;

  /// Nothing for what the specification tells to ignore: wrong lengths, upper case, an id of zeros, version ff. A
  /// version above 00 is read as far as 00 goes.
  COREMACHINE_API static std::optional<TraceParent> parse(std::string_view header);
  /// In version 00, with no flag but `sampled`: what is passed on.
  COREMACHINE_API std::string str() const;

  friend bool operator==(const TraceParent&, const TraceParent&) = default;
};

}  // namespace coremachine
