#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace coremachine::cli {

/// A directory for one measurement, on the disk that is measured; gone with the object.
class BenchDirectory {
 public:
  BenchDirectory();
  ~BenchDirectory();
  BenchDirectory(const BenchDirectory&) = delete;
  BenchDirectory& operator=(const BenchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// How long one append of `bytes` bytes with an fdatasync takes, in microseconds: one number a try.
std::vector<double> append_sync_us(const std::string& directory, std::size_t bytes, std::size_t tries);

/// Results like those of the engine's no-op task, inserted by one bare thread one row each, keyed (job, stage, idx),
/// 1,000 in a transaction, WAL, synchronous=FULL: rows per second.
double bare_rows_per_second(const std::string& directory, std::uint64_t rows);

double percentile(std::vector<double> values, double p);

}  // namespace coremachine::cli
