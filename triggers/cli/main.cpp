#include <csignal>
#include <cstdio>
#include <exception>

#include "triggers/cli/commands.hpp"
#include "triggers/cli/output.hpp"

namespace coremachine::cli {

void add_version(CLI::App& program, Chosen& chosen) {
  auto* command = program.add_subcommand("version", "Print the version");
  command->callback([&chosen] {
    chosen = [] {
      std::printf("coremachine %s\n", COREMACHINE_VERSION);
      return ExitCode::done;
    };
  });
}

}  // namespace coremachine::cli

int main(int argc, char** argv) {
  using namespace coremachine::cli;
  std::signal(SIGPIPE, SIG_IGN);

  CLI::App program{"Durable multi-stage workflows: fan out, join, aggregate, and go on after a crash"};
  program.name("coremachine");
  program.require_subcommand(1);
  program.failure_message(CLI::FailureMessage::simple);
  program.footer("\n`coremachine COMMAND --help` tells the rest. Exit status: 0 done, 1 the job failed, 2 usage, 3 not found,\n"
                 "4 unreachable, 5 not allowed, 124 timed out, 130 interrupted.");
  Chosen chosen;
  add_run(program, chosen);
  add_bench(program, chosen);
  add_db(program, chosen);
  add_version(program, chosen);
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return program.exit(help);
  } catch (const CLI::ParseError& error) {
    program.exit(error);
    return static_cast<int>(ExitCode::usage);
  }
  try {
    return static_cast<int>(chosen());
  } catch (const coremachine::Failure& failure) {
    print_error(failure.error());
    return static_cast<int>(exit_code_for(failure.error()));
  } catch (const std::exception& error) {
    print_error(error.what());
    return static_cast<int>(ExitCode::unreachable);
  }
}
