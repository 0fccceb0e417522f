#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include <coremachine/telemetry/log.hpp>

namespace coremachine::cli {

/// What the command line says of the log.
struct LogArguments {
  std::string level = {};   ///< empty: not said
  std::string format = {};  ///< likewise
};

/// `--log-level` and `--log-format`, and their variables.
void add_log_options(CLI::App& command, LogArguments& arguments);

/// A logger to standard error; null if the command line says nothing of one.
std::shared_ptr<Logger> logger_of(const LogArguments& arguments);

}  // namespace coremachine::cli
