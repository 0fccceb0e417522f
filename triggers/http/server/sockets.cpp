#include "triggers/http/server/sockets.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <sys/epoll.h>
#include <unistd.h>

#include <coremachine/model/error.hpp>

namespace coremachine::http {

namespace {

[[noreturn]] void fail(const char* what) {
  throw Failure(Error{ErrorCode::overloaded, std::string(what) + ": " + std::generic_category().message(errno)});
}

int make_epoll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) fail("the system gives nothing to watch sockets with");
  return fd;
}

}  // namespace

void Socket::close() {
  if (const int fd = std::exchange(fd_, -1); fd >= 0) ::close(fd);
}

Sockets::Sockets(boost::asio::io_context& context) : events_(context, make_epoll()) {}

void Sockets::watch(int socket, void* of) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = of;
  if (::epoll_ctl(events_.native_handle(), EPOLL_CTL_ADD, socket, &event) != 0) fail("a socket cannot be watched");
}

std::vector<Sockets::Change> Sockets::take() {
  std::array<epoll_event, 128> events;
  const int count = ::epoll_wait(events_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  std::vector<Change> changes;
  changes.reserve(static_cast<std::size_t>(count > 0 ? count : 0));
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    const bool ends = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    changes.push_back(
        {event.data.ptr, ends || (event.events & EPOLLIN) != 0, ends || (event.events & EPOLLOUT) != 0, ends});
  }
  return changes;
}

}  // namespace coremachine::http
