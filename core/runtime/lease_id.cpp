#include <charconv>

#include <coremachine/runtime/remote.hpp>

namespace coremachine {

std::string LeaseId::str() const {
  char digits[24];
  return {digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr};
}

std::optional<LeaseId> LeaseId::parse(std::string_view text) {
  LeaseId id;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), id.value, 16);
  if (code != std::errc{} || end != text.data() + text.size() || id.value == 0) return std::nullopt;
  return id;
}

std::string_view to_string(LeaseState state) {
  switch (state) {
    case LeaseState::held: return "held";
    case LeaseState::recalled: return "recalled";
    case LeaseState::cancelled: return "cancelled";
    case LeaseState::gone: return "gone";
  }
  return "?";
}

}  // namespace coremachine
