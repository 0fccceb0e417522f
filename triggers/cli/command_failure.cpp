#include "triggers/cli/command_failure.hpp"

#include "triggers/cli/output.hpp"

namespace coremachine::cli {

CommandFailure::CommandFailure(ExitCode code, std::string what, std::vector<std::string> hints,
                               std::vector<std::string> faults)
    : std::runtime_error(std::move(what)), code_(code), hints_(std::move(hints)), faults_(std::move(faults)) {}

void print_failure(const CommandFailure& failure) {
  print_error(std::string_view(failure.what()));
  for (const auto& line : failure.faults()) print_error("  " + line);
  for (const auto& line : failure.hints()) print_error("  " + line);
}

}  // namespace coremachine::cli
