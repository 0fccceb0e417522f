#include "triggers/cli/help/suggestions.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/model/suggest.hpp"

namespace coremachine::cli {
namespace {

class Layout : public CLI::Formatter {
 public:
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_positional() || option->get_type_size() == 0 || option->get_expected_max() == 0) return {};
    // Behind a colon comes what the value is checked for.
    const auto type = option->get_type_name();
    return type.empty() ? std::string() : " " + type.substr(0, type.find(':'));
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    const auto value = option->get_default_str();
    return value.empty() ? option->get_description() : option->get_description() + " (default: " + value + ")";
  }
};

const CLI::App* command_below(const CLI::App& app, const std::string& word) {
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == word) return command;
  }
  return nullptr;
}

/// The option that a word like `--output=json` or `-o` names.
const CLI::Option* option_of(const CLI::App& app, const std::string& word) {
  const auto name = word.substr(0, word.find('='));
  for (const auto* option : app.get_options([](const CLI::Option* each) { return each->nonpositional(); })) {
    if (option->check_name(name)) return option;
    // -ojson, -pkey=value
    if (!word.starts_with("--") && word.size() > 1 && option->check_name(word.substr(0, 2))) return option;
  }
  return nullptr;
}

/// Whether the value of this option is the word behind it.
bool value_follows(const CLI::Option& option, const std::string& word) {
  return option.get_expected_min() > 0 && option.get_type_size() != 0 && word.find('=') == std::string::npos &&
         option.check_name(word);
}

std::string is_empty(const std::string& name) {
  return name + " is empty: leave it out, or give it a value";
}

std::string no_such_option(const CLI::App& app, const std::string& path, const std::string& word) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options([](const CLI::Option* each) { return each->nonpositional(); })) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
  }
  return describe_unknown("option of `" + path + "`", word.substr(0, word.find('=')), {names.begin(), names.end()}) +
         "; `" + path + " --help` lists all";
}

struct Synonym {
  std::string_view word;
  std::string_view command;
};
/// What other programs call the commands that there are here.
constexpr std::array synonyms{
    Synonym{"delete", "rm"},     Synonym{"remove", "rm"},    Synonym{"del", "rm"},      Synonym{"get", "show"},
    Synonym{"describe", "show"}, Synonym{"inspect", "show"}, Synonym{"ls", "list"},     Synonym{"new", "create"},
    Synonym{"add", "create"},    Synonym{"edit", "update"},  Synonym{"stop", "cancel"}, Synonym{"kill", "cancel"},
    Synonym{"abort", "cancel"},  Synonym{"follow", "watch"}, Synonym{"wait", "watch"},  Synonym{"start", "serve"},
    Synonym{"server", "serve"},
};

/// What these names are to be told as: what is meant by the word, and nothing else, if it is one of them.
std::vector<std::string> meant(const std::string& word, std::vector<std::string> names) {
  const auto same = std::find_if(synonyms.begin(), synonyms.end(), [&](const Synonym& s) { return s.word == word; });
  if (same == synonyms.end() || std::find(names.begin(), names.end(), same->command) == names.end()) return names;
  return {std::string(same->command)};
}

std::string no_such_command(const CLI::App& app, const std::string& path, const std::string& word) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  names = meant(word, std::move(names));
  return describe_unknown("command of `" + path + "`", word, {names.begin(), names.end()}) + "; `" + path +
         " --help` lists all";
}

}  // namespace

std::shared_ptr<CLI::Formatter> help_layout() {
  auto layout = std::make_shared<Layout>();
  layout->column_width(36);
  layout->label("Positionals", "Arguments");
  layout->label("Subcommand", "Command");
  layout->label("SUBCOMMAND", "COMMAND");
  return layout;
}

std::optional<std::string> unknown_word(const CLI::App& program, const std::vector<std::string>& words) {
  const auto* at = &program;
  std::string path = "coremachine";
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    if (word == "--") return std::nullopt;
    if (word.starts_with("-") && word.size() > 1) {
      const auto* option = option_of(*at, word);
      if (!option) return no_such_option(*at, path, word);
      if (value_follows(*option, word)) ++i;
    } else if (const auto* below = command_below(*at, word)) {
      at = below;
      path += " " + word;
    } else if (!at->get_subcommands([](const CLI::App*) { return true; }).empty()) {
      return no_such_command(*at, path, word);
    }
  }
  return std::nullopt;
}

std::optional<std::string> empty_option(const CLI::App& program, const std::vector<std::string>& words) {
  const auto* at = &program;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const auto& word = words[i];
    if (const auto* option = word.starts_with("-") ? option_of(*at, word) : nullptr) {
      if (word.starts_with("--") && word.find('=') == word.size() - 1) return is_empty(word.substr(0, word.size() - 1));
      if (value_follows(*option, word)) ++i;
    } else if (const auto* below = command_below(*at, word)) {
      at = below;
    }
  }
  return std::nullopt;
}

std::string help_of(const CLI::App& program, const std::vector<std::string>& words) {
  const auto* at = &program;
  auto path = program.get_name();
  for (const auto& word : words) {
    const auto* below = command_below(*at, word);
    if (!below) break;
    at = below;
    path += " " + word;
  }
  return at->get_formatter()->make_help(at, path, CLI::AppFormatMode::Normal);
}

std::string refusal_of(const CLI::App& program, const CLI::ParseError& error) {
  auto path = program.get_name();
  for (auto below = program.get_subcommands(); !below.empty(); below = below.front()->get_subcommands())
    path += " " + below.front()->get_name();
  return std::string(error.what()) + "; `" + path + " --help` says more";
}

bool lacks_command(const CLI::App& program) {
  const auto below = program.get_subcommands();
  return below.empty() ? program.get_require_subcommand_min() > 0 : lacks_command(*below.front());
}

std::optional<std::string> empty_value(const CLI::App& program) {
  for (const auto* option : program.get_options([](const CLI::Option*) { return true; })) {
    const auto& texts = option->results();
    if (std::find(texts.begin(), texts.end(), "") != texts.end()) return is_empty(option->get_name());
  }
  for (const auto* command : program.get_subcommands()) {
    if (auto empty = empty_value(*command)) return empty;
  }
  return std::nullopt;
}

}  // namespace coremachine::cli
