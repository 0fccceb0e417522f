#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "triggers/cli/exit_code.hpp"

namespace coremachine::cli {

/// Ends a command: `main` prints the lines on standard error and tells the shell the code. The first line says what is
/// wrong; the last one, where there is something to say, what to type instead.
class CommandFailure : public std::runtime_error {
 public:
  CommandFailure(ExitCode code, std::string what, std::vector<std::string> further = {});

  ExitCode code() const { return code_; }
  const std::vector<std::string>& further() const { return further_; }

 private:
  ExitCode code_;
  std::vector<std::string> further_;
};

/// Prints it as `main` does.
void print_failure(const CommandFailure& failure);

}  // namespace coremachine::cli
