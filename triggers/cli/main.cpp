#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/help/suggestions.hpp"
#include "triggers/cli/output.hpp"
#include "triggers/cli/postgres/optional_stores.hpp"

int main(int argc, char** argv) {
  using namespace coremachine::cli;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // then a write says that the file may not grow
  enable_optional_stores();

  CLI::App program;
  Chosen chosen;
  add_commands(program, chosen);
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (const auto empty = empty_option(program, words)) {
    print_error(*empty);
    return static_cast<int>(ExitCode::usage);
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return program.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return program.exit(version);
  } catch (const CLI::ParseError& error) {
    if (const auto unknown = unknown_word(program, words)) {
      print_error(*unknown);
    } else if (const auto empty = empty_value(program)) {
      print_error(*empty);
    } else {
      program.exit(error);
    }
    return static_cast<int>(ExitCode::usage);
  }
  if (const auto empty = empty_value(program)) {
    print_error(*empty);
    return static_cast<int>(ExitCode::usage);
  }
  try {
    const auto code = chosen();
    // What nobody could read was not done.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      print_error("cannot write the output");
      return static_cast<int>(ExitCode::unreachable);
    }
    return static_cast<int>(code);
  } catch (const CommandFailure& failure) {
    print_failure(failure);
    return static_cast<int>(failure.code());
  } catch (const coremachine::Failure& failure) {
    print_error(failure.error());
    return static_cast<int>(exit_code_for(failure.error()));
  } catch (const std::exception& error) {
    print_error(error.what());
    return static_cast<int>(ExitCode::unreachable);
  }
}
