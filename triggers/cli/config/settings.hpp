#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace coremachine::cli {

/// How the value of a setting reads.
enum class SettingKind : std::uint8_t {
  text,      ///< anything that is not empty
  path,      ///< of a file. In a configuration file it is relative to that file's folder
  store,     ///< the URL of a store; a relative `sqlite:PATH` is treated as a path is
  count,     ///< a whole number from `least` to `most`
  duration,  ///< a number with ms, s, m, h or d
  toggle,    ///< as toggle_from; as a flag it needs no value
  choice,    ///< one of `choices`
  list,      ///< several texts: an array in a file, separated by commas in a variable, a flag that is given again
};

/// One thing that can be said by a flag, by a variable or in the configuration file, and has a default. The table of
/// them, settings(), is all there is to know: options, `config show` and the man page are made from it.
struct Setting {
  std::string_view name;      ///< what the program calls it; of all settings only one has it
  std::string_view flag;      ///< `--store`, or `-o,--output`; empty: no flag says it
  std::string_view variable;  ///< `COREMACHINE_STORE`; two settings of different commands may share it
  std::string_view key;       ///< in the file: `store`, or `client.server` for `server` in the table [client]
  SettingKind kind = SettingKind::text;
  std::string_view fallback;    ///< as text; empty: none
  std::string_view value_name;  ///< what stands for the value in the help, and what completion goes by: FILE, URL, N
  std::string_view help;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  std::string_view choices = {};  ///< `table|json|jsonl`
  bool secret = false;            ///< never printed
  bool has_paths = false;         ///< of a list: what has a slash in it is treated as a path is
};

/// Every setting there is, in the order in which they are told.
std::span<const Setting> settings();
/// The one with this name, which must be in the table.
const Setting& setting(std::string_view name);

/// Whether this is a value of the setting; `texts` has one element, but for a list.
bool fits(const Setting& setting, const std::vector<std::string>& texts);
/// What a toggle says: true, 1, yes and on are the same, and false, 0, no and off; nothing: it is none of these.
std::optional<bool> toggle_from(std::string_view text);
/// What the setting takes, for people: `a whole number from 1 to 4096`, `table, json or jsonl`.
std::string expected_of(const Setting& setting);
/// A value of the setting as it may be shown: without the password of a URL. What a secret says is not to be shown at
/// all.
std::string shown(const Setting& setting, const std::string& text);
/// `WHERE takes EXPECTED, and not "VALUE"`; the value of a secret is not told, nor the
/// password in a URL.
std::string refusal(std::string_view where, const Setting& setting, const std::vector<std::string>& texts);

}  // namespace coremachine::cli
