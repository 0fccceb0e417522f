#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>

namespace coremachine {

/// Where a Redis is, and who speaks to it.
struct COREMACHINE_API RedisAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  std::string socket = {};    ///< path of a Unix socket, in the place of host and port
  std::string user = {};      ///< empty: Redis' own default user
  std::string password = {};  ///< empty: none
  unsigned database = 0;
  bool tls = false;                   ///< with host and port alone
  std::string ca_file = {};           ///< certificates (PEM) to trust; empty: the system's
  std::string certificate_file = {};  ///< with a key: what this side shows for itself (PEM)
  std::string key_file = {};

  /// As a URL that may be shown: without the password.
  std::string str() const;
  friend bool operator==(const RedisAddress&, const RedisAddress&) = default;
};

/// A Redis, and what all keys in it begin with.
struct COREMACHINE_API RedisTarget {
  RedisAddress address = {};
  std::string prefix = "coremachine";

  /// `redis://USER:PASSWORD@HOST:PORT/DATABASE?prefix=NAME`, the same with `rediss` for TLS and then `ca_file`,
  /// `tls_cert` and `tls_key`, or `unix://USER:PASSWORD@/PATH?db=DATABASE&prefix=NAME`. All but the scheme, and the
  /// path of a socket, may be left out. invalid_argument: what is wrong, without the password.
  static Result<RedisTarget> parse(std::string_view url);
  std::string str() const;  ///< without the password
  friend bool operator==(const RedisTarget&, const RedisTarget&) = default;
};

/// What is wrong with a prefix for keys; empty: nothing. Letters, digits and `_-.:/{}`, at most 128 bytes.
COREMACHINE_API std::string fault_of_prefix(std::string_view prefix);

}  // namespace coremachine
