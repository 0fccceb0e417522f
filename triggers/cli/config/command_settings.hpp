#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include <coremachine/model/time.hpp>

#include "triggers/cli/config/configuration.hpp"
#include "triggers/cli/output.hpp"

namespace coremachine::cli {

/// The effective values of the settings that a command takes, each of the kind that its setting says. Asking for a
/// setting that the command did not name, or as another kind, is a bug.
class SettingValues {
 public:
  bool has(std::string_view name) const;          ///< it has a value, be it the default
  std::string text(std::string_view name) const;  ///< "" where it has none; of text, path, store and choice
  std::uint64_t count(std::string_view name) const;
  Milliseconds duration(std::string_view name) const;
  bool toggle(std::string_view name) const;
  std::vector<std::string> list(std::string_view name) const;
  Format format() const;  ///< of the setting `output`
  const Effective& effective(std::string_view name) const;

  /// For what only the command can judge: throws CommandFailure with the exit code `usage`, saying
  /// `ORIGIN: why, and not "value"`.
  [[noreturn]] void refuse(std::string_view name, const std::string& why) const;

 private:
  friend class CommandSettings;
  std::map<std::string, Effective, std::less<>> values_;
};

/// The settings that one command takes: their flags become options of it, in the group "Settings", along with
/// `--config FILE`. Make one while the commands are declared, keep it, and ask for the values when the command runs:
///
///   auto taken = std::make_shared<CommandSettings>(*command, {"store", "workers", "output"});
///   command->callback([taken, &chosen] { chosen = [taken] { return serve(taken->values()); }; });
class CommandSettings {
 public:
  CommandSettings(CLI::App& command, const std::vector<std::string_view>& names);
  CommandSettings(const CommandSettings&) = delete;
  CommandSettings& operator=(const CommandSettings&) = delete;

  /// Reads the configuration. Throws CommandFailure with the exit code `usage`: the file is faulty, or a value is; all
  /// that are wrong are named, each by its origin.
  SettingValues values() const;

  /// Also for `config show`: what was read, without the flags.
  Configuration configuration() const;

 private:
  struct Taken {
    const Setting* setting;
    CLI::Option* option;  ///< none: the setting has no flag
  };

  std::vector<Taken> taken_;
  CLI::Option* config_;
};

}  // namespace coremachine::cli
