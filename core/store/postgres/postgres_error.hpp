#pragma once

#include <stdexcept>
#include <string>

#include <coremachine/model/error.hpp>

namespace coremachine::postgres {

/// What PostgreSQL or the way to it complained of. It never leaves this folder: it becomes an Error there.
class PostgresError : public std::runtime_error {
 public:
  /// `sqlstate` has five characters; empty: the connection is gone, or was never made.
  PostgresError(std::string sqlstate, const std::string& what) : std::runtime_error(what), sqlstate_(sqlstate) {}

  const std::string& sqlstate() const { return sqlstate_; }
  /// It is not known what became of the last statements.
  bool means_lost() const;
  /// No room on the disk of the server, and nothing was written.
  bool means_full() const { return sqlstate_ == "53100"; }
  /// Nothing was written, and the same may work in a moment.
  bool may_pass() const;
  bool means_damaged() const { return sqlstate_ == "XX001" || sqlstate_ == "XX002"; }
  /// The server answers, and says that it will not have us: no use in asking again.
  bool means_refused() const;

 private:
  std::string sqlstate_;
};

/// store_full, store_damaged, store_missing (there is no such database) or store_failed, naming the store.
Error to_error(const PostgresError& error, const std::string& location);

}  // namespace coremachine::postgres
