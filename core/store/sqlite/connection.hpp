#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/store/sqlite/gathering_vfs.hpp"
#include "core/store/sqlite/statement.hpp"

namespace coremachine::sqlite {

/// How long a lock that somebody else holds (a person with a shell) is waited for.
inline constexpr int busy_ms = 60'000;

/// One connection with the statements that were prepared on it; for one thread at a time. Throws SqliteError.
class Connection {
 public:
  enum class Role : std::uint8_t {
    writer,  ///< the only one that writes, and the only one that checkpoints
    reader,
    copy,  ///< writes a file that nobody else knows yet
  };
  /// `vfs` empty: the usual one. A writer makes the file if it is not there; nothing is written yet.
  Connection(const std::string& path, const std::string& vfs, Role role);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  sqlite3* handle() const { return handle_.get(); }

  /// Runs statements that are needed once.
  void execute(const std::string& sql);
  /// The one number or text that a query gives.
  std::int64_t number(std::string_view sql);
  std::string text(std::string_view sql);

  /// A statement that is prepared at its first use. `sql` must be a constant: its address is its name.
  Statement& operator[](const char* sql);

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::optional<GatheringVfs> gathering_;  ///< that of a writer; closed after the handle
  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<const char*, Statement> statements_;
};

/// Ends with `commit`, or without a trace.
class Transaction {
 public:
  enum class Kind : std::uint8_t { read, write };
  Transaction(Connection& connection, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

}  // namespace coremachine::sqlite
