#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <vector>

#include "core/store/postgres/artifact_shelf.hpp"

namespace coremachine::postgres {

/// Appends records of this server: one of the threads that wait writes those of all in one transaction. Any thread.
class AppendQueue {
 public:
  explicit AppendQueue(ArtifactShelf& shelf) : shelf_(shelf) {}

  struct Appended {
    bool taken = false;     ///< the output is there, and in this generation
    std::size_t fresh = 0;  ///< records whose key is new
  };
  /// Durable when it returns success; an error says that of none of these records it is known.
  Result<Appended> append(std::int64_t output, std::int64_t generation, std::span<const OutputRecord> records);

 private:
  struct Request {
    std::int64_t output = 0;
    std::int64_t generation = 0;
    ArrayParam seqs = {};
    ArrayParam keys = {};
    ArrayParam bytes = {};
    bool done = false;
    Result<Appended> outcome = Appended{};
  };
  std::vector<Request*> take();
  void write(const std::vector<Request*>& requests);

  ArtifactShelf& shelf_;
  std::mutex mutex_;
  std::condition_variable written_;
  std::deque<Request*> waiting_;
  bool writes_ = false;  ///< one of the threads does
};

}  // namespace coremachine::postgres
