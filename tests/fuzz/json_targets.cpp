#include <string>
#include <vector>

#include <boost/json/parse.hpp>

#include "core/model/json_reader.hpp"
#include "core/model/json_text.hpp"
#include "core/model/utf8.hpp"
#include "tests/fuzz/targets.hpp"
#include "triggers/cli/params_argument.hpp"

namespace coremachine::fuzz {
namespace {

std::string written(const json::value& value) {
  std::string text;
  require(!append_json(text, value).has_value(), "what was read can be written");
  return text;
}

/// Reads the one value that the text is.
void read_raw(std::string_view text) {
  JsonReader reader(text);
  reader.raw();
  reader.end();
}

}  // namespace

void json_text(std::string_view bytes) {
  const auto value = parse_strict(bytes);
  if (!value) {
    require(value.error().code == ErrorCode::invalid_argument && !value.error().message.empty(), "a refusal says why");
    try {
      read_raw(bytes);
    } catch (const JsonMismatch&) {
      // It trusts its text otherwise; of damaged text it must only not do worse than this.
    }
    return;
  }
  require(find_invalid_utf8(bytes) == std::string_view::npos, "what is accepted is UTF-8");
  json::error_code error;
  json::parse(bytes, error);
  // Of a number that is zero, or nearly, it does not count large exponents.
  require(!error || error == json::error::exponent_overflow, "what is accepted is accepted by Boost");
  const auto text = written(*value);
  require(parse_strict(text).has_value() && *parse_strict(text) == *value,
          "what is written and read again is the same");
  require(parse_stored(text) == *value, "and so it is out of a store");
  read_raw(bytes);
  read_raw(text);
  if (const auto* const array = value->if_array()) {
    require(element_ends(text).size() == array->size(), "each element has its end");
    require(element_ends(bytes).size() == array->size(), "also where there are spaces");
  }
}

void params_argument(std::string_view bytes) {
  // The first line is the argument, each other one a pair.
  std::vector<std::string> lines;
  for (;;) {
    const auto end = bytes.find('\n');
    lines.emplace_back(bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
  }
  const auto argument = lines.front();
  lines.erase(lines.begin());
  if (argument == "-" || argument.starts_with('@')) return;  // these read files
  const auto params = cli::params_from(argument, lines);
  if (!params) {
    require(!params.error().message.empty(), "a refusal says why");
    return;
  }
  for (const auto& line : lines) require(params->contains(line.substr(0, line.find('='))), "each pair is there");
}

}  // namespace coremachine::fuzz
