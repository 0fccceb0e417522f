#include "core/runtime/fingerprint.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include <openssl/evp.h>

#include "core/model/json_text.hpp"
#include "core/model/json_writer.hpp"

namespace coremachine::runtime {
namespace {

namespace json = boost::json;

/// A number without a fraction is an integer.
json::value canonical(const json::value& number) {
  constexpr double exact = 9'007'199'254'740'992.0;  // up to here a double holds every integer
  if (number.is_double() && std::floor(number.get_double()) == number.get_double() &&
      std::abs(number.get_double()) < exact) {
    return static_cast<std::int64_t>(number.get_double());
  }
  if (number.is_uint64() && number.get_uint64() <= static_cast<std::uint64_t>(INT64_MAX)) {
    return static_cast<std::int64_t>(number.get_uint64());
  }
  return number;
}

/// Hashes the text that the value has with its keys in order, without making it: params may be large.
class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }

  void add_text(std::string_view text) {
    gathered_.append(text);
    if (gathered_.size() >= gathered_size) flush();
  }
  void add(const json::object& object) {
    std::vector<const json::key_value_pair*> members;
    members.reserve(object.size());
    for (const auto& member : object) members.push_back(&member);
    std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
    std::string_view before = "{";
    for (const auto* member : members) {
      add_text(before);
      before = ",";
      append_json_string(gathered_, {member->key().data(), member->key().size()});
      add_text(":");
      add(member->value());
    }
    add_text(members.empty() ? "{}" : "}");
  }
  void add(const json::value& value) {
    if (const auto* object = value.if_object()) {
      add(*object);
    } else if (const auto* array = value.if_array()) {
      std::string_view before = "[";
      for (const auto& element : *array) {
        add_text(before);
        before = ",";
        add(element);
      }
      add_text(array->empty() ? "[]" : "]");
    } else if (value.is_string() && value.get_string().size() >= gathered_size) {
      write_json(value, [this](std::string_view piece) {
        add_text(piece);
        return true;
      });
    } else {
      append_json(gathered_, canonical(value));
    }
  }

  std::string hex() {
    flush();
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    EVP_DigestFinal_ex(context_.get(), digest.data(), &length);
    std::string text;
    for (unsigned int i = 0; i < length; ++i) {
      constexpr char digits[] = "0123456789abcdef";
      text += digits[digest[i] >> 4U];
      text += digits[digest[i] & 15U];
    }
    return text;
  }

 private:
  static constexpr std::size_t gathered_size = std::size_t{64} << 10U;
  void flush() {
    EVP_DigestUpdate(context_.get(), gathered_.data(), gathered_.size());
    gathered_.clear();
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
  std::string gathered_ = {};
};

}  // namespace

std::string fingerprint_of(std::string_view job_type, const json::object& params) {
  Hash hash;
  hash.add_text(job_type);
  hash.add_text("\n");
  hash.add(params);
  return hash.hex();
}

}  // namespace coremachine::runtime
