#include "triggers/cli/commands/arguments.hpp"

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/params_argument.hpp"

namespace coremachine::cli {

void add_params_options(CLI::App& command, std::string& argument, std::vector<std::string>& pairs) {
  command.add_option("PARAMS", argument, "The params: JSON, @FILE, or - for standard input")->type_name("JSON");
  add_repeated(command, "-p,--param", pairs, "One param as key=value (JSON where it reads as JSON); may be given again",
               "KEY=VALUE");
}

boost::json::object params_or_failure(const std::string& argument, const std::vector<std::string>& pairs) {
  auto params = params_from(argument, pairs);
  if (!params) throw CommandFailure(ExitCode::usage, params.error().message);
  return std::move(*params);
}

std::optional<Milliseconds> duration_argument(const std::string& option, const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto duration = parse_duration(text);
  if (!duration)
    throw CommandFailure(ExitCode::usage, option + " takes a duration such as 30s or 5m, and not \"" + text + "\"");
  return duration;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

std::string time_argument(const std::string& text) {
  const auto ago = parse_duration(text);
  if (!ago) return text;
  return to_rfc3339(std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()) - *ago);
}

CLI::Option* add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& into,
                          const std::string& help, const std::string& type_name) {
  return command.add_option(name, into, help)->type_name(type_name)->take_all()->expected(1)->allow_extra_args(false);
}

}  // namespace coremachine::cli
