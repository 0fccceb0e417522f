#include "core/telemetry/log_lines.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/model/json_writer.hpp"
#include "core/model/utf8.hpp"

namespace coremachine {
namespace {

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

/// As it is, but for what would end the line, talk to a terminal, or is not UTF-8.
void append_plain(std::string& out, std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    const auto length = utf8_length(text, at);
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += ' ';
    } else if (is_control(c)) {
      constexpr std::string_view digits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', 'x', digits[byte >> 4U], digits[byte & 15U]};
    } else {
      out += text.substr(at, length);
    }
    at += std::max<std::size_t>(length, 1);
  }
}

bool needs_quotes(std::string_view text) {
  const auto odd = [](char c) {
    return is_control(c) || c == ' ' || c == '"' || c == '=' || c == ',' || c == '(' || c == ')' || c == '\\';
  };
  return text.empty() || std::any_of(text.begin(), text.end(), odd) ||
         find_invalid_utf8(text) != std::string_view::npos;
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> digits;
  out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

struct PlainValue {
  std::string& out;
  void operator()(const std::string& text) const {
    if (needs_quotes(text)) {
      append_json_string(out, text);
    } else {
      out += text;
    }
  }
  void operator()(bool truth) const { out += truth ? "true" : "false"; }
  template <class Number>
  void operator()(Number number) const {
    append_number(out, number);
  }
};

struct JsonValue {
  JsonWriter& out;
  void operator()(const std::string& text) const { out.string(text); }
  void operator()(bool truth) const { out.boolean(truth); }
  template <class Number>
  void operator()(Number number) const {
    out.number(number);
  }
};

/// The name of each field as the line has it: a second member of one name would make the JSON ambiguous.
std::vector<std::string> unique_names(const LogRecord& record) {
  std::vector<std::string> names{R"("time")", R"("level")", R"("message")"};
  const auto own = names.size();
  names.reserve(own + record.fields.size());
  for (const auto& field : record.fields) {
    std::string name;
    append_json_string(name, field.name);
    while (std::find(names.begin(), names.end(), name) != names.end()) name.insert(name.size() - 1, "_");
    names.push_back(std::move(name));
  }
  names.erase(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(own));
  return names;
}

void append_pairs(std::string& out, const LogRecord& record, std::string_view between) {
  bool first = true;
  for (const auto& field : record.fields) {
    if (!first) out += between;
    first = false;
    append_plain(out, field.name);
    out += '=';
    std::visit(PlainValue{out}, field.value);
  }
}

}  // namespace

std::string to_text(const LogRecord& record) {
  std::string line = to_rfc3339(record.time);
  line += ' ';
  line += to_string(record.level);
  line += ' ';
  append_plain(line, record.message);
  if (!record.fields.empty()) line += ' ';
  append_pairs(line, record, " ");
  return line;
}

std::string to_json_line(const LogRecord& record) {
  std::string line;
  JsonWriter out(line);
  out.begin_object();
  out.key("time");
  out.word(to_rfc3339(record.time));
  out.key("level");
  out.word(to_string(record.level));
  out.key("message");
  out.string(record.message);
  const auto names = unique_names(record);
  for (std::size_t i = 0; i < names.size(); ++i) {
    out.raw(names[i]);
    line += ':';
    std::visit(JsonValue{out}, record.fields[i].value);
  }
  out.end_object();
  return line;
}

std::string telemetry::to_plain(const LogRecord& record) {
  std::string text;
  append_plain(text, record.message);
  if (record.fields.empty()) return text;
  text += " (";
  append_pairs(text, record, ", ");
  text += ')';
  return text;
}

}  // namespace coremachine
