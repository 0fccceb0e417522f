#include <coremachine/model/ids.hpp>

#include <array>

namespace coremachine {

namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t text_size = 26;
constexpr std::size_t max_name_size = 128;
constexpr std::uint8_t no_digit = 0xFF;

constexpr auto digits = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(no_digit);
  for (std::size_t value = 0; value < alphabet.size(); ++value) {
    const char upper = alphabet[value];
    const bool is_letter = upper >= 'A';
    table[static_cast<unsigned char>(upper)] = static_cast<std::uint8_t>(value);
    if (is_letter) table[static_cast<unsigned char>(upper - 'A' + 'a')] = static_cast<std::uint8_t>(value);
  }
  return table;
}();

constexpr bool is_name_char(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

JobId JobId::make(Timestamp created, std::uint64_t entropy_high, std::uint64_t entropy_low) {
  const auto since_epoch = created.time_since_epoch().count();
  const auto time = since_epoch < 0 ? 0 : static_cast<std::uint64_t>(since_epoch);
  return {(time << 16U) | (entropy_high >> 48U), entropy_low};
}

Timestamp JobId::created() const {
  return Timestamp{Milliseconds{static_cast<Milliseconds::rep>(high >> 16U)}};
}

std::optional<JobId> JobId::parse(std::string_view text) {
  if (text.size() != text_size) return std::nullopt;
  JobId id;
  for (std::size_t i = 0; i < text_size; ++i) {
    const auto digit = digits[static_cast<unsigned char>(text[i])];
    // 26 digits hold 130 bits: the first one has only three to give.
    if (digit == no_digit || (i == 0 && digit > 7)) return std::nullopt;
    id.high = (id.high << 5U) | (id.low >> 59U);
    id.low = (id.low << 5U) | digit;
  }
  return id;
}

std::string JobId::str() const {
  std::string text(text_size, '0');
  // Twelve digits of the lower half, one of both, and the rest of the upper half.
  auto* const out = text.data();
  auto rest = low;
  for (std::size_t i = text_size; i-- > 14; rest >>= 5U) out[i] = alphabet[rest & 31U];
  out[13] = alphabet[(rest | (high << 4U)) & 31U];
  rest = high >> 1U;
  for (std::size_t i = 13; i-- > 0; rest >>= 5U) out[i] = alphabet[rest & 31U];
  return text;
}

bool is_valid_name(std::string_view name) {
  if (name.empty() || name.size() > max_name_size) return false;
  bool in_part = false;
  for (const char c : name) {
    if (c == '.' && in_part) {
      in_part = false;
    } else if (is_name_char(c)) {
      in_part = true;
    } else {
      return false;
    }
  }
  return in_part;
}

}  // namespace coremachine
