#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace coremachine::http {

/// A few threads for what blocks: reads of the store. Any thread may call it.
class Readers {
 public:
  /// At most `most_waiting` pieces of work wait for a thread.
  Readers(unsigned threads, std::size_t most_waiting);
  /// Stops.
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  /// False: there is too much work already, or it has stopped; `work` is not called. `work` does not throw.
  bool run(std::function<void()> work);
  /// What waits is still done, then the threads end. Called again it does nothing.
  void stop();
  std::size_t waiting() const;

 private:
  void serve();

  const std::size_t most_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> work_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace coremachine::http
