#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/help/completion.hpp"
#include "triggers/cli/help/suggestions.hpp"

namespace coremachine::cli {

void add_completion(CLI::App& program, Chosen& chosen) {
  auto shell = std::make_shared<std::string>();
  auto* command =
      program.add_subcommand("completion", "Print a script that completes words of this program in a shell");
  command->add_option("SHELL", *shell, "bash, zsh or fish")->required()->type_name("SHELL");
  command->footer(
      "Examples:\n"
      "  source <(coremachine completion bash)\n"
      "  coremachine completion zsh > \"${fpath[1]}/_coremachine\"\n"
      "  coremachine completion fish > ~/.config/fish/completions/coremachine.fish");
  command->callback([shell, &program, &chosen] {
    chosen = [shell, &program] {
      const auto tree = tree_of(program);
      const auto script = *shell == "bash"   ? bash_completion(tree)
                          : *shell == "zsh"  ? zsh_completion(tree)
                          : *shell == "fish" ? fish_completion(tree)
                                             : std::string();
      if (script.empty())
        throw CommandFailure(ExitCode::usage, "completion takes bash, zsh or fish, and not \"" + *shell + "\"");
      std::fwrite(script.data(), 1, script.size(), stdout);
      return ExitCode::done;
    };
  });
}

void add_help(CLI::App& program, Chosen& chosen) {
  auto words = std::make_shared<std::vector<std::string>>();
  auto* command = program.add_subcommand("help", "Print the help of a command");
  command->add_option("COMMAND", *words, "The command, as jobs list; of the program, if it is not said")
      ->type_name("COMMAND");
  command->callback([words, &program, &chosen] {
    chosen = [words, &program] {
      if (const auto unknown = unknown_word(program, *words)) throw CommandFailure(ExitCode::usage, *unknown);
      const auto text = help_of(program, *words);
      std::fwrite(text.data(), 1, text.size(), stdout);
      return ExitCode::done;
    };
  });
}

void add_man(CLI::App& program, Chosen& chosen) {
  // For whoever packages the program.
  auto* command = program.add_subcommand("man", "Print the manual page")->group("");
  command->callback([&program, &chosen] {
    chosen = [&program] {
      const auto page = man_page(tree_of(program));
      std::fwrite(page.data(), 1, page.size(), stdout);
      return ExitCode::done;
    };
  });
}

}  // namespace coremachine::cli
