#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "core/model/suggest.hpp"
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

namespace {

/// Which word on the way down is no command, and what may have been meant.
std::optional<std::string> unknown_command(const CLI::App& program, int argc, char** argv) {
  const auto* at = &program;
  std::string path = "coremachine";
  for (int i = 1; i < argc && at->get_require_subcommand_min() > 0; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("-")) return std::nullopt;
    std::vector<std::string> names;
    const CLI::App* next = nullptr;
    for (const auto* command : at->get_subcommands([](const CLI::App*) { return true; })) {
      names.push_back(command->get_name());
      if (names.back() == word) next = command;
    }
    if (!next)
      return describe_unknown("command of `" + path + "`", word, {names.begin(), names.end()}) + "; `" + path +
             " --help` lists all";
    at = next;
    path += " " + word;
  }
  return std::nullopt;
}

}  // namespace

}  // namespace coremachine::cli

int main(int argc, char** argv) {
  using namespace coremachine::cli;
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // then a write says that the file may not grow

  CLI::App program{"Durable multi-stage workflows: fan out, join, aggregate, and go on after a crash"};
  program.name("coremachine");
  program.require_subcommand(1);
  program.failure_message(CLI::FailureMessage::simple);
  program.footer(
      "\n`coremachine COMMAND --help` tells the rest. Exit status: 0 done, 1 the job failed, 2 usage, 3 not found,\n"
      "4 unreachable, 5 not allowed, 124 timed out, 130 interrupted.");
  program.set_version_flag("--version", std::string("coremachine ") + COREMACHINE_VERSION, "Print the version");
  Chosen chosen;
  add_run(program, chosen);
  add_serve(program, chosen);
  add_bench(program, chosen);
  add_db(program, chosen);
  add_version(program, chosen);
  try {
    program.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return program.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return program.exit(version);
  } catch (const CLI::ParseError& error) {
    if (const auto unknown = unknown_command(program, argc, argv)) {
      print_error(*unknown);
    } else {
      program.exit(error);
    }
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
  } catch (const coremachine::Failure& failure) {
    print_error(failure.error());
    return static_cast<int>(exit_code_for(failure.error()));
  } catch (const std::exception& error) {
    print_error(error.what());
    return static_cast<int>(ExitCode::unreachable);
  }
}
