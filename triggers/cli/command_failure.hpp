#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "triggers/cli/exit_code.hpp"

namespace coremachine::cli {

/// Ends a command: `main` prints the lines on standard error and tells the shell the code. The first line says what is
/// wrong, faults say it one by one, and hints say what to type instead.
class CommandFailure : public std::runtime_error {
 public:
  CommandFailure(ExitCode code, std::string what, std::vector<std::string> hints = {},
                 std::vector<std::string> faults = {});

  ExitCode code() const { return code_; }
  const std::vector<std::string>& faults() const { return faults_; }
  const std::vector<std::string>& hints() const { return hints_; }
  /// As who wants it quiet is told.
  CommandFailure without_hints() const { return {code_, what(), {}, faults_}; }

 private:
  ExitCode code_;
  std::vector<std::string> hints_;
  std::vector<std::string> faults_;
};

/// Prints it as `main` does.
void print_failure(const CommandFailure& failure);

}  // namespace coremachine::cli
