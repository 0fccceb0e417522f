#include <map>
#include <set>

#include "triggers/cli/help/completion.hpp"

namespace coremachine::cli {
namespace {

template <class Visit>
void walk(const CommandNode& node, const Visit& visit) {
  visit(node);
  for (const auto& below : node.commands) walk(below, visit);
}

std::string spaced(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string commands_case(const CommandNode& program) {
  std::string out;
  walk(program, [&](const CommandNode& node) {
    if (node.commands.empty()) return;
    std::vector<std::string> names;
    for (const auto& below : node.commands) names.push_back(below.name);
    out += "    '" + node.path + "') echo '" + spaced(names) + "' ;;\n";
  });
  return out;
}

std::string options_case(const CommandNode& program) {
  std::string out;
  walk(program, [&](const CommandNode& node) {
    std::vector<std::string> names;
    for (const auto& option : node.options) names.insert(names.end(), option.names.begin(), option.names.end());
    out += "    '" + node.path + "') echo '" + spaced(names) + "' ;;\n";
  });
  return out;
}

/// A flag has no kind; a dash stands for a value of which nothing is known.
std::string kind_of(const OptionNode& option) {
  return option.value.empty() ? "" : option.kind.empty() ? "-" : option.kind;
}

/// Most options mean the same everywhere; those that do not are told apart by their command.
std::string kinds_case(const CommandNode& program) {
  std::map<std::string, std::set<std::string>> kinds;
  walk(program, [&](const CommandNode& node) {
    for (const auto& option : node.options) {
      for (const auto& name : option.names) kinds[name].insert(kind_of(option));
    }
  });
  std::string out;
  walk(program, [&](const CommandNode& node) {
    for (const auto& option : node.options) {
      for (const auto& name : option.names) {
        if (kinds[name].size() > 1) out += "    '" + node.path + " " + name + "') echo '" + kind_of(option) + "' ;;\n";
      }
    }
  });
  std::map<std::string, std::vector<std::string>> by_kind;
  for (const auto& [name, found] : kinds) {
    if (found.size() == 1 && !found.begin()->empty()) by_kind[*found.begin()].push_back("*' " + name + "'");
  }
  for (const auto& [kind, names] : by_kind) {
    out += "    ";
    for (std::size_t i = 0; i < names.size(); ++i) out += (i > 0 ? " | " : "") + names[i];
    out += ") echo '" + kind + "' ;;\n";
  }
  return out;
}

std::string arguments_case(const CommandNode& program) {
  std::string out;
  walk(program, [&](const CommandNode& node) {
    if (node.arguments.empty()) return;
    std::vector<std::string> kinds;
    for (const auto& argument : node.arguments) kinds.push_back(argument.kind.empty() ? "-" : argument.kind);
    // Those of which there may be several go on.
    if (node.arguments.back().repeated) kinds.push_back("...");
    out += "    '" + node.path + "') echo '" + spaced(kinds) + "' ;;\n";
  });
  return out;
}

std::string words_case(const CommandNode& program) {
  std::set<std::string> kinds;
  walk(program, [&](const CommandNode& node) {
    for (const auto& option : node.options) kinds.insert(option.kind);
    for (const auto& argument : node.arguments) kinds.insert(argument.kind);
  });
  std::string out;
  for (const auto& kind : kinds) {
    if (const auto words = words_for(kind); !words.empty())
      out += "    " + kind + ") echo '" + spaced(words) + "' ;;\n";
  }
  return out;
}

constexpr const char* shell_part = R"shell(
_coremachine_offer() {
  local kind=$1 current=$2
  if [[ $kind == FILE ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$current"))
  elif [[ $kind == JSON && $current == @* ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -P @ -f -- "${current#@}"))
  else
    COMPREPLY=($(compgen -W "$(_coremachine_words "$kind")" -- "$current"))
  fi
}

_coremachine() {
  local current=${COMP_WORDS[COMP_CWORD]} at=coremachine option='' word='' kind='' rest=''
  local -i i given=0
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -n $option ]]; then
      # bash takes --output=json apart at the equals sign.
      [[ $word == '=' ]] || option=''
    elif [[ $word == -* ]]; then
      [[ -z $(_coremachine_kind "$at $word") ]] || option=$word
    elif [[ " $(_coremachine_commands "$at") " == *" $word "* ]]; then
      at+=" $word"
    else
      given+=1
    fi
  done
  if [[ -n $option ]]; then
    [[ $current != '=' ]] || current=''
    _coremachine_offer "$(_coremachine_kind "$at $option")" "$current"
    return
  fi
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$(_coremachine_options "$at")" -- "$current"))
    return
  fi
  rest=$(_coremachine_commands "$at")
  if [[ -n $rest ]]; then
    COMPREPLY=($(compgen -W "$rest" -- "$current"))
    return
  fi
  for word in $(_coremachine_arguments "$at"); do
    [[ $word == ... ]] && given=0 || kind=$word
    ((given-- > 0)) || break
    kind=''
  done
  [[ -z $kind ]] || _coremachine_offer "$kind" "$current"
}

complete -F _coremachine coremachine
)shell";

}  // namespace

std::string bash_completion(const CommandNode& program) {
  const auto function = [](const std::string& name, const std::string& cases) {
    return "\n_coremachine_" + name + "() {\n  case $1 in\n" + cases + "  esac\n}\n";
  };
  return "# Completion of coremachine for bash, made by `coremachine completion bash`.\n" +
         function("commands", commands_case(program)) + function("options", options_case(program)) +
         "\n# What kind of value an option takes: nothing for a flag, - for one of which nothing is known." +
         function("kind", kinds_case(program)) + function("arguments", arguments_case(program)) +
         function("words", words_case(program)) + shell_part;
}

}  // namespace coremachine::cli
