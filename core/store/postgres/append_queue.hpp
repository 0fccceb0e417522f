#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <list>
#include <mutex>
#include <span>

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
  /// Durable when it returns success; an error says that of none of these records it is known. The records of one call
  /// are kept together or not at all, however many they are.
  Result<Appended> append(std::int64_t output, std::int64_t generation, std::span<const OutputRecord> records);

 private:
  struct Part {
    ArrayParam seqs = {};
    ArrayParam keys = {};
    ArrayParam bytes = {};
  };
  struct Request {
    std::int64_t output = 0;
    std::int64_t generation = 0;
    std::span<const OutputRecord> records = {};
    std::int64_t first_seq = 0;
    bool is_large = false;  ///< for one statement
    Part part = {};         ///< all of it, unless it is large
    bool done = false;
    Result<Appended> outcome = Appended{};
    std::exception_ptr thrown = {};
  };
  using Requests = std::list<Request*>;

  static Part make_part(std::span<const OutputRecord> records, std::int64_t first_seq);
  Requests take() noexcept;
  void write(const Requests& requests) noexcept;
  Result<bool> write_small(const Requests& requests);
  Result<bool> write_large(Request& request);

  ArtifactShelf& shelf_;
  std::mutex mutex_;
  std::condition_variable written_;
  Requests waiting_;
  bool writes_ = false;  ///< one of the threads does
};

}  // namespace coremachine::postgres
