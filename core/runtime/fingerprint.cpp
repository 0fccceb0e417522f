#include "core/runtime/fingerprint.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <openssl/evp.h>

#include "core/model/json_text.hpp"

namespace coremachine::runtime {
namespace {

namespace json = boost::json;

/// The same value, its keys in order; a number without a fraction is an integer.
json::value canonical(const json::value& value) {
  if (const auto* object = value.if_object()) {
    std::vector<const json::key_value_pair*> members;
    for (const auto& member : *object) members.push_back(&member);
    std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
    json::object sorted;
    for (const auto* member : members) sorted.emplace(member->key(), canonical(member->value()));
    return sorted;
  }
  if (const auto* array = value.if_array()) {
    json::array same;
    for (const auto& element : *array) same.push_back(canonical(element));
    return same;
  }
  constexpr double exact = 9'007'199'254'740'992.0;  // up to here a double holds every integer
  if (value.is_double() && std::floor(value.get_double()) == value.get_double() &&
      std::abs(value.get_double()) < exact) {
    return static_cast<std::int64_t>(value.get_double());
  }
  if (value.is_uint64() && value.get_uint64() <= static_cast<std::uint64_t>(INT64_MAX)) {
    return static_cast<std::int64_t>(value.get_uint64());
  }
  return value;
}

}  // namespace

std::string fingerprint_of(std::string_view job_type, const json::object& params) {
  std::string text(job_type);
  text += '\n';
  append_json(text, canonical(params));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr);
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    hex += digits[digest[i] >> 4U];
    hex += digits[digest[i] & 15U];
  }
  return hex;
}

}  // namespace coremachine::runtime
