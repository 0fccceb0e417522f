#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "triggers/cli/client/http_client.hpp"
#include "triggers/cli/client/problem.hpp"
#include "triggers/cli/client/target.hpp"
#include "triggers/cli/config/command_settings.hpp"

namespace coremachine::cli {

/// The settings of every command that talks to a server; `Api` is made of their values.
const std::vector<std::string_view>& client_settings();

/// The HTTP interface of one server. Every function that asks it something throws CommandFailure where the answer is
/// not the one that was hoped for: the server is not there, does not allow it, or does not know it.
class Api {
 public:
  /// Throws CommandFailure (usage): the address is none, the token or the certificates cannot be read.
  explicit Api(const SettingValues& settings);

  /// What came back: the status, and the body, which is null where there is none.
  struct Answer {
    int status = 0;
    boost::json::value body;
  };

  boost::json::value get(const Target& target, Milliseconds patience = Milliseconds{0});
  /// `fields` are further header fields.
  Answer post(const Target& target, const std::optional<boost::json::value>& body = {},
              Milliseconds patience = Milliseconds{0},
              const std::vector<std::pair<std::string, std::string>>& fields = {});
  Answer put(const Target& target, const boost::json::value& body);
  void remove(const Target& target);

  HttpClient& http() { return http_; }
  const Correspondent& server() const { return server_; }

 private:
  Answer ask(HttpRequest request, Milliseconds patience);

  Correspondent server_;
  HttpClient http_;
};

}  // namespace coremachine::cli
