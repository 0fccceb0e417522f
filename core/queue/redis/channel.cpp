#include "core/queue/redis/channel.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace coremachine::redis {

Interruption::Interruption() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Interruption::~Interruption() {
  ::close(fd_);
}

void Interruption::raise() {
  raised_ = true;
  ::eventfd_write(fd_, 1);
}

WorkerFault Channel::lost() const {
  WorkerFault fault;
  fault.kind = link_.fault().not_allowed ? WorkerFault::Kind::not_allowed : WorkerFault::Kind::unreachable;
  fault.what = interruption_.is_raised() ? "it was interrupted" : link_.fault().what;
  return fault;
}

WorkerAnswer<bool> Channel::connect() {
  if (interruption_.is_raised()) return lost();
  if (link_.is_up()) return false;
  link_.open(Clock::now());
  const auto up = wait([this] { return link_.is_up(); }, Clock::now() + 2 * Link::connect_limit);
  if (!up) return up.error();
  if (!*up) return lost();
  return true;
}

WorkerAnswer<bool> Channel::wait(const std::function<bool()>& done, Time by) {
  for (;;) {
    if (interruption_.is_raised()) {
      link_.close();
      return lost();
    }
    const auto now = Clock::now();
    // An answer may be there already, and what was sent goes out.
    if (!link_.step(now)) return lost();
    if (done()) {
      link_.flush();
      return true;
    }
    if (now >= by) return false;
    link_.flush();
    auto until = by;
    if (const auto deadline = link_.deadline()) until = std::min(until, *deadline);
    pollfd fds[2] = {{interruption_.fd(), POLLIN, 0}, {link_.fd(), link_.events(), 0}};
    const auto pause = std::chrono::ceil<Milliseconds>(std::max(until - now, Time::duration::zero()));
    ::poll(fds, 2, static_cast<int>(pause.count()));
  }
}

}  // namespace coremachine::redis
