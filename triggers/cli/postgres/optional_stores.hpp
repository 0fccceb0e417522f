#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace coremachine::cli {

// What the program can do with PostgreSQL, if it was built with libpq. One of two files is behind it.

/// Makes the URLs of the stores known that are libraries of their own.
void enable_optional_stores();

/// What a PostgreSQL server can do without the engine, for those who measure.
class BarePostgres {
 public:
  virtual ~BarePostgres() = default;
  /// Results like those of the engine's no-op task, one row each, keyed (job, stage, idx), 1,000 in a statement and a
  /// transaction: rows per second.
  virtual double rows_per_second(std::uint64_t rows) = 0;
  /// The same results, 1,000 packed into a row, 16 rows in a statement and a transaction: results per second.
  virtual double packed_per_second(std::uint64_t results) = 0;
  /// How long a transaction of one row takes, in microseconds: one number a try.
  virtual std::vector<double> commit_us(std::size_t tries) = 0;
};

/// Null for a URL that is not PostgreSQL's. Throws std::runtime_error.
std::unique_ptr<BarePostgres> bare_postgres(const std::string& url);

}  // namespace coremachine::cli
