#include <algorithm>

#include "triggers/cli/help/completion.hpp"

namespace coremachine::cli {
namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

/// Within single quotes.
std::string in_quotes(const std::string& text) {
  return replaced(text, "'", "'\\''");
}

/// As the text of an option in a specification of _arguments.
std::string described(std::string text) {
  for (const auto* special : {"\\", "[", "]", ":"})
    text = replaced(std::move(text), special, std::string("\\") + special);
  return in_quotes(text);
}

std::string function_of(const CommandNode& node) {
  auto name = "_" + node.path;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

std::string action_of(const OptionNode& node) {
  if (is_file(node.kind)) return "_files";
  const auto words = words_for(node.kind);
  if (words.empty()) return " ";
  std::string text = "(";
  for (const auto& word : words) text += (text.size() > 1 ? " " : "") + word;
  return text + ")";
}

std::string specification(const OptionNode& option) {
  const auto value = option.value.empty() ? std::string() : ":" + option.value + ":" + action_of(option);
  const std::string text = "[" + described(option.help) + "]" + value + "'";
  if (option.repeated) {
    std::string out;
    for (const auto& name : option.names) out += (out.empty() ? "'*" : " '*") + name + text;
    return out;
  }
  if (option.names.size() == 1) return "'" + option.names.front() + text;
  std::string all;
  std::string braces;
  for (const auto& name : option.names) {
    all += (all.empty() ? "" : " ") + name;
    braces += (braces.empty() ? "" : ",") + name;
  }
  return "'(" + all + ")'{" + braces + "}'" + text;
}

void write(const CommandNode& node, std::string& out) {
  for (const auto& below : node.commands) write(below, out);
  out += "\n" + function_of(node) + "() {\n";
  if (node.commands.empty()) {
    out += "  _arguments -s";
  } else {
    out += "  local context state state_descr line\n  typeset -A opt_args\n  _arguments -s -C";
  }
  for (const auto& option : node.options) out += " \\\n    " + specification(option);
  for (const auto& argument : node.arguments) {
    out += " \\\n    '" +
           std::string(argument.repeated   ? "*"
                       : argument.required ? ""
                                           : ":") +
           ":" + argument.value + ":" + action_of(argument) + "'";
  }
  if (!node.commands.empty()) {
    out +=
        " \\\n    ':command:->command' '*::argument:->argument'\n  case $state in\n    command)\n"
        "      local -a commands=(\n";
    for (const auto& below : node.commands)
      out += "        '" + below.name + ":" + in_quotes(replaced(below.help, ":", "\\:")) + "'\n";
    out += "      )\n      _describe command commands\n      ;;\n    argument)\n      case $words[1] in\n";
    for (const auto& below : node.commands) out += "        " + below.name + ") " + function_of(below) + " ;;\n";
    out += "      esac\n      ;;\n  esac\n";
  } else {
    out += "\n";
  }
  out += "}\n";
}

}  // namespace

std::string zsh_completion(const CommandNode& program) {
  std::string out =
      "#compdef coremachine\n# Completion of coremachine for zsh, made by `coremachine completion zsh`.\n";
  write(program, out);
  // As a file of fpath it is called; sourced, it registers itself.
  return out +
         "\nif [[ $funcstack[1] == _coremachine ]]; then\n  _coremachine \"$@\"\nelse\n"
         "  compdef _coremachine coremachine\nfi\n";
}

}  // namespace coremachine::cli
