#include "triggers/cli/config/settings.hpp"

#include <algorithm>
#include <charconv>

#include <boost/assert.hpp>

#include <coremachine/model/time.hpp>

#include "core/ports/store_url.hpp"

namespace coremachine::cli {
namespace {

using enum SettingKind;

std::vector<std::string_view> words_of(std::string_view choices) {
  std::vector<std::string_view> words;
  while (!choices.empty()) {
    const auto bar = choices.find('|');
    words.push_back(choices.substr(0, bar));
    choices = bar == std::string_view::npos ? std::string_view() : choices.substr(bar + 1);
  }
  return words;
}

std::string enumerated(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

bool takes(const Setting& setting, const std::string& value) {
  switch (setting.kind) {
    case text:
    case path:
    case store:
    case list: return !value.empty();
    case count: {
      std::uint64_t number = 0;
      const auto* end = value.data() + value.size();
      const auto [at, error] = std::from_chars(value.data(), end, number);
      return error == std::errc() && at == end && number >= setting.least && number <= setting.most;
    }
    case duration: return parse_duration(value).has_value();
    case toggle: return toggle_from(value).has_value();
    case choice: {
      const auto words = words_of(setting.choices);
      return std::find(words.begin(), words.end(), value) != words.end();
    }
  }
  return false;
}

}  // namespace

const Setting& setting(std::string_view name) {
  const auto all = settings();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Setting& each) { return each.name == name; });
  BOOST_ASSERT_MSG(found != all.end(), "a setting that is not in the table");
  return *found;
}

std::optional<bool> toggle_from(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return std::nullopt;
}

std::string expected_of(const Setting& setting) {
  switch (setting.kind) {
    case text: return "a text";
    case path: return "the path of a file";
    case store: return "the URL of a store";
    case list: return "one text or several";
    case count: return "a whole number from " + std::to_string(setting.least) + " to " + std::to_string(setting.most);
    case duration: return "a duration such as 500ms, 30s or 5m";
    case toggle: return "true or false";
    case choice: return enumerated(words_of(setting.choices));
  }
  return {};
}

bool fits(const Setting& setting, const std::vector<std::string>& texts) {
  return (setting.kind == list || texts.size() == 1) &&
         std::all_of(texts.begin(), texts.end(), [&](const auto& value) { return takes(setting, value); });
}

std::string shown(const Setting& setting, const std::string& text) {
  constexpr std::string_view any_scheme = "any://";
  // An address that lacks its scheme is none, and has a password all the same.
  const bool lacks_scheme =
      setting.kind == SettingKind::text && setting.value_name == "URL" && text.find("://") == std::string::npos;
  if (!lacks_scheme) return without_password(text);
  return without_password(std::string(any_scheme) + text).substr(any_scheme.size());
}

std::string refusal(std::string_view where, const Setting& setting, const std::vector<std::string>& texts) {
  std::string message(where);
  message += " takes " + expected_of(setting);
  if (setting.secret) return message;
  message += ", and not ";
  if (texts.size() > 1) return message + "several";
  return message + "\"" + (texts.empty() ? std::string() : shown(setting, texts.front())) + "\"";
}

}  // namespace coremachine::cli
