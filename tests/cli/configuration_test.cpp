// What a setting comes to: flag before variable before file before default, for every setting that there is.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <doctest/doctest.h>

#include "support/temporary_directory.hpp"
#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/config/command_settings.hpp"
#include "triggers/cli/config/configuration.hpp"
#include "triggers/cli/registrations.hpp"

using namespace coremachine;
using namespace coremachine::cli;
using coremachine::support::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

/// The n-th of three values that a setting takes, as a flag or a variable has it.
std::string sample(const Setting& setting, int n) {
  switch (setting.kind) {
    case SettingKind::text:
    case SettingKind::list: return "text" + std::to_string(n);
    case SettingKind::path: return "/folder/file" + std::to_string(n);
    case SettingKind::store: return "sqlite:/folder/" + std::to_string(n) + ".db";
    case SettingKind::count: return std::to_string(setting.least + static_cast<std::uint64_t>(n));
    case SettingKind::duration: return std::to_string(n + 1) + "m";
    case SettingKind::toggle: return n == 1 ? "true" : "false";
    case SettingKind::choice: {
      std::vector<std::string> words;
      std::istringstream text{std::string(setting.choices)};
      for (std::string word; std::getline(text, word, '|');) words.push_back(word);
      return words[static_cast<std::size_t>(n) % words.size()];
    }
  }
  return {};
}

/// A line of TOML, with its table.
std::string in_toml(const Setting& setting, const std::string& value) {
  const auto dot = setting.key.find('.');
  std::string text;
  if (dot != std::string_view::npos) text += "[" + std::string(setting.key.substr(0, dot)) + "]\n";
  const bool bare = setting.kind == SettingKind::count || setting.kind == SettingKind::toggle;
  text += std::string(dot == std::string_view::npos ? setting.key : setting.key.substr(dot + 1)) + " = ";
  return text + (bare ? value : "\"" + value + "\"") + "\n";
}

Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

std::string write_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
  return path.string();
}

/// Changes the working directory for as long as it lives.
struct WorkingDirectory {
  explicit WorkingDirectory(const fs::path& path) : before(fs::current_path()) { fs::current_path(path); }
  ~WorkingDirectory() { fs::current_path(before); }
  fs::path before;
};

}  // namespace

TEST_CASE("the table of settings has no two of a name or a key, and its defaults are values") {
  std::set<std::string_view> names;
  std::set<std::string_view> keys;
  for (const auto& each : settings()) {
    CAPTURE(each.name);
    CHECK(names.insert(each.name).second);
    CHECK(keys.insert(each.key).second);
    CHECK(each.variable.starts_with("COREMACHINE_"));
    if (!each.fallback.empty()) CHECK(fits(each, {std::string(each.fallback)}));
    CHECK(!each.help.empty());
    CHECK((each.kind == SettingKind::toggle) == each.value_name.empty());
  }
}

TEST_CASE("of every setting, what is said more strongly wins, and says where it was said") {
  const TemporaryDirectory directory;
  for (const auto& each : settings()) {
    for (unsigned said = 0; said < 8; ++said) {
      const bool by_flag = (said & 1U) != 0 && !each.flag.empty();
      const bool by_variable = (said & 2U) != 0;
      const bool by_file = (said & 4U) != 0;
      CAPTURE(each.name);
      CAPTURE(said);
      const auto path =
          write_file(fs::path(directory.path()) / "settings.toml", by_file ? in_toml(each, sample(each, 0)) : "");
      std::map<std::string, std::string> variables;
      if (by_variable) variables[std::string(each.variable)] = sample(each, 1);
      const auto configuration = Configuration::load(path, environment_of(variables));
      REQUIRE(configuration.has_value());
      std::optional<std::vector<std::string>> flag;
      if (by_flag) flag = std::vector<std::string>{sample(each, 2)};
      const auto value = configuration->value(each, flag);
      REQUIRE(value.has_value());
      if (by_flag) {
        CHECK(value->texts.front() == sample(each, 2));
        CHECK(value->where.starts_with("--"));
      } else if (by_variable) {
        CHECK(value->texts.front() == sample(each, 1));
        CHECK(value->where == each.variable);
      } else if (by_file) {
        CHECK(value->texts.front() == sample(each, 0));
        CHECK(value->where.starts_with(path + ":"));
      } else {
        CHECK(value->where == "default");
        CHECK(value->texts.empty() == each.fallback.empty());
      }
    }
  }
}

