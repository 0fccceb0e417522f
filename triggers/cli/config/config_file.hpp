#pragma once

#include <map>
#include <string>
#include <vector>

#include <coremachine/model/error.hpp>

#include "triggers/cli/config/settings.hpp"

namespace coremachine::cli {

/// What a configuration file says of one setting.
struct FileValue {
  std::vector<std::string> texts;
  unsigned line = 0;
};

/// A TOML file that was read: only known keys, each with a value that its setting takes.
struct ConfigFile {
  std::string path;
  std::map<std::string, FileValue, std::less<>> values;  ///< by the key of the setting: `client.server`
};

/// Reads a file. Fails as invalid_argument with a line for every fault in it, each beginning with `PATH:LINE: `: what
/// is no TOML, a key that no setting has (with the nearest that there is), a value of the wrong kind or out of range;
/// or when the file cannot be read.
Result<ConfigFile> read_config_file(const std::string& path);
/// The same of text; `path` is what messages call it, and what relative paths in it are relative to.
Result<ConfigFile> parse_config(std::string_view text, const std::string& path);

}  // namespace coremachine::cli
