#include "triggers/http/api/parameter.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/json/array.hpp>

#include "core/model/suggest.hpp"
#include "core/schedule/schedule_codec.hpp"

namespace coremachine::http {
namespace {

constexpr std::size_t longest_key = 255;
constexpr std::size_t longest_word = 128;
constexpr std::size_t most_words = 64;

std::string listed(const std::vector<std::string_view>& words) {
  std::string text;
  for (const auto word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

std::optional<std::int64_t> integer_from(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const auto to = std::min(text.find(separator, from), text.size());
    parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

bool is_key(std::string_view text) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  return !text.empty() && text.size() <= longest_key && std::all_of(text.begin(), text.end(), printable);
}

/// Reads one value; what is wrong with it goes to `fault`.
class Reader {
 public:
  Reader(const Parameter& parameter, std::string& fault) : parameter_(parameter), fault_(fault) {}

  template <class Value>
  std::optional<Value> read(std::string_view text) {
    switch (parameter_.kind) {
      case ParameterKind::text:
        if (text.empty()) return std::nullopt;
        return std::string(text);
      case ParameterKind::key:
        if (is_key(text)) return std::string(text);
        break;
      case ParameterKind::integer:
        if (const auto number = integer_from(text)) {
          if (*number >= parameter_.low && *number <= parameter_.high) return *number;
        }
        break;
      case ParameterKind::flag:
        if (text == "true" || text == "false") return text == "true";
        break;
      case ParameterKind::duration:
        if (const auto duration = parse_duration(text)) return *duration;
        break;
      case ParameterKind::wait:
        if (const auto wait = parse_wait(text)) return *wait;
        break;
      case ParameterKind::time:
        if (const auto time = schedule::parse_rfc3339(text)) return *time;
        break;
      case ParameterKind::words:
      case ParameterKind::choices: return words(text);
      case ParameterKind::choice:
        if (is_choice(text)) return std::string(text);
        break;
    }
    refuse(text);
    return std::nullopt;
  }

 private:
  bool is_choice(std::string_view text) const {
    return std::find(parameter_.choices.begin(), parameter_.choices.end(), text) != parameter_.choices.end();
  }
  void refuse(std::string_view text) {
    fault_ = "is " + quoted_name(text) + ", should be " + in_words(parameter_);
    if (parameter_.kind == ParameterKind::time && text.find(' ') != std::string_view::npos)
      fault_ += "; in a URL a + has to be written as %2B";
  }
  std::vector<std::string> words(std::string_view text) {
    std::vector<std::string> found;
    if (text.empty()) return found;
    for (const auto word : split(text, ',')) {
      const bool fits =
          parameter_.kind == ParameterKind::words ? !word.empty() && word.size() <= longest_word : is_choice(word);
      if (!fits) {
        refuse(word);
        return found;
      }
      found.emplace_back(word);
    }
    return found;
  }

  const Parameter& parameter_;
  std::string& fault_;
};

}  // namespace

std::optional<Milliseconds> parse_wait(std::string_view text) {
  if (const auto duration = parse_duration(text)) return duration;
  // With another number it would be one: then it is too large.
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const bool is_long = digits > 0 && parse_duration("1" + std::string(text.substr(digits)));
  return is_long ? std::optional(Milliseconds::max()) : std::nullopt;
}

std::string in_words(const Parameter& parameter) {
  switch (parameter.kind) {
    case ParameterKind::text: return "text";
    case ParameterKind::key: return "1 to 255 printable ASCII characters";
    case ParameterKind::integer:
      if (parameter.low == INT64_MIN && parameter.high == INT64_MAX) return "an integer";
      if (parameter.high == INT64_MAX) return "an integer of at least " + std::to_string(parameter.low);
      return "an integer from " + std::to_string(parameter.low) + " to " + std::to_string(parameter.high);
    case ParameterKind::flag: return "true or false";
    case ParameterKind::duration:
    case ParameterKind::wait: return "a number with ms, s, m, h or d, as 30s";
    case ParameterKind::time: return "a time as 2026-01-31T12:00:00Z";
    case ParameterKind::words: return "words of 1 to 128 bytes, separated by commas";
    case ParameterKind::choice: return "one of " + listed(parameter.choices);
    case ParameterKind::choices: return "some of " + listed(parameter.choices) + ", separated by commas";
  }
  return "?";
}

json::object schema_of(const Parameter& parameter) {
  json::object schema;
  const auto choices = [&] {
    json::array words;
    for (const auto word : parameter.choices) words.emplace_back(word);
    return words;
  };
  schema["type"] = "string";
  switch (parameter.kind) {
    case ParameterKind::text: break;
    case ParameterKind::key:
      schema["minLength"] = 1;
      schema["maxLength"] = longest_key;
      break;
    case ParameterKind::integer:
      schema["type"] = "integer";
      if (parameter.low != INT64_MIN) schema["minimum"] = parameter.low;
      if (parameter.high != INT64_MAX) schema["maximum"] = parameter.high;
      if (const auto initial = integer_from(parameter.initial)) schema["default"] = *initial;
      return schema;
    case ParameterKind::flag: schema["type"] = "boolean"; break;
    case ParameterKind::duration:
    case ParameterKind::wait: schema["pattern"] = R"(^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$)"; break;
    case ParameterKind::time: schema["format"] = "date-time"; break;
    case ParameterKind::words:
      schema = json::object{{"type", "array"}, {"items", {{"type", "string"}, {"minLength", 1}, {"maxLength", 128}}}};
      break;
    case ParameterKind::choice: schema["enum"] = choices(); break;
    case ParameterKind::choices: {
      json::object item{{"type", "string"}};
      item["enum"] = choices();
      schema["type"] = "array";
      schema["items"] = std::move(item);
      break;
    }
  }
  if (!parameter.initial.empty()) schema["default"] = parameter.initial;
  return schema;
}

Parameters Parameters::read(const std::vector<Parameter>& declared, const Query& query, const Request& request,
                            std::vector<ParameterFault>& faults) {
  Parameters read;
  const auto take = [&](const Parameter& parameter, std::string_view text) {
    std::string fault;
    auto value = Reader(parameter, fault).read<Value>(text);
    if (!fault.empty()) return faults.push_back({std::string(parameter.name), fault});
    if (!value) return;
    const auto [at, is_new] = read.values_.try_emplace(std::string(parameter.name), *value);
    if (is_new) return;
    auto* words = std::get_if<std::vector<std::string>>(&at->second);
    if (!words) return faults.push_back({std::string(parameter.name), "comes twice"});
    for (auto& word : std::get<std::vector<std::string>>(*value)) words->push_back(std::move(word));
  };
  for (const auto& [name, text] : query.parameters()) {
    std::vector<std::string_view> known;
    const Parameter* found = nullptr;
    for (const auto& parameter : declared) {
      if (parameter.in != Parameter::In::query) continue;
      known.push_back(parameter.name);
      if (parameter.name == name) found = &parameter;
    }
    if (found) {
      take(*found, text);
    } else {
      faults.push_back({name, known.empty() ? "is not known; there are no parameters here"
                                            : describe_unknown("parameter", name, known)});
    }
  }
  for (const auto& parameter : declared) {
    if (parameter.in != Parameter::In::header) continue;
    std::string name(parameter.name);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (const auto* text = request.find(name)) take(parameter, *text);
  }
  for (const auto& [name, value] : read.values_) {
    const auto* words = std::get_if<std::vector<std::string>>(&value);
    if (words && words->size() > most_words)
      faults.push_back({name, "has more than " + std::to_string(most_words) + " words"});
  }
  return read;
}

template <class T>
const T* Parameters::find(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? nullptr : std::get_if<T>(&at->second);
}

std::optional<std::string> Parameters::text(std::string_view name) const {
  const auto* value = find<std::string>(name);
  return value ? std::optional(*value) : std::nullopt;
}
std::optional<std::int64_t> Parameters::integer(std::string_view name) const {
  const auto* value = find<std::int64_t>(name);
  return value ? std::optional(*value) : std::nullopt;
}
std::optional<Milliseconds> Parameters::duration(std::string_view name) const {
  const auto* value = find<Milliseconds>(name);
  return value ? std::optional(*value) : std::nullopt;
}
std::optional<Timestamp> Parameters::time(std::string_view name) const {
  const auto* value = find<Timestamp>(name);
  return value ? std::optional(*value) : std::nullopt;
}
bool Parameters::flag(std::string_view name) const {
  const auto* value = find<bool>(name);
  return value && *value;
}
std::vector<std::string> Parameters::words(std::string_view name) const {
  const auto* value = find<std::vector<std::string>>(name);
  return value ? *value : std::vector<std::string>();
}
bool Parameters::names(std::string_view name, std::string_view word) const {
  const auto* value = find<std::vector<std::string>>(name);
  return value && std::find(value->begin(), value->end(), word) != value->end();
}

}  // namespace coremachine::http
