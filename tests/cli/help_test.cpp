// What the program says of itself is what it parses by: completion, the manual page, suggestions.
#include <algorithm>
#include <functional>
#include <set>

#include <doctest/doctest.h>

#include "triggers/cli/commands.hpp"
#include "triggers/cli/help/completion.hpp"
#include "triggers/cli/help/suggestions.hpp"

using namespace coremachine::cli;

namespace {

/// The whole program, as `main` makes it.
struct Program {
  Program() { add_commands(app, chosen); }
  Chosen chosen;
  CLI::App app;
};

void walk(const CommandNode& node, const std::function<void(const CommandNode&)>& visit) {
  visit(node);
  for (const auto& below : node.commands) walk(below, visit);
}

}  // namespace

TEST_CASE("every command has a help text, and every option and argument of it") {
  const Program program;
  std::set<std::string> paths;
  walk(tree_of(program.app), [&](const CommandNode& node) {
    CAPTURE(node.path);
    CHECK(paths.insert(node.path).second);
    CHECK(!node.help.empty());
    for (const auto& option : node.options) {
      CAPTURE(option.names.back());
      CHECK(!option.help.empty());
      CHECK(option.names.back().starts_with("--"));
    }
    for (const auto& argument : node.arguments) CHECK(!argument.help.empty());
  });
  for (const auto* path : {"coremachine run",
                           "coremachine serve",
                           "coremachine submit",
                           "coremachine jobs list",
                           "coremachine jobs show",
                           "coremachine jobs watch",
                           "coremachine jobs cancel",
                           "coremachine jobs pause",
                           "coremachine jobs resume",
                           "coremachine jobs retry",
                           "coremachine jobs signal",
                           "coremachine jobs tasks",
                           "coremachine jobs explain",
                           "coremachine jobs rm",
                           "coremachine types",
                           "coremachine tasks execute",
                           "coremachine schedules create",
                           "coremachine limits set",
                           "coremachine workers",
                           "coremachine queues pause",
                           "coremachine config show",
                           "coremachine db check",
                           "coremachine bench fanout",
                           "coremachine bench http",
                           "coremachine completion",
                           "coremachine version"}) {
    CAPTURE(path);
    CHECK(paths.contains(path));
  }
  CHECK(!paths.contains("coremachine man"));
}

TEST_CASE("the help of an option names the values that it takes, where they are few") {
  const Program program;
  walk(tree_of(program.app), [&](const CommandNode& node) {
    CAPTURE(node.path);
    for (const auto& option : node.options) {
      // Types depend on the server, and of true and false the help says what each does.
      if (option.kind == "JOB_TYPE" || option.kind == "TASK_TYPE" || option.kind == "BOOL") continue;
      CAPTURE(option.names.back());
      for (const auto& word : words_for(option.kind)) CHECK(option.help.find(word) != std::string::npos);
    }
  });
  CHECK(choices_of("FORMAT") == "table, json or jsonl");
  CHECK(choices_of("JOB").empty());
}

TEST_CASE("scripts and the manual page name every command and every option") {
  const Program program;
  const auto tree = tree_of(program.app);
  const auto bash = bash_completion(tree);
  const auto zsh = zsh_completion(tree);
  const auto fish = fish_completion(tree);
  const auto man = man_page(tree);
  const auto has = [](const std::string& text, const std::string& word) {
    return text.find(word) != std::string::npos;
  };
  walk(tree, [&](const CommandNode& node) {
    CAPTURE(node.path);
    CHECK(has(bash, "'" + node.path + "') echo"));
    auto name = "_" + node.path;
    std::replace(name.begin(), name.end(), ' ', '_');
    CHECK(has(zsh, "\n" + name + "() {\n"));
    for (const auto& option : node.options) {
      for (const auto& flag : option.names) {
        CAPTURE(flag);
        CHECK(has(bash, flag));
        CHECK(has(zsh, flag));
        CHECK(has(fish, flag.starts_with("--") ? " -l " + flag.substr(2) : " -s " + flag.substr(1)));
        auto escaped = flag;
        for (std::size_t at = 0; (at = escaped.find('-', at)) != std::string::npos; at += 2) escaped.insert(at, "\\");
        CHECK((has(man, escaped) || flag == "--help" || flag == "-h" || flag == "--version"));
      }
    }
  });
  for (const auto* type : {"hello_world", "fan_out", "list_container"}) {
    CHECK(has(bash, type));
    CHECK(has(zsh, type));
    CHECK(has(fish, type));
  }
}

