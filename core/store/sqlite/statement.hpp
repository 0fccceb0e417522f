#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <coremachine/model/error.hpp>
#include <coremachine/model/time.hpp>

#include "core/model/text.hpp"
#include "core/store/null_if_zero.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace coremachine::sqlite {

/// What SQLite complained of. It never leaves this folder: it becomes an Error there.
class SqliteError : public std::runtime_error {
 public:
  SqliteError(sqlite3* connection, int code, const std::string& doing);

  /// No room on the disk, and nothing worse than that.
  bool means_full() const;
  bool means_damaged() const;
  int code() const { return code_; }

 private:
  int code_;  ///< the extended one
  int system_error_;
};

/// store_full, store_damaged or store_failed, naming the file.
Error to_error(const SqliteError& error, const std::string& path);

/// A prepared statement, to be used again and again by one thread at a time.
class Statement {
 public:
  Statement(sqlite3* connection, std::string_view sql);

  /// Binds all parameters, in order, without copying texts, and runs it to its end.
  template <class... Values>
  void run(const Values&... values) {
    int at = 0;
    (bind(++at, values), ...);
    finish();
  }
  /// Runs it to its end with what is bound.
  void finish();

  // One parameter, counted from 1. A text must stay as it is until the statement has run.
  void bind(int at, std::int64_t value);
  void bind(int at, std::string_view text);
  void bind(int at, std::nullptr_t);
  template <std::integral Number>
  void bind(int at, Number value) {
    bind(at, static_cast<std::int64_t>(value));
  }
  void bind(int at, const std::string& text) { bind(at, std::string_view(text)); }
  void bind(int at, Timestamp time) { bind(at, time.time_since_epoch().count()); }
  void bind(int at, const Text& text) { text ? bind(at, std::string_view(*text)) : bind(at, nullptr); }
  void bind(int at, tables::NullIfZero number) { number.value != 0 ? bind(at, number.value) : bind(at, nullptr); }
  template <class T>
  void bind(int at, const std::optional<T>& value) {
    value ? bind(at, *value) : bind(at, nullptr);
  }

 private:
  friend class Rows;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  bool step();
  void reset();

  sqlite3* connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// The rows that a statement gives, one after the other; the statement is free again when this ends. The texts that
/// were bound must live as long.
class Rows {
 public:
  template <class... Values>
  explicit Rows(Statement& statement, const Values&... values) : statement_(statement) {
    int at = 0;
    (statement.bind(++at, values), ...);
  }
  ~Rows() { statement_.reset(); }
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  bool next() { return statement_.step(); }

  // Columns of the current row, counted from 0. Texts are good until `next`.
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string_view view(int column) const;
  bool flag(int column) const { return integer(column) != 0; }
  template <std::integral Number>
  Number as(int column) const {
    return static_cast<Number>(integer(column));
  }
  std::string string(int column) const { return std::string(view(column)); }
  Text text(int column) const { return is_null(column) ? nullptr : make_text(string(column)); }
  Timestamp time(int column) const { return Timestamp{Milliseconds{integer(column)}}; }
  std::optional<Timestamp> maybe_time(int column) const {
    return is_null(column) ? std::nullopt : std::optional(time(column));
  }

 private:
  Statement& statement_;
};

}  // namespace coremachine::sqlite
