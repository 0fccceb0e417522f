#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace coremachine::http {

/// How long a piece of work takes: that of `brief` work is not worth a wake-up of whoever waits for what it does.
enum class Effort : std::uint8_t { brief, any };

/// A few threads for what blocks: reads of the store. Any thread may call it.
class Readers {
 public:
  /// At most `most_waiting` pieces of work wait for a thread. While a thread does brief work, one piece after the
  /// other, what it says to the loops of a server is gathered for a moment (`WakeGathering`).
  Readers(unsigned threads, std::size_t most_waiting);
  /// Stops.
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  /// False: there is too much work already, or it has stopped; `work` is not called. `work` does not throw.
  bool run(std::function<void()> work, Effort effort = Effort::any);
  /// What waits is still done, then the threads end. Called again it does nothing.
  void stop();
  std::size_t waiting() const;

 private:
  struct Work {
    std::function<void()> function;
    Effort effort;
  };
  void serve();
  bool is_one_due() const;

  const std::size_t most_waiting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> work_;
  std::size_t asleep_ = 0;
  bool waking_ = false;  ///< one was woken and has not come yet; it will see to the others
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace coremachine::http
