#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace coremachine::cli {

/// What is wrong with words that could not be parsed, where it is a command or an option that there is none of: with
/// the nearest that there are. `words` are those after the name of the program.
std::optional<std::string> unknown_word(const CLI::App& program, const std::vector<std::string>& words);

/// How `--help` is laid out.
std::shared_ptr<CLI::Formatter> help_layout();

}  // namespace coremachine::cli
