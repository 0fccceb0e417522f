#pragma once

#include <cstdint>
#include <string>

#include <boost/json/object.hpp>

#include <coremachine/model/time.hpp>

namespace coremachine::cli {

struct HttpBench {
  std::string store = {};  ///< empty: a file of SQLite in the working directory, gone at the end
  unsigned repeat = 3;
  Milliseconds time{3'000};  ///< of one turn
  std::size_t clients = 64;
  std::uint64_t samples = 1'000;
  std::uint64_t requests = 1'000'000;  ///< while the memory is watched; 0: it is not
  std::size_t waiting = 10'000;        ///< clients that wait; 0: none
};

/// `coremachine serve`, in a process of its own, beside a bare HTTP server and the disk in the same run: jobs with all
/// cores for both sides, reads with one core for each. This process must have no other threads.
boost::json::object bench_http(const HttpBench& bench);

}  // namespace coremachine::cli