TEST_CASE("a value that is none is refused with the place where it was said") {
  const auto configuration = Configuration::load("/dev/null", environment_of({{"COREMACHINE_WORKERS", "many"},
                                                                              {"COREMACHINE_OUTPUT", "yaml"},
                                                                              {"COREMACHINE_TOKEN", ""},
                                                                              {"COREMACHINE_QUIET", "maybe"}}));
  REQUIRE(configuration.has_value());
  const auto message = [&](const char* name) { return configuration->value(setting(name)).error().message; };
  CHECK(message("workers") == "COREMACHINE_WORKERS takes a whole number from 0 to 4096, and not \"many\"");
  CHECK(message("output") == "COREMACHINE_OUTPUT takes table, json or jsonl, and not \"yaml\"");
  CHECK(message("quiet") == "COREMACHINE_QUIET takes true or false, and not \"maybe\"");
  CHECK(message("token") == "COREMACHINE_TOKEN takes a text");
  const auto flag = configuration->value(setting("grace"), std::vector<std::string>{"soon"});
  CHECK(flag.error().message == "--grace takes a duration such as 500ms, 30s or 5m, and not \"soon\"");
}

TEST_CASE("the password in a URL is not in the message") {
  CHECK(refusal("--x", setting("io_threads"), {"redis://me:hidden@a/0?password=hidden"}).find("hidden") ==
        std::string::npos);
  CHECK(shown(setting("server"), "me:hidden@a:80") == "me@a:80");
  CHECK(shown(setting("queue"), "redis:me:hidden@a?prefix=p&password=hidden") == "redis@a?prefix=p");
  CHECK(shown(setting("queue"), "memory:") == "memory:");
  CHECK(shown(setting("store"), "sqlite:a:b@c.db") == "sqlite:a:b@c.db");
  const auto read = parse_config("store = [\"postgres://me:hidden@a/b\"]", "c.toml");
  REQUIRE(!read);
  CHECK(read.error().message.find("hidden") == std::string::npos);
}

TEST_CASE("the file is the one that is named, else the variable's, else the folder's, else the user's") {
  const TemporaryDirectory directory;
  const auto named = write_file(fs::path(directory.path()) / "named.toml", "workers = 1");
  const auto by_variable = write_file(fs::path(directory.path()) / "variable.toml", "workers = 2");
  write_file(fs::path(directory.path()) / "work" / "coremachine.toml", "workers = 3");
  write_file(fs::path(directory.path()) / "home" / ".config" / "coremachine" / "config.toml", "workers = 4");
  write_file(fs::path(directory.path()) / "xdg" / "coremachine" / "config.toml", "workers = 5");
  const auto home = (fs::path(directory.path()) / "home").string();
  const auto xdg = (fs::path(directory.path()) / "xdg").string();
  const auto workers = [&](const std::optional<std::string>& flag, std::map<std::string, std::string> variables) {
    const auto loaded = Configuration::load(flag, environment_of(std::move(variables)));
    REQUIRE(loaded.has_value());
    const auto value = loaded->value(setting("workers"));
    return value->texts.empty() ? std::string() : value->texts.front();
  };
  fs::create_directories(fs::path(directory.path()) / "empty");
  {
    const WorkingDirectory in(fs::path(directory.path()) / "work");
    CHECK(workers(named, {{"COREMACHINE_CONFIG", by_variable}, {"HOME", home}}) == "1");
    CHECK(workers({}, {{"COREMACHINE_CONFIG", by_variable}, {"HOME", home}}) == "2");
    CHECK(workers({}, {{"HOME", home}}) == "3");
  }
  const WorkingDirectory in(fs::path(directory.path()) / "empty");
  CHECK(workers({}, {{"HOME", home}}) == "4");
  CHECK(workers({}, {{"HOME", home}, {"XDG_CONFIG_HOME", xdg}}) == "5");
  CHECK(workers({}, {{"HOME", "/nowhere"}}).empty());
  const auto missing = Configuration::load("none.toml", environment_of({}));
  REQUIRE(!missing);
  CHECK(missing.error().message == "cannot read the configuration file none.toml: No such file or directory");
}

