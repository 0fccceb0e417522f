#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "core/store/sqlite/sqlite_store.hpp"
#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/help/suggestions.hpp"
#include "triggers/cli/output.hpp"
#include "triggers/cli/postgres/optional_stores.hpp"

namespace coremachine::cli {
namespace {

ExitCode usage(const std::string& fault) {
  print_error(fault);
  return ExitCode::usage;
}

/// Parses the words. Where they ask for the help or are wrong, that is told, and there is nothing more to do but to
/// end.
std::optional<ExitCode> parse(CLI::App& program, int argc, char** argv) {
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (const auto empty = empty_option(program, words)) return usage(*empty);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& told) {  // --help, --version
    program.exit(told);
    return ExitCode::done;
  } catch (const CLI::ParseError& error) {
    if (const auto unknown = unknown_word(program, words)) return usage(*unknown);
    if (const auto empty = empty_value(program)) return usage(*empty);
    if (!lacks_command(program)) return usage(refusal_of(program, error));
    const auto help = program.help();
    std::fwrite(help.data(), 1, help.size(), stderr);
    return ExitCode::usage;
  }
  if (const auto empty = empty_value(program)) return usage(*empty);
  return std::nullopt;
}

ExitCode run(int argc, char** argv) {
  CLI::App program;
  Chosen chosen;
  add_commands(program, chosen);
  const auto end = parse(program, argc, argv);
  const auto code = end ? *end : chosen();
  // What nobody could read was not done.
  flush_output();
  return code;
}

ExitCode guarded(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const OutputLost& lost) {
    if (!lost.why.empty()) print_error(lost.why);
    return lost.code;
  } catch (const CommandFailure& failure) {
    print_failure(failure);
    return failure.code();
  } catch (const Failure& failure) {
    print_error(failure.error());
    return exit_code_for(failure.error());
  } catch (const std::exception& error) {
    print_error(error.what());
    return ExitCode::unreachable;
  }
}

}  // namespace
}  // namespace coremachine::cli

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // then a write says that nobody reads
  std::signal(SIGXFSZ, SIG_IGN);  // then a write says that the file may not grow
  coremachine::leave_sqlite_memory_uncounted();
  coremachine::cli::enable_optional_stores();
  return static_cast<int>(coremachine::cli::guarded(argc, argv));
}
