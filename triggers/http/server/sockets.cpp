#include "triggers/http/server/sockets.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <tuple>

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

void Sockets::forget(int socket) {
  ::epoll_ctl(events_.native_handle(), EPOLL_CTL_DEL, socket, nullptr);
}

std::span<const Sockets::Change> Sockets::take() {
  std::array<epoll_event, std::tuple_size_v<decltype(changes_)>> events;
  const int ready = ::epoll_wait(events_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  const auto count = static_cast<std::size_t>(std::max(ready, 0));
  for (std::size_t i = 0; i < count; ++i) {
    const auto what = events[i].events;
    const bool ends = (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    changes_[i] = {events[i].data.ptr, ends || (what & EPOLLIN) != 0, ends || (what & EPOLLOUT) != 0, ends};
  }
  return std::span(changes_).first(count);
}

}  // namespace coremachine::http
