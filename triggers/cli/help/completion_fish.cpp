#include "triggers/cli/help/completion.hpp"

namespace coremachine::cli {
namespace {

std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

/// The path without the name of the program: `jobs list`.
std::string below_program(const CommandNode& node) {
  const auto space = node.path.find(' ');
  return space == std::string::npos ? std::string() : node.path.substr(space + 1);
}

std::string words_of(const std::string& kind) {
  std::string text;
  for (const auto& word : words_for(kind)) text += (text.empty() ? "" : " ") + word;
  return text;
}

void paths_of(const CommandNode& node, std::string& out) {
  if (const auto path = below_program(node); !path.empty()) out += " " + in_quotes(path);
  for (const auto& below : node.commands) paths_of(below, out);
}

std::string option_line(const std::string& condition, const OptionNode& option) {
  std::string line = "complete -c coremachine -n " + condition;
  for (const auto& name : option.names)
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (!option.value.empty()) {
    line += is_file(option.kind) ? " -r -F" : " -x";
    if (const auto words = words_of(option.kind); !words.empty()) line += " -a " + in_quotes(words);
  }
  return line + " -d " + in_quotes(option.help) + "\n";
}

void write(const CommandNode& node, std::string& out) {
  const auto condition = in_quotes("__coremachine_at " + in_quotes(below_program(node)));
  for (const auto& below : node.commands)
    out += "complete -c coremachine -n " + condition + " -a " + in_quotes(below.name) + " -d " + in_quotes(below.help) +
           "\n";
  for (const auto& option : node.options) out += option_line(condition, option);
  for (const auto& argument : node.arguments) {
    if (is_file(argument.kind)) {
      out += "complete -c coremachine -n " + condition + " -F\n";
    } else if (const auto words = words_of(argument.kind); !words.empty()) {
      out += "complete -c coremachine -n " + condition + " -a " + in_quotes(words) + "\n";
    }
  }
  for (const auto& below : node.commands) write(below, out);
}

}  // namespace

std::string fish_completion(const CommandNode& program) {
  std::string out =
      "# Completion of coremachine for fish, made by `coremachine completion fish`.\n\n"
      "# Whether the words so far name this command.\n"
      "function __coremachine_at\n"
      "    set -l at ''\n"
      "    for word in (commandline -opc)[2..-1]\n"
      "        set -l further (string trim -- \"$at $word\")\n"
      "        contains -- $further $__coremachine_commands; and set at $further\n"
      "    end\n"
      "    test \"$at\" = \"$argv[1]\"\n"
      "end\n\n"
      "set -g __coremachine_commands";
  paths_of(program, out);
  out += "\n\ncomplete -c coremachine -f\n";
  write(program, out);
  return out;
}

}  // namespace coremachine::cli
