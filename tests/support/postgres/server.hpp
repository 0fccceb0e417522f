#pragma once

#include <string>

#include <sys/types.h>

#include "tests/support/temporary_directory.hpp"

namespace coremachine::support {

/// A PostgreSQL server of our own, in a temporary directory, reached by a socket in it. It ends with the object, and
/// also when this process dies. It runs as another user where we are root, which PostgreSQL does not want to be.
class PostgresServer {
 public:
  /// The one of this process, started when it is first asked for. Prints SKIPPED and throws if there is no PostgreSQL.
  static PostgresServer& shared();

  PostgresServer();
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// With everything but the schema.
  std::string url(const std::string& user = "postgres") const;
  std::string url_of(const std::string& schema) const { return url() + "&schema=" + schema; }
  std::string socket() const { return folder() + "/.s.PGSQL.5432"; }
  std::string folder() const { return directory_.path() + "/data"; }

  /// As if its power had gone: what is not on the disk is lost, and clients are told nothing that makes sense.
  void crash();
  void start();

 private:
  void run(const std::string& program, const std::string& arguments) const;
  pid_t spawn(const std::string& program, const std::string& arguments) const;
  void end(int signal);

  TemporaryDirectory directory_;
  std::string programs_;
  unsigned user_ = 0;
  unsigned group_ = 0;
  pid_t pid_ = -1;
};

}  // namespace coremachine::support