TEST_CASE("an empty text is no value, of any option or argument that there is") {
  Program program;
  const std::function<void(CLI::App&, std::vector<std::string>)> visit = [&](CLI::App& app,
                                                                             std::vector<std::string> path) {
    for (const auto* option : app.get_options({})) {
      const auto name = option->get_name();
      CAPTURE(app.get_name());
      CAPTURE(name);
      const bool is_flag = option->get_expected_max() == 0 || option->get_type_size() == 0;
      auto words = path;
      if (option->get_positional()) {
        words.insert(words.end(), {"--", ""});
      } else {
        words.insert(words.end(), {name, ""});
        auto joined = path;
        joined.insert(joined.end(), {name + "=", "x"});
        CHECK(empty_option(program.app, joined) == name + " is empty: leave it out, or give it a value");
      }
      if (is_flag) continue;
      CHECK(!empty_option(program.app, words));
      std::reverse(words.begin(), words.end());
      try {
        program.app.parse(words);
      } catch (const CLI::ParseError&) {  // something else is missing
      }
      const auto empty = empty_value(program.app);
      REQUIRE(empty.has_value());
      CHECK(empty->ends_with(" is empty: leave it out, or give it a value"));
      if (!option->get_positional()) CHECK(empty->starts_with(name + " "));
    }
    for (auto* command : app.get_subcommands([](CLI::App*) { return true; })) {
      auto below = path;
      below.push_back(command->get_name());
      visit(*command, below);
    }
  };
  visit(program.app, {});
}

TEST_CASE("a param may be empty, and what is behind -- is no option") {
  const Program program;
  for (const auto& words : std::initializer_list<std::vector<std::string>>{{"submit", "hello_world", "-p", "message="},
                                                                           {"submit", "-p", "--wait="},
                                                                           {"submit", "-pmessage="},
                                                                           {"submit", "--param=message="},
                                                                           {"submit", "x", "--", "--wait="},
                                                                           {"submit", "--nonsense="},
                                                                           {"jobs", "list", "--until=a="}}) {
    CAPTURE(words);
    CHECK(!empty_option(program.app, words));
  }
}

TEST_CASE("a word that is no command or option is told with the nearest that there are") {
  struct Row {
    std::vector<std::string> words;
    const char* message;  // none: nothing is wrong with the words
  };
  const Program program;
  for (const auto& row : std::initializer_list<Row>{
           {{"vresion"}, "unknown command of `coremachine` \"vresion\"; nearest: version"},
           {{"jobs", "cancle"}, "unknown command of `coremachine jobs` \"cancle\"; nearest: cancel"},
           {{"jobs", "delete", "x"}, "unknown command of `coremachine jobs` \"delete\"; nearest: rm; `"},
           {{"schedules", "remove"}, "unknown command of `coremachine schedules` \"remove\"; nearest: rm; `"},
           {{"jobs", "get"}, "unknown command of `coremachine jobs` \"get\"; nearest: show; `"},
           {{"tasks", "ls"}, "unknown command of `coremachine tasks` \"ls\"; nearest: list; `"},
           {{"types", "shwo"}, "unknown command of `coremachine types` \"shwo\"; nearest: show"},
           {{"jobs", "list", "--statsu", "x"},
            "unknown option of `coremachine jobs list` \"--statsu\"; nearest: --status"},
           {{"jobs", "list", "--outptu=json"},
            "unknown option of `coremachine jobs list` \"--outptu\"; nearest: --output"},
           {{"submit", "-p", "--wiat", "--wiat"}, "unknown option of `coremachine submit` \"--wiat\"; nearest: --wait"},
           {{"--vesrion"}, "unknown option of `coremachine` \"--vesrion\"; nearest: --version"},
           {{"jobs", "list", "-o", "json"}, nullptr},
           {{"submit", "hello_world", "--", "--wiat"}, nullptr},
           {{"submit", "hello_wrld", "-"}, nullptr},
           {{"jobs"}, nullptr}}) {
    CAPTURE(row.words);
    const auto message = unknown_word(program.app, row.words);
    REQUIRE(message.has_value() == (row.message != nullptr));
    if (message) CHECK(message->starts_with(row.message));
  }
}
