#include "triggers/cli/config/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <boost/assert.hpp>

#include <coremachine/model/time.hpp>

namespace coremachine::cli {
namespace {

using enum SettingKind;

// A key without a table is for every command that has the setting. `run` and `bench` have stores of their own in the
// file: the one that a server has open is not theirs to take.
constexpr std::array table{
    Setting{.name = "output",
            .flag = "-o,--output",
            .variable = "COREMACHINE_OUTPUT",
            .key = "output",
            .kind = choice,
            .fallback = "table",
            .value_name = "FORMAT",
            .help = "How data is printed: table, json or jsonl",
            .choices = "table|json|jsonl"},
    Setting{.name = "quiet",
            .flag = "-q,--quiet",
            .variable = "COREMACHINE_QUIET",
            .key = "quiet",
            .kind = toggle,
            .fallback = "false",
            .value_name = "",
            .help = "No progress and no hints on standard error"},
    Setting{.name = "store",
            .flag = "--store",
            .variable = "COREMACHINE_STORE",
            .key = "store",
            .kind = store,
            .fallback = "sqlite:coremachine.db",
            .value_name = "URL",
            .help = "Where jobs are kept: memory: or sqlite:PATH"},
    Setting{.name = "workers",
            .flag = "--workers",
            .variable = "COREMACHINE_WORKERS",
            .key = "workers",
            .kind = count,
            .fallback = "",
            .value_name = "N",
            .help = "Tasks that run at a time (one for each processor, if it is not said)",
            .least = 0,
            .most = 4096},
    Setting{.name = "run_store",
            .flag = "--store",
            .variable = "COREMACHINE_STORE",
            .key = "run.store",
            .kind = store,
            .fallback = "memory:",
            .value_name = "URL",
            .help = "Where the job is kept: memory: or sqlite:PATH"},
    Setting{.name = "bench_store",
            .flag = "--store",
            .variable = "COREMACHINE_BENCH_STORE",
            .key = "bench.store",
            .kind = store,
            .fallback = "",
            .value_name = "URL",
            .help = "The store to measure (a new SQLite file in this directory, if it is not said)"},
    Setting{.name = "server",
            .flag = "--server",
            .variable = "COREMACHINE_SERVER",
            .key = "client.server",
            .kind = text,
            .fallback = "http://127.0.0.1:8080",
            .value_name = "URL",
            .help = "The server to talk to: http://HOST:PORT or https://HOST:PORT"},
    Setting{.name = "token",
            .flag = "",
            .variable = "COREMACHINE_TOKEN",
            .key = "client.token",
            .kind = text,
            .fallback = "",
            .value_name = "TOKEN",
            .help = "What the server knows this client by; --token-file keeps it out of the process list",
            .secret = true},
    Setting{.name = "token_file",
            .flag = "--token-file",
            .variable = "COREMACHINE_TOKEN_FILE",
            .key = "client.token_file",
            .kind = path,
            .fallback = "",
            .value_name = "FILE",
            .help = "A file whose first line is the token for the server"},
    Setting{.name = "ca_file",
            .flag = "--ca-file",
            .variable = "COREMACHINE_CA_FILE",
            .key = "client.ca_file",
            .kind = path,
            .fallback = "",
            .value_name = "FILE",
            .help = "Certificates (PEM) to trust for https, in place of the system's"},
    Setting{.name = "connect_timeout",
            .flag = "",
            .variable = "COREMACHINE_CONNECT_TIMEOUT",
            .key = "client.connect_timeout",
            .kind = duration,
            .fallback = "5s",
            .value_name = "DURATION",
            .help = "How long the server may take to accept a connection"},
    Setting{.name = "request_timeout",
            .flag = "",
            .variable = "COREMACHINE_REQUEST_TIMEOUT",
            .key = "client.request_timeout",
            .kind = duration,
            .fallback = "30s",
            .value_name = "DURATION",
            .help = "How long the server may take to answer a request"},
};

std::vector<std::string_view> words_of(std::string_view choices) {
  std::vector<std::string_view> words;
  while (!choices.empty()) {
    const auto bar = choices.find('|');
    words.push_back(choices.substr(0, bar));
    choices = bar == std::string_view::npos ? std::string_view() : choices.substr(bar + 1);
  }
  return words;
}

std::string enumerated(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

bool takes(const Setting& setting, const std::string& value) {
  switch (setting.kind) {
    case text:
    case path:
    case store:
    case list: return !value.empty();
    case count: {
      std::uint64_t number = 0;
      const auto* end = value.data() + value.size();
      const auto [at, error] = std::from_chars(value.data(), end, number);
      return error == std::errc() && at == end && number >= setting.least && number <= setting.most;
    }
    case duration: return parse_duration(value).has_value();
    case toggle: return value == "true" || value == "false";
    case choice: {
      const auto words = words_of(setting.choices);
      return std::find(words.begin(), words.end(), value) != words.end();
    }
  }
  return false;
}

}  // namespace

std::span<const Setting> settings() {
  return table;
}

const Setting& setting(std::string_view name) {
  const auto* found = std::find_if(table.begin(), table.end(), [&](const Setting& each) { return each.name == name; });
  BOOST_ASSERT_MSG(found != table.end(), "a setting that is not in the table");
  return *found;
}

std::string expected_of(const Setting& setting) {
  switch (setting.kind) {
    case text: return "a text";
    case path: return "the path of a file";
    case store: return "the URL of a store";
    case list: return "one text or several";
    case count: return "a whole number from " + std::to_string(setting.least) + " to " + std::to_string(setting.most);
    case duration: return "a duration such as 500ms, 30s or 5m";
    case toggle: return "true or false";
    case choice: return enumerated(words_of(setting.choices));
  }
  return {};
}

bool fits(const Setting& setting, const std::vector<std::string>& texts) {
  return (setting.kind == list || texts.size() == 1) &&
         std::all_of(texts.begin(), texts.end(), [&](const auto& value) { return takes(setting, value); });
}

std::string refusal(std::string_view where, const Setting& setting, const std::vector<std::string>& texts) {
  std::string message(where);
  message += " takes " + expected_of(setting);
  if (setting.secret) return message;
  message += ", and not ";
  if (texts.size() > 1) return message + "several";
  return message + "\"" + (texts.empty() ? std::string() : texts.front()) + "\"";
}

}  // namespace coremachine::cli
