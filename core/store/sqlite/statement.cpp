#include "core/store/sqlite/statement.hpp"

#include <cerrno>
#include <system_error>

#include <sqlite3.h>

namespace coremachine::sqlite {
namespace {

/// The number that the operating system gave with an error; SQLite keeps it longer than it is true.
int system_error_of(sqlite3* connection, int code) {
  const int kind = code & 0xFF;
  return connection && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) ? sqlite3_system_errno(connection) : 0;
}

std::string describe(sqlite3* connection, int code, const std::string& doing) {
  std::string text = doing + ": " + (connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code));
  if (const int number = system_error_of(connection, code))
    text += " (" + std::generic_category().message(number) + ")";
  return text;
}

}  // namespace

SqliteError::SqliteError(sqlite3* connection, int code, const std::string& doing)
    : std::runtime_error(describe(connection, code, doing)),
      code_(code),
      system_error_(system_error_of(connection, code)) {}

bool SqliteError::means_full() const {
  // After a failed sync nobody knows what is on the disk, whatever the reason was.
  if (code_ == SQLITE_IOERR_FSYNC || code_ == SQLITE_IOERR_DIR_FSYNC) return false;
  if ((code_ & 0xFF) == SQLITE_FULL) return true;
  return (code_ & 0xFF) == SQLITE_IOERR && (system_error_ == ENOSPC || system_error_ == EDQUOT);
}

bool SqliteError::means_damaged() const {
  const int code = code_ & 0xFF;
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_FORMAT;
}

Error to_error(const SqliteError& error, const std::string& path) {
  const auto text = path + ": " + error.what();
  if (error.means_full()) return Error{ErrorCode::store_full, "no room on the disk for " + text};
  if (error.means_damaged()) return Error{ErrorCode::store_damaged, "the store is damaged: " + text};
  return Error{ErrorCode::store_failed, "the store cannot be used: " + text};
}

Statement::Statement(sqlite3* connection, std::string_view sql) : connection_(connection) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) throw SqliteError(connection, code, "preparing a statement");
  statement_.reset(statement);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Statement::bind(int at, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), at, value);
  if (code != SQLITE_OK) throw SqliteError(connection_, code, "binding a number");
}

void Statement::bind(int at, std::string_view text) {
  // A null pointer would bind NULL.
  const char* begin = text.data() ? text.data() : "";
  const int code = sqlite3_bind_text64(statement_.get(), at, begin, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) throw SqliteError(connection_, code, "binding a text");
}

void Statement::bind(int at, std::nullptr_t) {
  const int code = sqlite3_bind_null(statement_.get(), at);
  if (code != SQLITE_OK) throw SqliteError(connection_, code, "binding nothing");
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw SqliteError(connection_, sqlite3_extended_errcode(connection_), "running a statement");
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

void Statement::finish() {
  try {
    while (step()) {
    }
  } catch (...) {
    reset();
    throw;
  }
  reset();
}

bool Rows::is_null(int column) const {
  return sqlite3_column_type(statement_.statement_.get(), column) == SQLITE_NULL;
}

std::int64_t Rows::integer(int column) const {
  return sqlite3_column_int64(statement_.statement_.get(), column);
}

std::string_view Rows::view(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.statement_.get(), column));
  if (!text) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.statement_.get(), column))};
}

}  // namespace coremachine::sqlite
