#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/error.hpp>

#include "triggers/http/wire/authority.hpp"
#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

/// 127.0.0.0/8, [::1] (also as [::ffff:127.0.0.1]), `localhost` and names below it (RFC 6761); as in Authority.
bool is_loopback(std::string_view host);

/// Under which names this server is reached, and what pages of other sites may make a browser send to it: nothing that
/// changes anything. Both have to be checked: a site that gives its own name the address of this machine (DNS
/// rebinding) is no other site to the browser, but has a Host that is not ours.
class Site {
 public:
  /// Answers to what is loopback; where `listen` is not loopback, also to every address (which cannot be rebound); and
  /// to the names of `allow_hosts`: `name`, `.name` for all below it, `*` for any. A port in `listen` or in Host does
  /// not matter: tunnels and port mappings change it. invalid_argument for what is no name.
  static Result<Site> make(const std::string& listen, const std::vector<std::string>& allow_hosts);

  /// 403, or nothing.
  std::optional<Refusal> check(const Request& request) const;

 private:
  bool is_ours(const std::string& host) const;
  bool was_named(const std::string& host) const;
  std::optional<Refusal> check_host(const Request& request) const;
  std::optional<Refusal> check_origin(const Request& request) const;
  bool is_same_site(const std::string& origin, const Request& request) const;

  bool answers_to_addresses_ = false;
  bool answers_to_all_ = false;
  std::vector<std::string> names_ = {};     ///< in lower case
  std::vector<std::string> suffixes_ = {};  ///< with the dot
};

}  // namespace coremachine::http
