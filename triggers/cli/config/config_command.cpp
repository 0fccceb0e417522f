#include <unistd.h>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "core/model/suggest.hpp"
#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/config/command_settings.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

std::string masked(const Setting& setting, const std::vector<std::string>& texts) {
  if (setting.secret && !texts.empty()) return "********";
  std::string text;
  for (const auto& each : texts) {
    text += (text.empty() ? "" : ",") + shown(setting, each);
  }
  return text;
}

/// A variable that is spelt like one of ours and is none does nothing, without a word.
void warn_of_unknown_variables() {
  std::vector<std::string_view> known{"COREMACHINE_CONFIG"};
  for (const auto& each : settings()) {
    if (!each.variable.empty()) known.push_back(each.variable);
  }
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    const auto name = text.substr(0, text.find('='));
    if (!name.starts_with("COREMACHINE_")) continue;
    if (std::find(known.begin(), known.end(), name) == known.end())
      print_error(describe_unknown("variable", name, known) + "; it is not read");
  }
}

ExitCode show(const CommandSettings& taken, bool origins) {
  const auto configuration = taken.configuration();
  const auto format = taken.values().format();
  json::object values;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> faults;
  for (const auto& each : settings()) {
    const auto value = configuration.value(each);
    if (!value) {
      faults.push_back(value.error().message);
      continue;
    }
    const auto text = masked(each, value->texts);
    rows.push_back({std::string(each.key), text});
    if (origins) {
      rows.back().push_back(value->where);
      values[each.key] = json::object{{"value", text}, {"origin", value->where}};
    } else {
      values[each.key] = text;
    }
  }
  if (!faults.empty()) {
    const auto first = faults.front();
    faults.erase(faults.begin());
    throw CommandFailure(ExitCode::usage, first, {}, std::move(faults));
  }
  if (format != Format::table) {
    print_value(format, values);
  } else {
    print_table(
        origins ? std::vector<std::string>{"SETTING", "VALUE", "ORIGIN"} : std::vector<std::string>{"SETTING", "VALUE"},
        rows);
  }
  if (const auto file = configuration.file()) std::fprintf(stderr, "read %s\n", file->c_str());
  warn_of_unknown_variables();
  return ExitCode::done;
}

}  // namespace

void add_config(CLI::App& program, Chosen& chosen) {
  auto* config = program.add_subcommand("config", "What the program is told by files and variables");
  config->require_subcommand(1);
  auto* command = config->add_subcommand("show", "Show what every setting comes to, but for flags; secrets are masked");
  auto origins = std::make_shared<bool>(false);
  command->add_flag("--origin", *origins, "Also where each value comes from: a file and its line, a variable, default");
  auto taken = std::make_shared<CommandSettings>(*command, std::vector<std::string_view>{"output"});
  command->callback([taken, origins, &chosen] { chosen = [taken, origins] { return show(*taken, *origins); }; });
}

}  // namespace coremachine::cli
