#pragma once

#include <string>
#include <string_view>

#include <coremachine/queue/redis_address.hpp>

#include "core/tls/client.hpp"

namespace coremachine::redis {

/// TLS without a socket: its owner carries bytes from and to the other side. One thread at a time.
class Tls {
 public:
  /// The certificate of the other side has to be for the host of the address. What is wrong with the files of the
  /// address shows in `fault`.
  explicit Tls(const RedisAddress& address);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  /// Empty while nothing went wrong; then nothing goes right any more.
  const std::string& fault() const { return fault_; }
  /// Takes what came from the other side, and appends to `plain` what it says. False: see `fault`.
  bool take(std::string_view wire, std::string& plain);
  /// Moves what is to be said, as far as that can be said now, to `wire`, which goes to the other side.
  bool say(std::string& plain, std::string& wire);

 private:
  bool fail(const std::string& what);
  bool went_wrong(int result);

  tls::Context context_;
  tls::Session session_;
  std::string fault_;
};

}  // namespace coremachine::redis
