#include "triggers/cli/config/config_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

// toml++ asserts on what a file may hold (a "[" that ends its line), and has the right error for it behind the
// assertion.
#undef NDEBUG
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

#include "core/model/suggest.hpp"
#include "core/ports/store_url.hpp"

namespace coremachine::cli {
namespace {

namespace fs = std::filesystem;

const Setting* setting_of_key(std::string_view key) {
  for (const auto& each : settings()) {
    if (each.key == key) return &each;
  }
  return nullptr;
}

std::vector<std::string_view> known_keys() {
  std::vector<std::string_view> keys;
  for (const auto& each : settings()) keys.push_back(each.key);
  return keys;
}

bool is_table(std::string_view path) {
  for (const auto& each : settings()) {
    if (each.key.starts_with(path) && each.key.substr(path.size()).starts_with('.')) return true;
  }
  return false;
}

/// A scalar as the text that a flag would have; nothing for what no flag can say: a date, a table.
std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* yes = node.as_boolean()) return yes->get() ? "true" : "false";
  return std::nullopt;
}

/// Whether the kind of value that TOML sees is the one that the setting has: "4" is no number, and 4 no text.
bool of_its_kind(const Setting& setting, const toml::node& node) {
  switch (setting.kind) {
    case SettingKind::text:
    case SettingKind::path:
    case SettingKind::store:
    case SettingKind::duration:
    case SettingKind::choice: return node.is_string();
    case SettingKind::count: return node.is_integer();
    case SettingKind::toggle: return node.is_boolean();
    case SettingKind::list: return node.is_string() || node.is_array();
  }
  return false;
}

std::string shown(const toml::node& node) {
  if (const auto* plain = node.as_string()) return "\"" + plain->get() + "\"";
  std::ostringstream text;
  text << toml::node_view<const toml::node>(node);
  return std::move(text).str();
}

/// A path in a file is meant from where the file is.
std::string from_folder_of(const std::string& file, const std::string& path) {
  const auto folder = fs::path(file).parent_path();
  if (path.empty() || fs::path(path).is_absolute() || folder.empty() || folder == ".") return path;
  return (folder / path).lexically_normal().string();
}

void settle_paths(const Setting& setting, const std::string& file, std::vector<std::string>& texts) {
  constexpr std::string_view scheme = "sqlite:";
  for (auto& text : texts) {
    const bool is_path =
        setting.kind == SettingKind::path || (setting.has_paths && text.find('/') != std::string::npos);
    if (is_path) text = from_folder_of(file, text);
    if (setting.kind == SettingKind::store && text.starts_with(scheme) && text.size() > scheme.size())
      text = std::string(scheme) + from_folder_of(file, text.substr(scheme.size()));
  }
}

/// Walks one file and gathers what it says and what is wrong with it.
class Reading {
 public:
  explicit Reading(const std::string& path) : path_(path) {}

  void walk(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const auto name = prefix + std::string(key.str());
      const auto line = key.source().begin.line;
      if (const auto* found = setting_of_key(name)) {
        take(*found, node, line);
      } else if (const auto* inner = node.as_table(); inner && is_table(name)) {
        walk(*inner, name + ".");
      } else {
        complain(line, describe_unknown(node.is_table() ? "table" : "setting", name,
                                        node.is_table() ? tables() : known_keys()));
      }
    }
  }

  void complain(unsigned line, const std::string& what) {
    complaints_ += (complaints_.empty() ? "" : "\n") + path_ + ":" + std::to_string(line) + ": " + what;
  }

  Result<ConfigFile> finish() && {
    if (!complaints_.empty()) return Error{ErrorCode::invalid_argument, std::move(complaints_)};
    return ConfigFile{path_, std::move(values_)};
  }

 private:
  static std::vector<std::string_view> tables() {
    std::vector<std::string_view> names;
    for (const auto& each : settings()) {
      const auto dot = each.key.rfind('.');
      if (dot != std::string_view::npos) names.push_back(each.key.substr(0, dot));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

  void take(const Setting& setting, const toml::node& node, unsigned line) {
    std::vector<std::string> texts;
    bool right = of_its_kind(setting, node);
    if (const auto* array = node.as_array()) {
      for (const auto& element : *array) {
        right = right && element.is_string();
        texts.push_back(text_of(element).value_or(""));
      }
    } else {
      texts.push_back(text_of(node).value_or(""));
    }
    if (!right || !fits(setting, texts)) {
      std::string message = std::string(setting.key) + " takes " + expected_of(setting);
      if (setting.kind != SettingKind::count && setting.kind != SettingKind::toggle && !node.is_string())
        message += ", in quotes";
      return complain(line, setting.secret ? message : message + ", and not " + without_password(shown(node)));
    }
    settle_paths(setting, path_, texts);
    values_.insert_or_assign(std::string(setting.key), FileValue{std::move(texts), line});
  }

  const std::string path_;
  std::string complaints_;
  std::map<std::string, FileValue, std::less<>> values_;
};

/// The line of the first character that is not ASCII outside of quotes and comments, where TOML has no use for any: the
/// parser's own check of these has undefined behaviour for some.
std::optional<std::size_t> line_of_bare_non_ascii(std::string_view text) {
  const auto at = [&](std::size_t i) { return i < text.size() ? text[i] : '\0'; };
  std::size_t line = 1;
  char quote = 0;
  bool is_long = false;
  bool is_comment = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
      is_comment = false;
      if (!is_long) quote = 0;
    } else if (is_comment) {
      continue;
    } else if (quote != 0) {
      if (c == '\\' && quote == '"') {
        i += at(i + 1) == '\n' ? 0 : 1;
      } else if (c == quote && (!is_long || (at(i + 1) == quote && at(i + 2) == quote))) {
        if (is_long) i += 2;
        for (int more = 0; is_long && more < 2 && at(i + 1) == quote; ++more) ++i;
        quote = 0;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      is_long = at(i + 1) == c && at(i + 2) == c;
      if (is_long) i += 2;
    } else if (c == '#') {
      is_comment = true;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      return line;
    }
  }
  return {};
}

}  // namespace

Result<ConfigFile> parse_config(std::string_view text, const std::string& path) {
  Reading reading(path);
  const auto byte_order_mark = text.starts_with("\xEF\xBB\xBF") ? 3UL : 0UL;
  if (const auto line = line_of_bare_non_ascii(text.substr(byte_order_mark))) {
    reading.complain(static_cast<unsigned>(*line),
                     "this is no TOML: a character beyond ASCII outside of quotes and comments");
    return std::move(reading).finish();
  }
  try {
    reading.walk(toml::parse(text, std::string_view(path)), "");
  } catch (const toml::parse_error& error) {
    reading.complain(error.source().begin.line, std::string("this is no TOML: ") + std::string(error.description()));
  }
  return std::move(reading).finish();
}

Result<ConfigFile> read_config_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  std::error_code none;
  if (!file || fs::is_directory(path, none))
    return Error{ErrorCode::invalid_argument,
                 "cannot read the configuration file " + path + ": " + std::strerror(errno == 0 ? EISDIR : errno)};
  return parse_config(text.str(), path);
}

}  // namespace coremachine::cli
