#include "triggers/cli/log_arguments.hpp"

namespace coremachine::cli {

void add_log_options(CLI::App& command, LogArguments& arguments) {
  const auto level = [](const std::string& text) -> std::string {
    return log_level_from(text) ? "" : "takes debug, info, warn, error or off, and not \"" + text + "\"";
  };
  const auto format = [](const std::string& text) -> std::string {
    return log_format_from(text) ? "" : "takes text or json, and not \"" + text + "\"";
  };
  command.add_option("--log-level", arguments.level, "What is logged to standard error: debug, info, warn, error, off")
      ->envname("COREMACHINE_LOG_LEVEL")
      ->check(CLI::Validator(level, "LEVEL"));
  command.add_option("--log-format", arguments.format, "How: text, or json (one object a line)")
      ->envname("COREMACHINE_LOG_FORMAT")
      ->check(CLI::Validator(format, "FORMAT"));
}

std::shared_ptr<Logger> logger_of(const LogArguments& arguments) {
  if (arguments.level.empty() && arguments.format.empty()) return nullptr;
  LogOptions options;
  options.level = log_level_from(arguments.level).value_or(options.level);
  options.format = log_format_from(arguments.format).value_or(options.format);
  return make_log(options);
}

}  // namespace coremachine::cli
