#include "triggers/cli/config/command_settings.hpp"

#include <charconv>

#include <boost/assert.hpp>

#include "triggers/cli/command_failure.hpp"

namespace coremachine::cli {
namespace {

std::string help_of(const Setting& setting) {
  std::string help(setting.help);
  if (!setting.fallback.empty() && setting.kind != SettingKind::toggle)
    help += " (default: " + std::string(setting.fallback) + ")";
  return help;
}

CLI::Option* add_flag_of(CLI::App& command, const Setting& setting) {
  const std::string flag(setting.flag);
  if (flag.empty()) return nullptr;
  auto* option = setting.kind == SettingKind::toggle ? command.add_flag(flag) : command.add_option(flag);
  option->description(help_of(setting));
  if (setting.kind == SettingKind::toggle) {
    option->type_name("");
  } else {
    option->type_name(std::string(setting.value_name))->expected(1);
  }
  option->multi_option_policy(setting.kind == SettingKind::list ? CLI::MultiOptionPolicy::TakeAll
                                                                : CLI::MultiOptionPolicy::TakeLast);
  return option->group("Settings");
}

}  // namespace

bool SettingValues::has(std::string_view name) const {
  return !effective(name).texts.empty();
}

const Effective& SettingValues::effective(std::string_view name) const {
  const auto found = values_.find(name);
  BOOST_ASSERT_MSG(found != values_.end(), "a setting that the command does not take");
  return found->second;
}

std::string SettingValues::text(std::string_view name) const {
  const auto& texts = effective(name).texts;
  BOOST_ASSERT(setting(name).kind != SettingKind::list);
  return texts.empty() ? std::string() : texts.front();
}

std::uint64_t SettingValues::count(std::string_view name) const {
  BOOST_ASSERT(setting(name).kind == SettingKind::count);
  const auto digits = text(name);
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

Milliseconds SettingValues::duration(std::string_view name) const {
  BOOST_ASSERT(setting(name).kind == SettingKind::duration);
  return parse_duration(text(name)).value_or(Milliseconds{0});
}

bool SettingValues::toggle(std::string_view name) const {
  BOOST_ASSERT(setting(name).kind == SettingKind::toggle);
  return text(name) == "true";
}

std::vector<std::string> SettingValues::list(std::string_view name) const {
  return effective(name).texts;
}

Format SettingValues::format() const {
  return format_from(text("output")).value_or(Format::table);
}

void SettingValues::refuse(std::string_view name, const std::string& why) const {
  const auto& found = effective(name);
  std::string message = found.where + ": " + why;
  if (!setting(name).secret && !found.texts.empty())
    message += ", and not \"" + shown(setting(name), found.texts.front()) + "\"";
  throw CommandFailure(ExitCode::usage, std::move(message));
}

CommandSettings::CommandSettings(CLI::App& command, const std::vector<std::string_view>& names)
    : config_(
          command.add_option("--config")->description("The configuration file")->type_name("FILE")->group("Settings")) {
  for (const auto name : names) {
    const auto& known = setting(name);
    taken_.push_back({&known, add_flag_of(command, known)});
  }
}

Configuration CommandSettings::configuration() const {
  const auto named = config_->count() > 0 ? std::optional(config_->as<std::string>()) : std::nullopt;
  auto loaded = Configuration::load(named, process_environment());
  if (loaded) return std::move(*loaded);
  // One line for each fault.
  std::vector<std::string> lines;
  const auto& text = loaded.error().message;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  const auto first = lines.front();
  lines.erase(lines.begin());
  throw CommandFailure(ExitCode::usage, first, {}, std::move(lines));
}

SettingValues CommandSettings::values() const {
  const auto configuration = this->configuration();
  SettingValues values;
  std::vector<std::string> faults;
  for (const auto& [known, option] : taken_) {
    std::optional<std::vector<std::string>> flag;
    if (option && option->count() > 0) {
      flag = option->results();
      if (known->kind != SettingKind::list && flag->size() > 1) flag->erase(flag->begin(), flag->end() - 1);
    }
    auto value = configuration.value(*known, flag);
    if (!value) {
      faults.push_back(value.error().message);
    } else {
      values.values_.emplace(known->name, std::move(*value));
    }
  }
  if (faults.empty()) return values;
  const auto first = faults.front();
  faults.erase(faults.begin());
  throw CommandFailure(ExitCode::usage, first, {}, std::move(faults));
}

}  // namespace coremachine::cli
