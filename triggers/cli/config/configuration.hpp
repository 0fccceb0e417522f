#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/error.hpp>

#include "triggers/cli/config/config_file.hpp"
#include "triggers/cli/config/settings.hpp"

namespace coremachine::cli {

/// Where a value comes from, the strongest first.
enum class Origin : std::uint8_t { flag, variable, file, fallback };

/// What a setting comes to.
struct Effective {
  std::vector<std::string> texts;  ///< one, but for a list; none: it has no value. Of a toggle `true` or `false`
  Origin origin = Origin::fallback;
  std::string where;        ///< `--store`, `COREMACHINE_STORE`, `./coremachine.toml:3` or `default`
  std::string folder = {};  ///< of the configuration file, if that is the origin; empty: the working directory
};

/// Asks for an environment variable: the process's own, or those of a test. An empty one counts as not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;
Environment process_environment();

/// What is said outside of the command line: the variables, and one configuration file. Immutable.
class Configuration {
 public:
  /// The file is the one that `--config` names, else $COREMACHINE_CONFIG, else ./coremachine.toml, else
  /// coremachine/config.toml in $XDG_CONFIG_HOME or ~/.config; the last two need not be there. Fails as
  /// read_config_file does.
  static Result<Configuration> load(const std::optional<std::string>& named, Environment environment);

  /// The value of a setting; `flag` is what the command line said, if it did. Fails as invalid_argument where that
  /// value is none for the setting, and the message names the origin: `COREMACHINE_WORKERS: has to be …`.
  Result<Effective> value(const Setting& setting, const std::optional<std::vector<std::string>>& flag = {}) const;

  /// The path of the file that was read; nothing: there is none.
  std::optional<std::string> file() const;

 private:
  Configuration(std::optional<ConfigFile> file, Environment environment)
      : file_(std::move(file)), environment_(std::move(environment)) {}

  std::optional<ConfigFile> file_;
  Environment environment_;
};

}  // namespace coremachine::cli
