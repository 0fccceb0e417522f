#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <libpq-fe.h>

#include "core/store/postgres/postgres_store.hpp"
#include "tests/store/sqlite_fixture.hpp"
#include "tests/support/postgres/fixture.hpp"
#include "tests/support/postgres/server.hpp"

namespace coremachine::store_tests {

/// A person with psql, in the schema of a store.
class Psql {
 public:
  explicit Psql(const std::string& url) {
    const auto target = postgres::parse_target(url).value();
    std::vector<const char*> names, values;
    for (const auto& [name, value] : target.parameters) {
      names.push_back(name.c_str());
      values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    connection_ = PQconnectdbParams(names.data(), values.data(), 0);
    rows("SET client_min_messages = error");
    rows("SET search_path = \"" + target.schema + "\"");
  }
  ~Psql() { PQfinish(connection_); }
  Psql(const Psql&) = delete;
  Psql& operator=(const Psql&) = delete;

  /// All columns of all rows as text; NULL is "NULL".
  std::vector<std::vector<std::string>> rows(const std::string& sql) {
    auto* result = PQexec(connection_, sql.c_str());
    const auto status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
      const std::string why = PQresultErrorMessage(result);
      PQclear(result);
      throw std::runtime_error(sql + ": " + why);
    }
    std::vector<std::vector<std::string>> found;
    for (int row = 0; row < PQntuples(result); ++row) {
      auto& into = found.emplace_back();
      for (int column = 0; column < PQnfields(result); ++column) {
        into.emplace_back(PQgetisnull(result, row, column) != 0 ? "NULL" : PQgetvalue(result, row, column));
      }
    }
    PQclear(result);
    return found;
  }
  std::string one(const std::string& sql) { return rows(sql).at(0).at(0); }

 private:
  PGconn* connection_ = nullptr;
};

inline std::string new_url() {
  return new_postgres_url("/tmp");
}

inline Result<std::unique_ptr<Store>> try_postgres(const std::string& url, bool must_exist = false) {
  auto target = postgres::parse_target(url);
  if (!target) return target.error();
  return open_postgres_store({.target = std::move(*target), .must_exist = must_exist});
}

inline std::unique_ptr<Store> open_postgres(const std::string& url) {
  auto opened = try_postgres(url);
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

inline Error postgres_refusal(const std::string& url, bool must_exist = false) {
  auto opened = try_postgres(url, must_exist);
  if (opened) throw std::runtime_error("the store was opened: " + url);
  return opened.error();
}

}  // namespace coremachine::store_tests
