#include "triggers/cli/config/configuration.hpp"

#include <cstdlib>
#include <filesystem>

#include <boost/assert.hpp>

namespace coremachine::cli {
namespace {

namespace fs = std::filesystem;

/// What a variable says: a list is written with commas.
std::vector<std::string> texts_of(const Setting& setting, const std::string& value) {
  if (setting.kind != SettingKind::list) return {value};
  std::vector<std::string> texts;
  for (std::size_t at = 0; at <= value.size();) {
    const auto comma = std::min(value.find(',', at), value.size());
    texts.push_back(value.substr(at, comma - at));
    at = comma + 1;
  }
  return texts;
}

/// The long flag alone: `-o,--output` is told as `--output`.
std::string spoken(std::string_view flag) {
  const auto comma = flag.rfind(',');
  return std::string(comma == std::string_view::npos ? flag : flag.substr(comma + 1));
}

std::optional<std::string> found_file(const Environment& environment) {
  std::error_code none;
  if (fs::exists("coremachine.toml", none)) return "coremachine.toml";
  const auto xdg = environment("XDG_CONFIG_HOME");
  const auto home = environment("HOME");
  if (!xdg && !home) return std::nullopt;
  const auto path = (xdg ? fs::path(*xdg) : fs::path(*home) / ".config") / "coremachine" / "config.toml";
  return fs::exists(path, none) ? std::optional(path.string()) : std::nullopt;
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value && *value ? std::optional<std::string>(value) : std::nullopt;
  };
}

Result<Configuration> Configuration::load(const std::optional<std::string>& named, Environment environment) {
  BOOST_ASSERT(environment);
  auto path = named;
  if (!path) path = environment("COREMACHINE_CONFIG");
  if (!path) path = found_file(environment);
  if (!path) return Configuration(std::nullopt, std::move(environment));
  auto file = read_config_file(*path);
  if (!file) return file.error();
  return Configuration(std::move(*file), std::move(environment));
}

Result<Effective> Configuration::value(const Setting& setting,
                                       const std::optional<std::vector<std::string>>& flag) const {
  const auto checked = [&](Effective found) -> Result<Effective> {
    if (!fits(setting, found.texts))
      return Error{ErrorCode::invalid_argument, refusal(found.where, setting, found.texts)};
    if (setting.kind == SettingKind::toggle) found.texts = {*toggle_from(found.texts.front()) ? "true" : "false"};
    return found;
  };
  if (flag) return checked({*flag, Origin::flag, spoken(setting.flag)});
  if (!setting.variable.empty()) {
    if (const auto said = environment_(std::string(setting.variable)))
      return checked({texts_of(setting, *said), Origin::variable, std::string(setting.variable)});
  }
  if (file_) {
    if (const auto said = file_->values.find(setting.key); said != file_->values.end())
      return Effective{said->second.texts, Origin::file, file_->path + ":" + std::to_string(said->second.line),
                       fs::path(file_->path).parent_path().string()};
  }
  Effective fallback{{}, Origin::fallback, "default"};
  if (!setting.fallback.empty()) fallback.texts = texts_of(setting, std::string(setting.fallback));
  return fallback;
}

std::optional<std::string> Configuration::file() const {
  return file_ ? std::optional(file_->path) : std::nullopt;
}

}  // namespace coremachine::cli
