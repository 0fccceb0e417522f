#include "core/store/postgres/target.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include <libpq-fe.h>

namespace coremachine::postgres {
namespace {

constexpr std::string_view right_form =
    "it should be postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=NAME, with %40, %2F and %3A for @, / and : in a "
    "password";

Error invalid(std::string message) {
  return Error{ErrorCode::invalid_argument, "the URL of the PostgreSQL store: " + std::move(message)};
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = digit_of(text[i + 1]);
    const int low = digit_of(text[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return std::nullopt;
    plain += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return plain;
}

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ConnectionOptions = std::unique_ptr<PQconninfoOption, FreeOptions>;

bool is_known_to_libpq(const std::string& name) {
  static const ConnectionOptions all(PQconndefaults());
  for (const auto* each = all.get(); each && each->keyword; ++each) {
    if (name == each->keyword) return true;
  }
  return name == "ssl";
}

bool is_schema_name(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() < 64 && std::all_of(name.begin(), name.end(), fits) && !name.starts_with("pg_");
}

/// Takes the parameters that are ours out of the query; the others are returned, as they were.
Result<std::string> take_ours(std::string_view query, Target& target) {
  std::string rest;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const auto pair = query.substr(0, end);
    query = query.substr(std::min(end + 1, query.size()));
    const auto equals = pair.find('=');
    const auto name = decoded(pair.substr(0, equals));
    const auto value = decoded(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!name || !value) return invalid("a % in its parameters is not followed by two hexadecimal digits");
    if (*name == "schema") {
      if (!is_schema_name(*value)) {
        return invalid("\"" + *value + "\" is no name for a schema: letters, digits, '_' and '-', at most 63, " +
                       "and not beginning with pg_");
      }
      target.schema = *value;
    } else if (*name == "files") {
      if (value->empty()) return invalid("files is the path where artifacts are kept, and not empty");
      target.files = *value;
    } else if (*name == "server") {
      if (value->empty() || value->size() > 128) return invalid("server is a name of 1 to 128 bytes");
      target.server = *value;
    } else if (*name == "patience") {
      const auto patience = parse_duration(*value);
      if (!patience || *patience < Milliseconds{1000})
        return invalid("patience takes a duration of at least 1s, such as 30s, and not \"" + *value + "\"");
      target.patience = *patience;
    } else if (!is_known_to_libpq(*name)) {
      return invalid("it has no parameter \"" + *name +
                     "\": there are schema, files, server, patience and those of libpq");
    } else {
      rest += (rest.empty() ? "?" : "&") + std::string(pair);
    }
  }
  return rest;
}

std::string location_of(const Target& target) {
  std::string user, host, port, database, folder;
  for (const auto& [name, value] : target.parameters) {
    if (name == "user") user = value;
    if (name == "host") host = value;
    if (name == "port") port = value;
    if (name == "dbname") database = value;
  }
  if (host.starts_with('/')) std::swap(host, folder);
  auto text = "postgres://" + user + (user.empty() ? "" : "@") + host + (port.empty() ? "" : ":" + port) + "/" +
              database + "?schema=" + target.schema;
  if (!folder.empty()) text += "&host=" + folder;
  return text;
}

void add_unless_said(Target& target, const char* name, const char* value) {
  for (const auto& each : target.parameters) {
    if (each.first == name) return;
  }
  target.parameters.emplace_back(name, value);
}

}  // namespace

Result<Target> parse_target(std::string_view url) {
  Target target;
  if (url.find('#') != std::string_view::npos) return invalid("it has a #, which has to be written %23");
  const auto question = url.find('?');
  const auto rest =
      take_ours(question == std::string_view::npos ? std::string_view() : url.substr(question + 1), target);
  if (!rest) return rest.error();
  // What libpq says of a malformed URL may repeat its password.
  const auto plain = std::string(url.substr(0, question)) + *rest;
  char* why = nullptr;
  const ConnectionOptions options(PQconninfoParse(plain.c_str(), &why));
  PQfreemem(why);
  if (!options) return invalid(std::string(right_form));
  for (const auto* each = options.get(); each->keyword; ++each) {
    if (each->val && *each->val) target.parameters.emplace_back(each->keyword, each->val);
  }
  target.location = location_of(target);
  if (target.files.empty()) target.files = target.schema;
  add_unless_said(target, "fallback_application_name", "coremachine");
  add_unless_said(target, "connect_timeout", "5");
  add_unless_said(target, "target_session_attrs", "read-write");
  // A server that has vanished is noticed in half a minute.
  add_unless_said(target, "keepalives_idle", "10");
  add_unless_said(target, "keepalives_interval", "5");
  add_unless_said(target, "keepalives_count", "4");
  add_unless_said(target, "tcp_user_timeout", "30000");
  return target;
}

}  // namespace coremachine::postgres
