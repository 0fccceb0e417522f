#pragma once

#include <array>
#include <span>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace coremachine::http {

/// A socket, closed when this goes.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() { close(); }
  int fd() const { return fd_; }
  void close();

 private:
  int fd_;
};

/// The sockets of one loop: each is registered with the kernel once, and from then on tells of every change. To wait
/// through Asio takes one call to the kernel for each request.
///
///   sockets.watch(socket.fd(), &connection);
///   sockets.async_wait([&] { for (const auto& change : sockets.take()) … });
class Sockets {
 public:
  /// Throws Failure if the kernel gives none.
  explicit Sockets(boost::asio::io_context& context);

  /// What has become of a socket since it told of that last. All of it is to be used up: what can be read until there
  /// is no more, since it is told once.
  struct Change {
    void* of = nullptr;
    bool readable = false;
    bool writable = false;
    bool ends = false;  ///< behind what can be read, there is the end, or an error
  };
  /// `of`: what its changes are of. Throws Failure if the kernel has no room.
  void watch(int socket, void* of);
  /// Before the socket is closed: a process that was forked meanwhile may have it open for longer.
  void forget(int socket);
  /// Calls `then` once, on the loop, when there are changes; not at all after `stop`.
  template <class Then>
  void async_wait(Then then) {
    if (stopped_) return;
    events_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                       [then = std::move(then)](const boost::system::error_code& error) {
                         if (!error) then();
                       });
  }
  /// Some of them; good until the next call. Of a socket that was forgotten meanwhile there are none.
  std::span<const Change> take();
  void stop() {
    stopped_ = true;
    events_.cancel();
  }

 private:
  std::array<Change, 128> changes_{};
  bool stopped_ = false;
  boost::asio::posix::stream_descriptor events_;
};

}  // namespace coremachine::http
