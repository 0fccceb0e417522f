#include "core/store/sqlite/connection.hpp"

#include <sqlite3.h>

namespace coremachine::sqlite {
namespace {

void set_option(sqlite3* handle, int option, int value) {
  const int code = sqlite3_db_config(handle, option, value, nullptr);
  if (code != SQLITE_OK) throw SqliteError(handle, code, "configuring a connection");
}

}  // namespace

Connection::Connection(const std::string& path, const std::string& vfs, Role role) {
  if (role == Role::writer) gathering_.emplace(vfs);
  const auto& name = gathering_ ? gathering_->name() : vfs;
  const int create = role == Role::reader ? 0 : SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | create,
                                   name.empty() ? nullptr : name.c_str());
  handle_.reset(handle);
  if (code != SQLITE_OK)
    throw SqliteError(handle, handle ? sqlite3_extended_errcode(handle) : code, "opening the file");
  sqlite3_extended_result_codes(handle, 1);
  if (gathering_) {
    const auto forget = [](void* gathering) { static_cast<GatheringVfs*>(gathering)->forget(); };
    sqlite3_rollback_hook(handle, forget, &*gathering_);
  }
  sqlite3_busy_timeout(handle, busy_ms);
  // The last connection that closes would checkpoint, though it be a reader, and though a sync had failed.
  set_option(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1);
  execute("PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA wal_autocheckpoint = 0");
  switch (role) {
    case Role::writer: execute("PRAGMA synchronous = FULL"); break;
    case Role::reader: execute("PRAGMA query_only = 1"); break;
    case Role::copy: execute("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF"); break;
  }
}

Connection::~Connection() = default;

void Connection::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

void Connection::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw SqliteError(handle_.get(), sqlite3_extended_errcode(handle_.get()), sql.substr(0, 60));
}

std::int64_t Connection::number(std::string_view sql) {
  Statement statement(handle_.get(), sql);
  Rows rows(statement);
  return rows.next() ? rows.integer(0) : 0;
}

std::string Connection::text(std::string_view sql) {
  Statement statement(handle_.get(), sql);
  Rows rows(statement);
  return rows.next() ? rows.string(0) : std::string();
}

Statement& Connection::operator[](const char* sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second;
  return statements_.emplace(sql, Statement(handle_.get(), sql)).first->second;
}

Transaction::Transaction(Connection& connection, Kind kind) : connection_(connection) {
  // A writer takes its lock at once: nothing of a transaction can then fail for want of it.
  static constexpr char begin_read[] = "BEGIN";
  static constexpr char begin_write[] = "BEGIN IMMEDIATE";
  connection_[kind == Kind::read ? begin_read : begin_write].run();
}

void Transaction::commit() {
  static constexpr char commit_it[] = "COMMIT";
  connection_[commit_it].run();
  open_ = false;
}

Transaction::~Transaction() {
  // Some errors have ended the transaction already.
  if (!open_ || sqlite3_get_autocommit(connection_.handle()) != 0) return;
  static constexpr char undo[] = "ROLLBACK";
  try {
    connection_[undo].run();
  } catch (const SqliteError&) {
    // Whoever goes on to write looks whether a transaction is still open.
  }
}

}  // namespace coremachine::sqlite
