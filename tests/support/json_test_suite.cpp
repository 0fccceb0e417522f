#include "tests/support/json_test_suite.hpp"

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace coremachine::testing {
namespace {

/// Where the suite leaves it open, or where we are stricter than it is.
const std::map<std::string, bool> own_verdicts = {
    // RFC 8259 leaves a key that comes twice open, and the suite wants it accepted. Programs differ about which of the
    // values counts; here there is never a doubt.
    {"y_object_duplicated_key", false},
    {"y_object_duplicated_key_and_value", false},
    {"t_object_same_key_different_values", false},
    {"t_object_same_key_same_value", false},
    {"t_object_same_key_unclear_values", false},
    // Keys that look the same and are not.
    {"t_object_key_nfc_nfd", true},
    {"t_object_key_nfd_nfc", true},

    // Too small to be told from 0.
    {"i_number_double_huge_neg_exp", true},
    {"i_number_real_underflow", true},
    {"t_number_1e-999", true},
    // Too large to be finite.
    {"i_number_huge_exp", false},
    {"i_number_neg_int_huge_exp", false},
    {"i_number_pos_double_huge_exp", false},
    {"i_number_real_neg_overflow", false},
    {"i_number_real_pos_overflow", false},
    // Integers beyond 64 bits with sign.
    {"i_number_too_big_neg_int", false},
    {"i_number_too_big_pos_int", false},
    {"i_number_very_big_negative_int", false},
    {"t_number_-9223372036854775809", false},
    {"t_number_9223372036854775808", false},
    {"t_number_10000000000000000999", false},
    {"t_number_-9223372036854775808", true},
    {"t_number_9223372036854775807", true},
    {"t_number_1000000000000000", true},
    {"t_number_1.0", true},
    {"t_number_1.000000000000000005", true},
    {"t_number_1e6", true},

    // Half of a surrogate pair.
    {"i_object_key_lone_2nd_surrogate", false},
    {"i_string_1st_surrogate_but_2nd_missing", false},
    {"i_string_1st_valid_surrogate_2nd_invalid", false},
    {"i_string_incomplete_surrogate_and_escape_valid", false},
    {"i_string_incomplete_surrogate_pair", false},
    {"i_string_incomplete_surrogates_escape_valid", false},
    {"i_string_invalid_lonely_surrogate", false},
    {"i_string_invalid_surrogate", false},
    {"i_string_inverted_surrogates_U+1D11E", false},
    {"i_string_lone_second_surrogate", false},
    {"t_string_1_escaped_invalid_codepoint", false},
    {"t_string_2_escaped_invalid_codepoints", false},
    {"t_string_3_escaped_invalid_codepoints", false},

    // Not UTF-8.
    {"i_string_UTF-16LE_with_BOM", false},
    {"i_string_UTF-8_invalid_sequence", false},
    {"i_string_UTF8_surrogate_U+D800", false},
    {"i_string_invalid_utf-8", false},
    {"i_string_iso_latin_1", false},
    {"i_string_lone_utf8_continuation_byte", false},
    {"i_string_not_in_unicode_range", false},
    {"i_string_overlong_sequence_2_bytes", false},
    {"i_string_overlong_sequence_6_bytes", false},
    {"i_string_overlong_sequence_6_bytes_null", false},
    {"i_string_truncated-utf-8", false},
    {"i_string_utf16BE_no_BOM", false},
    {"i_string_utf16LE_no_BOM", false},
    {"t_string_1_invalid_codepoint", false},
    {"t_string_2_invalid_codepoints", false},
    {"t_string_3_invalid_codepoints", false},
    {"t_string_with_escaped_NULL", true},

    // Deeper than 32 levels; a byte order mark.
    {"i_structure_500_nested_arrays", false},
    {"i_structure_UTF-8_BOM_empty_object", false},
};

int hex_digit(char c) {
  const auto at = std::string("0123456789abcdef").find(c);
  if (at == std::string::npos) throw std::runtime_error("json_test_suite: a bad escape");
  return static_cast<int>(at);
}

std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else if (text.at(i + 1) == '\\') {
      out += '\\';
      i += 1;
    } else {
      out += static_cast<char>(hex_digit(text.at(i + 2)) * 16 + hex_digit(text.at(i + 3)));
      i += 3;
    }
  }
  return out;
}

bool verdict_on(const std::string& name) {
  const auto own = own_verdicts.find(name);
  if (own != own_verdicts.end()) return own->second;
  if (name[0] == 'y' || name[0] == 'n') return name[0] == 'y';
  throw std::runtime_error("json_test_suite: no verdict on " + name);
}

JsonCase read_case(const std::string& line) {
  std::istringstream in(line);
  std::string name;
  std::string count;
  std::string text;
  std::string tail;
  std::getline(in, name, '\t');
  std::getline(in, count, '\t');
  std::getline(in, text, '\t');
  std::getline(in, tail, '\t');
  JsonCase result{name, {}, verdict_on(name)};
  const auto repeated = unescaped(text);
  for (auto n = std::stoul(count); n > 0; --n) result.text += repeated;
  result.text += unescaped(tail);
  return result;
}

}  // namespace

const std::vector<JsonCase>& json_test_suite() {
  static const auto all = [] {
    std::vector<JsonCase> cases;
    std::ifstream file(COREMACHINE_TESTS_DIR "/model/json_test_suite/cases.txt");
    std::size_t judged = 0;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with('#')) continue;
      cases.push_back(read_case(line));
      judged += own_verdicts.count(cases.back().name);
    }
    if (judged != own_verdicts.size()) throw std::runtime_error("json_test_suite: a verdict on what is not there");
    return cases;
  }();
  return all;
}

}  // namespace coremachine::testing