TEST_CASE("a list is an array, or words between commas, or a flag that is given again") {
  const TemporaryDirectory directory;
  const auto path = write_file(fs::path(directory.path()) / "c.toml", "[serve]\nallow_host = [\"a\", \"b\"]\n");
  const auto& hosts = setting("allow_host");
  CHECK(Configuration::load(path, environment_of({}))->value(hosts)->texts == std::vector<std::string>{"a", "b"});
  const auto variables = environment_of({{"COREMACHINE_ALLOW_HOST", "c,d,e"}});
  CHECK(Configuration::load(path, variables)->value(hosts)->texts == std::vector<std::string>{"c", "d", "e"});
  CHECK(Configuration::load(path, variables)->value(hosts, std::vector<std::string>{"f", "g"})->texts.size() == 2);
}

TEST_CASE(
    "a module without a folder, of a configuration file, is beside the file unless there is a folder for modules") {
  const TemporaryDirectory directory;
  const auto path = write_file(fs::path(directory.path()) / "c.toml", "modules = [\"libwords.so\", \"a/b.so\"]\n");
  const auto modules = [&](std::vector<std::string> words) {
    CLI::App program;
    auto* command = program.add_subcommand("go");
    const CommandSettings taken(*command, with_registration_settings({}));
    words.insert(words.begin(), {"go", "--config", path});
    std::reverse(words.begin(), words.end());
    program.parse(words);
    return registration_options(taken.values()).modules;
  };
  const auto here = directory.path() + "/";
  CHECK(modules({}) == std::vector<std::string>{here + "libwords.so", here + "a/b.so"});
  CHECK(modules({"--module-dir", "lib"}) == std::vector<std::string>{"libwords.so", here + "a/b.so"});
  CHECK(modules({"--module", "libwords.so"}) == std::vector<std::string>{"libwords.so"});
}

TEST_CASE("a command gets the values of what it takes, and all that is wrong at once") {
  const TemporaryDirectory directory;
  const auto path = write_file(fs::path(directory.path()) / "c.toml", "workers = 3\n[serve]\ngrace = \"90s\"\n");
  const auto values_of = [&](const std::vector<std::string>& words) {
    CLI::App program;
    auto* command = program.add_subcommand("go");
    CommandSettings taken(*command, {"workers", "grace", "output", "quiet", "allow_host", "store"});
    auto reversed = words;
    std::reverse(reversed.begin(), reversed.end());
    reversed.push_back("go");
    program.parse(reversed);
    return taken.values();
  };
  const auto values = values_of({"--config", path, "-q", "-o", "json", "--allow-host", "a", "--allow-host", "b"});
  CHECK(values.count("workers") == 3);
  CHECK(values.duration("grace") == Milliseconds{90'000});
  CHECK(values.format() == Format::json);
  CHECK(values.toggle("quiet"));
  CHECK(values.list("allow_host") == std::vector<std::string>{"a", "b"});
  CHECK(values.text("store") == "sqlite:coremachine.db");
  CHECK(values_of({"--config", path, "-q", "-q"}).toggle("quiet"));
  for (const auto* no : {"false", "0", "no", "off"}) {
    CHECK(!values_of({"--config", path, std::string("--quiet=") + no}).toggle("quiet"));
    const auto said = Configuration::load("/dev/null", environment_of({{"COREMACHINE_QUIET", no}}));
    CHECK(said->value(setting("quiet"))->texts == std::vector<std::string>{"false"});
  }
  for (const auto* yes : {"true", "1", "yes", "on"}) {
    CHECK(values_of({"--config", path, std::string("--quiet=") + yes}).toggle("quiet"));
    const auto said = Configuration::load("/dev/null", environment_of({{"COREMACHINE_QUIET", yes}}));
    CHECK(said->value(setting("quiet"))->texts == std::vector<std::string>{"true"});
  }
  CHECK_THROWS_AS(values_of({"--config", path, "--quiet=maybe"}), CommandFailure);
  CHECK(values_of({"--config", path, "-o", "json", "-o", "jsonl"}).format() == Format::jsonl);
  try {
    values_of({"--config", path, "--workers", "-1", "--grace", "soon"});
    FAIL("nothing was refused");
  } catch (const CommandFailure& failure) {
    CHECK(failure.code() == ExitCode::usage);
    CHECK(std::string(failure.what()) == "--workers takes a whole number from 0 to 4096, and not \"-1\"");
    CHECK(failure.faults() ==
          std::vector<std::string>{"--grace takes a duration such as 500ms, 30s or 5m, and not \"soon\""});
  }
}
