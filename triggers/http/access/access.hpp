#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "triggers/http/access/site.hpp"
#include "triggers/http/access/tokens.hpp"
#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

struct AccessOptions {
  std::string token_file = {};                ///< empty: everybody may do everything
  std::vector<std::string> allow_hosts = {};  ///< see Site
  std::string listen = "127.0.0.1:8080";      ///< where the server is told to listen, or does
  std::function<void(const std::string&)> warn = {};
};

/// Who may do what. Any thread.
class Access {
 public:
  /// invalid_argument says what is wrong with the file or the names.
  static Result<std::unique_ptr<Access>> open(AccessOptions options);

  /// Reads the token file again. If it cannot be used, the tokens in use stay.
  std::optional<Error> reload();

  bool has_tokens() const { return !options_.token_file.empty(); }

  /// Before anything else is done with a request: 403 for a Host that this is not, or a request that a page of another
  /// site has made somebody's browser send.
  std::optional<Refusal> check_site(const Request& request) const { return site_.check(request); }

  /// 401 without a token that is known, 403 where its role is too low. A token comes as `Authorization: Bearer TOKEN`,
  /// or as the password of `Basic`, which is what browsers ask people for.
  std::optional<Refusal> authorize(const Request& request, Role needed) const;

  /// Who it is; nothing without a known token, or where there are none.
  std::optional<Caller> identify(const Request& request) const;

 private:
  Access(AccessOptions options, Site site);

  const AccessOptions options_;
  const Site site_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Tokens> tokens_ = {};
};

/// Why this address must not be listened on: others than this machine can reach it, and there are no tokens, and nobody
/// said that this is what they want. `listen` is HOST:PORT.
std::optional<Error> check_binding(std::string_view listen, bool has_tokens, bool insecure);

}  // namespace coremachine::http
