#include "triggers/cli/bench/raw_rates.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace coremachine::cli {
namespace {

using Clock = std::chrono::steady_clock;

void run(sqlite3* db, const char* sql) {
  if (sqlite3_exec(db, sql, nullptr, nullptr, nullptr) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(db));
}

}  // namespace

BenchDirectory::BenchDirectory() {
  std::string pattern = (std::filesystem::current_path() / "coremachine-bench-XXXXXX").string();
  if (!::mkdtemp(pattern.data()))
    throw std::system_error(errno, std::generic_category(), "cannot make a directory here");
  path_ = pattern;
}

BenchDirectory::~BenchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<double> append_sync_us(const std::string& directory, std::size_t bytes, std::size_t tries) {
  const auto path = directory + "/append";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) throw std::system_error(errno, std::generic_category(), path);
  const std::string block(bytes, 'x');
  std::vector<double> times;
  for (std::size_t i = 0; i < tries; ++i) {
    const auto began = Clock::now();
    if (::write(file, block.data(), bytes) != static_cast<ssize_t>(bytes) || ::fdatasync(file) != 0) {
      ::close(file);
      throw std::system_error(errno, std::generic_category(), path);
    }
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - began).count());
  }
  ::close(file);
  return times;
}

double bare_rows_per_second(const std::string& directory, std::uint64_t rows) {
  const auto path = directory + "/bare.db";
  for (const auto* suffix : {"", "-wal", "-shm"}) ::unlink((path + suffix).c_str());
  sqlite3* db = nullptr;
  if (sqlite3_open(path.c_str(), &db) != SQLITE_OK) throw std::runtime_error("cannot open " + path);
  run(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
  run(db,
      "CREATE TABLE result(job INTEGER, stage INTEGER, idx INTEGER, result TEXT, PRIMARY KEY(job, stage, idx)) WITHOUT "
      "ROWID");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(db, "INSERT INTO result VALUES(1, 2, ?, ?)", -1, &insert, nullptr);
  const auto began = Clock::now();
  for (std::uint64_t i = 0; i < rows;) {
    run(db, "BEGIN");
    for (std::uint64_t n = 0; n < 1000 && i < rows; ++n, ++i) {
      const auto result = "{\"i\":" + std::to_string(i) + "}";
      sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(i));
      sqlite3_bind_text(insert, 2, result.data(), static_cast<int>(result.size()), SQLITE_STATIC);
      if (sqlite3_step(insert) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(db));
      sqlite3_reset(insert);
    }
    run(db, "COMMIT");
  }
  const auto took = std::chrono::duration<double>(Clock::now() - began).count();
  sqlite3_finalize(insert);
  sqlite3_close(db);
  for (const auto* suffix : {"", "-wal", "-shm"}) ::unlink((path + suffix).c_str());
  return static_cast<double>(rows) / took;
}

double percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(p * static_cast<double>(values.size() - 1) + 0.5);
  return values[std::min(at, values.size() - 1)];
}

}  // namespace coremachine::cli
