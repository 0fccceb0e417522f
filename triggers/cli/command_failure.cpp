#include "triggers/cli/command_failure.hpp"

#include "triggers/cli/output.hpp"

namespace coremachine::cli {

CommandFailure::CommandFailure(ExitCode code, std::string what, std::vector<std::string> further)
    : std::runtime_error(std::move(what)), code_(code), further_(std::move(further)) {}

void print_failure(const CommandFailure& failure) {
  print_error(std::string_view(failure.what()));
  for (const auto& line : failure.further()) print_error("  " + line);
}

}  // namespace coremachine::cli
