#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coremachine/model/error.hpp>
#include <coremachine/model/time.hpp>

namespace coremachine::postgres {

/// What the URL of a store says.
struct Target {
  std::vector<std::pair<std::string, std::string>> parameters = {};  ///< for libpq; a password may be among them
  std::string schema = "coremachine";
  std::string files = {};         ///< where what is no row lies: FILES-artifacts, FILES-running
  std::string server = {};        ///< the name of one of several servers on this store; empty: this one has it alone
  Milliseconds patience{60'000};  ///< how long a database that does not answer is waited for
  std::string location = {};      ///< the URL as it may be shown: no password
};

/// `postgres://USER:PASSWORD@HOST:PORT/DATABASE?schema=…&files=…&patience=…`, and whatever libpq knows besides these.
/// invalid_argument, in words without the password.
Result<Target> parse_target(std::string_view url);

}  // namespace coremachine::postgres
