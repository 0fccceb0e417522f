#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "core/store/sqlite/sqlite_store.hpp"
#include "tests/conformance/store_fixture.hpp"

namespace coremachine::store_tests {

/// A person with the sqlite3 shell: looks into the file past the store.
class Shell {
 public:
  explicit Shell(const std::string& path) {
    if (sqlite3_open(path.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error("the shell cannot open " + path);
  }
  ~Shell() { sqlite3_close(handle_); }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  /// All columns of all rows as text; NULL is "NULL".
  std::vector<std::vector<std::string>> rows(const std::string& sql) {
    std::vector<std::vector<std::string>> found;
    const auto take = [](void* into, int columns, char** values, char**) {
      auto& row = static_cast<std::vector<std::vector<std::string>>*>(into)->emplace_back();
      for (int i = 0; i < columns; ++i) row.emplace_back(values[i] ? values[i] : "NULL");
      return 0;
    };
    char* message = nullptr;
    if (sqlite3_exec(handle_, sql.c_str(), take, &found, &message) != SQLITE_OK) {
      const std::string why = message ? message : "?";
      sqlite3_free(message);
      throw std::runtime_error(sql + ": " + why);
    }
    return found;
  }
  std::string one(const std::string& sql) { return rows(sql).at(0).at(0); }

 private:
  sqlite3* handle_ = nullptr;
};

inline OutcomeSegment outcome(std::uint32_t sequence, std::size_t bytes = 8) {
  OutcomeSegment segment;
  segment.round = 1;
  segment.sequence = sequence;
  segment.count = 1;
  segment.body = make_text("[\"" + std::string(bytes, 'x') + "\"]");
  return segment;
}

/// So many jobs are new in each batch: enough for a statement with several, and one by itself.
constexpr std::uint64_t new_jobs = 9;

/// Every job of it says which batch it is of, and there is an outcome of `bytes` bytes.
inline Batch nth_batch(std::uint64_t n, Incarnation incarnation, std::size_t bytes = 8) {
  Batch batch{.sequence = n, .incarnation = incarnation};
  batch.jobs = {job_row(id_of(1), JobStatus::running)};
  for (std::uint64_t i = 0; i < new_jobs; ++i) {
    batch.jobs.push_back(job_row(id_of(new_jobs * n + i), JobStatus::running));
    batch.jobs.back().is_new = true;
  }
  for (auto& row : batch.jobs) row.attempt = static_cast<std::uint32_t>(n);
  batch.outcomes = {{id_of(1), outcome(static_cast<std::uint32_t>(n), bytes)}};
  return batch;
}

/// Batches 1 to n are there, each of them whole, and nothing else.
inline bool holds_batches(const Store& store, std::uint64_t n) {
  OutcomeQuery query;
  query.job = id_of(1);
  query.rounds = {1};
  if (store.last_commit() != n || store.read_outcomes(query).size() != n) return false;
  if (store.list_jobs({.limit = 1'000'000}).rows.size() != (n == 0 ? 0 : n * new_jobs + 1)) return false;
  return n == 0 || store.read_job(id_of(1))->job.attempt == n;
}

inline std::string contents(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return {};
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

inline std::unique_ptr<Store> open_store(SqliteOptions options) {
  return std::move(open_sqlite_store(options).value());
}

/// Why a store cannot be opened.
inline Error refusal(const SqliteOptions& options) {
  const auto opened = open_sqlite_store(options);
  if (opened) throw std::runtime_error("the store was opened: " + options.path);
  return opened.error();
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace coremachine::store_tests
