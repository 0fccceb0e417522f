#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace coremachine::cli {

/// One option of a command, or one of its arguments.
struct OptionNode {
  std::vector<std::string> names;  ///< `-o`, `--output`; none: an argument
  std::string value;               ///< what stands for its value: FORMAT, FILE, ID; empty: it takes none
  std::string kind;                ///< what it is a value of, for completion: JOB_TYPE where the value is called TYPE
  std::string help;
  bool required = false;
  bool repeated = false;
};

/// A command as the help has it. Completion and the man page are made of these, and these are made of what the program
/// parses by, so that they cannot differ.
struct CommandNode {
  std::string name;
  std::string path;  ///< `coremachine jobs list`
  std::string help;
  std::string footer;  ///< examples
  std::string group;
  std::vector<OptionNode> options;
  std::vector<OptionNode> arguments;
  std::vector<CommandNode> commands;
};

/// Without the commands that are hidden: their group is empty.
CommandNode tree_of(const CLI::App& program);

/// What may stand for a value of a kind: `FORMAT` is table, json or jsonl; nothing: anything.
std::vector<std::string> words_for(const std::string& kind);
/// The same in a sentence: `table, json or jsonl`.
std::string choices_of(const std::string& kind);
/// Whether values of this kind are names of files.
bool is_file(const std::string& kind);

}  // namespace coremachine::cli
