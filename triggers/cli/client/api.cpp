#include "triggers/cli/client/api.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/model/json_text.hpp"
#include "core/model/value_parser.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

/// Results of handlers, in a job, in a list.
constexpr std::size_t deepest_reply = max_written_depth + 16;

bool is_token(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

ServerAddress address_from(const SettingValues& settings) {
  auto address = parse_server(settings.text("server"));
  if (!address) settings.refuse("server", "takes http://HOST:PORT or https://HOST:PORT");
  return *address;
}

/// The first word of the first line that says something: so a file as the server has it, `TOKEN ROLE NAME`, will do.
std::string token_from_file(const SettingValues& settings) {
  std::ifstream file(settings.text("token_file"));
  if (!file) settings.refuse("token_file", std::string("cannot be read (") + std::strerror(errno) + ")");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string token;
    words >> token;
    if (token.empty() || token.starts_with('#')) continue;
    if (is_token(token)) return token;
    break;
  }
  settings.refuse("token_file", "takes a file with a token in its first line");
}

/// Of a token and a file of one, the one that was said more strongly counts: a flag before a variable before the file.
bool file_counts(const SettingValues& settings) {
  if (!settings.has("token_file")) return false;
  return !settings.has("token") || settings.effective("token_file").origin < settings.effective("token").origin;
}

std::string token_from(const SettingValues& settings) {
  if (file_counts(settings)) return token_from_file(settings);
  const auto token = settings.text("token");
  if (!token.empty() && !is_token(token)) settings.refuse("token", "has characters that no token has");
  return token;
}

Correspondent correspondent_of(const SettingValues& settings) {
  return {address_from(settings).url(), settings.effective("server").where,
          file_counts(settings)   ? settings.effective("token_file").where
          : settings.has("token") ? settings.effective("token").where
                                  : std::string()};
}

/// Certificates that are to be trusted; empty: the system's.
std::string ca_file_from(const SettingValues& settings) {
  auto path = settings.text("ca_file");
  if (path.empty()) return path;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file || (file.peek(), errno == EISDIR))
    settings.refuse("ca_file", std::string("cannot be read (") + std::strerror(errno) + ")");
  return path;
}

HttpOptions options_from(const SettingValues& settings) {
  return {.token = token_from(settings),
          .ca_file = ca_file_from(settings),
          .connect_timeout = settings.duration("connect_timeout"),
          .request_timeout = settings.duration("request_timeout")};
}

}  // namespace

const std::vector<std::string_view>& client_settings() {
  static const std::vector<std::string_view> names{"server",  "token",           "token_file",
                                                   "ca_file", "connect_timeout", "request_timeout"};
  return names;
}

Api::Api(const SettingValues& settings)
    : server_(correspondent_of(settings)), http_(address_from(settings), options_from(settings)) {}

json::value Api::get(const Target& target, Milliseconds patience) {
  return ask({.method = "GET", .target = target.text()}, patience).body;
}

Api::Answer Api::post(const Target& target, const std::optional<json::value>& body, Milliseconds patience,
                      const std::vector<std::pair<std::string, std::string>>& fields) {
  HttpRequest request{.method = "POST", .target = target.text(), .fields = fields};
  if (body) request.body = compact(*body);
  return ask(std::move(request), patience);
}

Api::Answer Api::put(const Target& target, const json::value& body) {
  return ask({.method = "PUT", .target = target.text(), .body = compact(body)}, {});
}

void Api::remove(const Target& target) {
  ask({.method = "DELETE", .target = target.text()}, {});
}

Api::Answer Api::ask(HttpRequest request, Milliseconds patience) {
  request.fields.emplace_back("Accept", "application/json");
  const auto reply = http_.exchange(request, patience);
  if (!reply) throw failure_of(reply.error(), server_);
  if (reply->head.status >= 300) throw failure_of(*reply, request.target, server_);
  if (reply->body.empty()) return {reply->head.status, nullptr};
  boost::system::error_code error;
  auto body = parse_value(reply->body, error, deepest_reply);
  if (error)
    throw CommandFailure(ExitCode::unreachable, server_.url + " does not answer in JSON: " + error.message(),
                         {"is there another program behind this address? It comes from " + server_.url_from});
  return {reply->head.status, std::move(body)};
}

}  // namespace coremachine::cli
