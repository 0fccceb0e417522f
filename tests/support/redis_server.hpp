#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include <coremachine/queue/redis_address.hpp>

#include "tests/support/temporary_directory.hpp"

namespace coremachine::support {

/// A real redis-server for one test: on a Unix socket in a directory of its own, nothing of it on disk unless asked
/// for. It ends with the object, and with the process.
class RedisServer {
 public:
  /// Whether there is a redis-server to be had; says once, loudly, that tests are skipped if not.
  static bool is_there();

  /// Throws std::runtime_error: it did not start.
  explicit RedisServer(std::vector<std::string> more_arguments = {});
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  RedisAddress address() const;
  RedisTarget target(std::string prefix = "test") const { return {address(), std::move(prefix)}; }
  const std::string& folder() const { return folder_.path(); }
  std::string socket() const { return folder_.path() + "/redis.sock"; }

  void start();
  /// As by SIGKILL; nothing is saved.
  void kill();
  /// Sleeps, as if it were cut off, until `go_on`.
  void pause();
  void go_on();

  /// What it answers to one command, as text; what is no text, as redis-cli would number it. Throws for an error.
  std::string command(const std::vector<std::string>& words) const;
  std::vector<std::string> keys() const;

 private:
  std::vector<std::string> more_;
  TemporaryDirectory folder_;
  pid_t pid_ = -1;
};

/// Leaves the test case where there is no redis-server.
#define COREMACHINE_NEEDS_REDIS() \
  if (!coremachine::support::RedisServer::is_there()) return

}  // namespace coremachine::support
