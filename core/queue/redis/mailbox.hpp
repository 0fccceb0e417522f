#pragma once

#include <functional>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>
#include <cerrno>

namespace coremachine::redis {

/// Calls for a thread that sleeps in a poll: whoever posts the first wakes it. Any thread posts, one takes.
class Mailbox {
 public:
  using Call = std::function<void()>;

  Mailbox() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~Mailbox() { ::close(fd_); }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Readable while something waits.
  int fd() const { return fd_; }
  void post(Call call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    if (calls_.size() == 1) ::eventfd_write(fd_, 1);
  }
  std::vector<Call> take() {
    const std::lock_guard lock(mutex_);
    eventfd_t ignored = 0;
    if (!calls_.empty()) ::eventfd_read(fd_, &ignored);
    return std::exchange(calls_, {});
  }

 private:
  const int fd_;
  std::mutex mutex_;
  std::vector<Call> calls_;
};

}  // namespace coremachine::redis
