#pragma once

#include <string>

#include "triggers/cli/help/command_tree.hpp"

namespace coremachine::cli {

/// A script that completes the words of the program in a shell: commands, options and what may stand for their values.
/// It asks nobody: job types and task types are those that are built in.
std::string bash_completion(const CommandNode& program);
std::string zsh_completion(const CommandNode& program);
std::string fish_completion(const CommandNode& program);

/// The manual page, in the language of man(7).
std::string man_page(const CommandNode& program);

}  // namespace coremachine::cli
