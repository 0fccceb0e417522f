#pragma once

#include <string>

#include "triggers/cli/client/http_client.hpp"
#include "triggers/cli/command_failure.hpp"

namespace coremachine::cli {

/// What the user knows of the server, for messages.
struct Correspondent {
  std::string url;
  std::string url_from;    ///< `--server`, `COREMACHINE_SERVER`, `coremachine.toml:3`, `default`
  std::string token_from;  ///< likewise; empty: no token is sent
};

/// Why a request came to nothing: the exit code `unreachable`.
CommandFailure failure_of(const TransportError& error, const Correspondent& server);

/// What an answer of 400 or more means for the user: the exit code, the problem in the server's words with every fault,
/// and what to type instead. `target` is what was asked for.
CommandFailure failure_of(const HttpReply& reply, std::string_view target, const Correspondent& server);

}  // namespace coremachine::cli
