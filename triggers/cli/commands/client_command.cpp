#include "triggers/cli/commands/client_command.hpp"

#include <cstdio>

#include "triggers/cli/command_failure.hpp"

namespace coremachine::cli {
namespace {

std::shared_ptr<CommandSettings> take_settings(CLI::App& command) {
  auto names = client_settings();
  names.emplace_back("output");
  names.emplace_back("quiet");
  return std::make_shared<CommandSettings>(command, names);
}

std::function<ExitCode()> bound(std::shared_ptr<CommandSettings> taken, ClientAct act) {
  return [taken = std::move(taken), act = std::move(act)] {
    const auto settings = taken->values();
    try {
      Api api(settings);
      return act(api, settings);
    } catch (const CommandFailure& failure) {
      if (settings.toggle("quiet")) throw failure.without_hints();
      throw;
    }
  };
}

}  // namespace

CLI::App* add_client_command(CLI::App& parent, const std::string& name, const std::string& help, Chosen& chosen,
                             ClientAct act) {
  auto* command = parent.add_subcommand(name, help);
  auto taken = take_settings(*command);
  command->callback([taken, act = std::move(act), &chosen] { chosen = bound(taken, act); });
  return command;
}

CLI::App* add_client_group(CLI::App& parent, const std::string& name, const std::string& help, Chosen& chosen,
                           ClientAct act) {
  auto* command = parent.add_subcommand(name, help);
  command->require_subcommand(0, 1);
  auto taken = take_settings(*command);
  command->callback([command, name, taken, act = std::move(act), &chosen] {
    const auto below = command->get_subcommands();
    if (below.empty()) {
      chosen = bound(taken, act);
    } else if (!command->get_options([](const CLI::Option* option) { return option->count() > 0; }).empty()) {
      // Options of the command itself would be lost without a word.
      throw CLI::ValidationError(
          name, "options come after the whole command: `coremachine " + name + " " + below.front()->get_name() + " …`");
    }
  });
  return command;
}

CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& help) {
  auto* command = parent.add_subcommand(name, help);
  command->require_subcommand(1);
  return command;
}

ExitCode for_each_id(const std::vector<std::string>& ids, const SettingValues& settings,
                     const std::function<boost::json::value(const std::string&)>& act,
                     const std::function<void(const boost::json::value&)>& print_line) {
  auto code = ExitCode::done;
  boost::json::array all;
  for (const auto& id : ids) {
    try {
      auto value = act(id);
      if (settings.format() == Format::table) {
        print_line(value);
      } else if (settings.format() == Format::jsonl) {
        print_value(Format::jsonl, value);
      } else {
        all.push_back(std::move(value));
      }
    } catch (const CommandFailure& failure) {
      if (ids.size() == 1) throw;
      print_error(id + ":");
      print_failure(settings.toggle("quiet") ? failure.without_hints() : failure);
      if (code == ExitCode::done) code = failure.code();
    }
  }
  if (settings.format() == Format::json) {
    if (ids.size() == 1) {
      print_value(Format::json, all.front());
    } else {
      print_value(Format::json, all);
    }
  }
  return code;
}

void hint(const SettingValues& settings, const std::string& text) {
  if (!settings.toggle("quiet")) std::fprintf(stderr, "%s\n", text.c_str());
}

}  // namespace coremachine::cli
