#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "triggers/cli/client/api.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/config/command_settings.hpp"

namespace coremachine::cli {

/// What a command does once its settings are known and it can talk to a server.
using ClientAct = std::function<ExitCode(Api&, const SettingValues&)>;

/// Adds a command that talks to a server, with the settings that it takes for that and `output` and `quiet`. If it is
/// to be quiet, a failure has no hints.
CLI::App* add_client_command(CLI::App& parent, const std::string& name, const std::string& help, Chosen& chosen,
                             ClientAct act);

/// The same for one that also has commands below it, and is what is meant when none of them is named: `limits` is
/// `limits show`.
CLI::App* add_client_group(CLI::App& parent, const std::string& name, const std::string& help, Chosen& chosen,
                           ClientAct act);

/// A command that only has commands below it.
CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& help);

/// Does something for each of several ids, in turn, and goes on after a failure, which is printed. The exit code is
/// that of the first failure. With `-o json` one id gives one object and several give an array.
ExitCode for_each_id(const std::vector<std::string>& ids, const SettingValues& settings,
                     const std::function<boost::json::value(const std::string&)>& act,
                     const std::function<void(const boost::json::value&)>& print_line);

/// `hint` on standard error, unless it is to be quiet.
void hint(const SettingValues& settings, const std::string& text);

}  // namespace coremachine::cli
