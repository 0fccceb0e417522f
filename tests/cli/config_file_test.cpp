// What of a configuration file is read, and what is said of one that is wrong.
#include <doctest/doctest.h>

#include "triggers/cli/config/config_file.hpp"

using namespace coremachine;
using namespace coremachine::cli;

TEST_CASE("what is wrong with a file is named with its line and what would be right") {
  struct Row {
    const char* text;
    const char* message;
  };
  const Row rows[] = {
      {"stroe = \"memory:\"", "c.toml:1: unknown setting \"stroe\"; nearest: store"},
      {"\n\n[sevre]\nlisten = \"a:1\"", "c.toml:3: unknown table \"sevre\"; nearest: serve"},
      {"[client]\nservr = \"http://a\"", "c.toml:2: unknown setting \"client.servr\"; nearest: client.server"},
      {"workers = \"4\"", "c.toml:1: workers takes a whole number from 0 to 4096, and not \"4\""},
      {"workers = 4.5", "c.toml:1: workers takes a whole number from 0 to 4096, and not 4.5"},
      {"workers = -1", "c.toml:1: workers takes a whole number from 0 to 4096, and not -1"},
      {"workers = 5000", "c.toml:1: workers takes a whole number from 0 to 4096, and not 5000"},
      {"output = \"yaml\"", "c.toml:1: output takes table, json or jsonl, and not \"yaml\""},
      {"output = 1", "c.toml:1: output takes table, json or jsonl, in quotes, and not 1"},
      {"quiet = \"true\"", "c.toml:1: quiet takes true or false, and not \"true\""},
      {"store = \"\"", "c.toml:1: store takes the URL of a store, and not \"\""},
      {"[serve]\ngrace = 30", "c.toml:2: serve.grace takes a duration such as 500ms, 30s or 5m, in quotes, and not 30"},
      {"[client]\ntoken = 1", "c.toml:2: client.token takes a text, in quotes"},
      {"[serve]\nallow_host = [\"a\", 1]", "c.toml:2: serve.allow_host takes one text or several, in quotes"},
      {"a = 1\nworkers = true", "c.toml:1: unknown setting \"a\""},
      {"a = 1\nworkers = true", "c.toml:2: workers takes a whole number"},
      {"workers 4", "c.toml:1: this is no TOML: "},
      {"workers = 1\nworkers = 2", "c.toml:2: this is no TOML: "},
      {"quiet = true\n\xff = 1", "c.toml:2: this is no TOML: "},
      {"quiet = true\n[\nclient]", "c.toml:2: this is no TOML: "},
      {"# \u00e9\n\u0137 = 1", "c.toml:2: this is no TOML: a character beyond ASCII outside of quotes and comments"},
      {"output = \"\"\"\n\u00e9\\\"\n\"\"\"\"\u0137", "c.toml:3: this is no TOML: a character beyond ASCII"},
      {"output = 'a\\' \u0137", "c.toml:1: this is no TOML: a character beyond ASCII"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto read = parse_config(row.text, "c.toml");
    REQUIRE(!read);
    CHECK(read.error().code == ErrorCode::invalid_argument);
    const std::string message = read.error().message;
    const std::string wanted = row.message;
    CAPTURE(message);
    CAPTURE(wanted);
    CHECK(message.find(wanted) != std::string::npos);
  }
}

TEST_CASE("the value of a secret is not in the message") {
  const auto read = parse_config("[client]\ntoken = [\"hidden\"]", "c.toml");
  REQUIRE(!read);
  CHECK(read.error().message.find("hidden") == std::string::npos);
}

TEST_CASE("values come with their lines, in any form that TOML has for them") {
  const auto read =
      parse_config("# a comment\nworkers = 0x10\n\n[client]\nserver = 'http://a'\n[serve]\ninsecure = true", "c.toml");
  REQUIRE(read.has_value());
  CHECK(read->values.at("workers").texts == std::vector<std::string>{"16"});
  CHECK(read->values.at("workers").line == 2);
  CHECK(read->values.at("client.server").line == 5);
  CHECK(read->values.at("serve.insecure").texts == std::vector<std::string>{"true"});
  CHECK(parse_config("client.server = \"http://a\"", "c.toml")->values.contains("client.server"));
  CHECK(parse_config("client = {server = \"http://a\"}", "c.toml")->values.contains("client.server"));
  CHECK(parse_config("", "c.toml")->values.empty());
  CHECK(parse_config("\xEF\xBB\xBF# \u00e9 \"\nstore = \"sqlite:\u00e9\\\"\u00e9\"\n", "c.toml")
            ->values.contains("store"));
  CHECK(parse_config("store = '''\u00e9'\u00e9'''' # \u00e9", "c.toml")->values.at("store").texts.front() ==
        "\u00e9'\u00e9'");
}

TEST_CASE("a relative path in a file is from the folder of the file") {
  const auto text = "store = \"sqlite:jobs.db\"\n[client]\ntoken_file = \"token\"\nca_file = \"/etc/ca.pem\"";
  const auto there = parse_config(text, "/etc/coremachine/c.toml");
  REQUIRE(there.has_value());
  CHECK(there->values.at("store").texts.front() == "sqlite:/etc/coremachine/jobs.db");
  CHECK(there->values.at("client.token_file").texts.front() == "/etc/coremachine/token");
  CHECK(there->values.at("client.ca_file").texts.front() == "/etc/ca.pem");
  const auto here = parse_config(text, "coremachine.toml");
  CHECK(here->values.at("store").texts.front() == "sqlite:jobs.db");
  CHECK(parse_config("store = \"memory:\"", "/etc/c.toml")->values.at("store").texts.front() == "memory:");
}
