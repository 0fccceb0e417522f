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

/// Which option or argument was given an empty text, which is most often a variable of a script that is not set:
/// `--until is empty: leave it out, or give it a value`. To be asked before the words are parsed, for then `--until=`
/// would have the word behind it as its value.
std::optional<std::string> empty_option(const CLI::App& program, const std::vector<std::string>& words);
/// The same of what has been parsed, be it as far as an error.
std::optional<std::string> empty_value(const CLI::App& program);

/// The help of the command that the words name, as far as they name one.
std::string help_of(const CLI::App& program, const std::vector<std::string>& words);

/// What is wrong with words that the parser would not have, in its own terms, and whose `--help` says more.
std::string refusal_of(const CLI::App& program, const CLI::ParseError& error);
/// Whether a command was parsed that only has commands below it, and none of them. Then its help is what to tell.
bool lacks_command(const CLI::App& program);

/// How `--help` is laid out.
std::shared_ptr<CLI::Formatter> help_layout();

}  // namespace coremachine::cli
