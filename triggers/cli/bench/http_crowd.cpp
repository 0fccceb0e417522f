#include "triggers/cli/bench/http_crowd.hpp"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <chrono>

#include "triggers/cli/bench/client_socket.hpp"

namespace coremachine::cli {
namespace {

constexpr std::size_t other_files = 64;

void allow_files(std::size_t count) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= count) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

HttpCrowd::HttpCrowd(std::uint16_t port, std::size_t clients, const std::string& request)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  allow_files(clients + other_files);
  for (std::size_t i = 0; i < clients; ++i) {
    sockets_.push_back(connect_to(port));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, sockets_.back(), &event) != 0) fail_by_system("cannot watch a socket");
    send_all(sockets_.back(), request);
  }
}

HttpCrowd::~HttpCrowd() {
  for (const int socket : sockets_) ::close(socket);
  ::close(epoll_);
}

double HttpCrowd::wait_for_all(const std::string& end) {
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::string> answers(sockets_.size());
  std::size_t left = sockets_.size();
  std::array<epoll_event, 1024> events;
  std::array<char, 65'536> buffer;
  while (left > 0) {
    const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 60'000);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) fail_by_server("has left " + std::to_string(left) + " clients without an answer for a minute");
    for (int i = 0; i < ready; ++i) {
      const auto client = events[static_cast<std::size_t>(i)].data.u64;
      const auto got = ::recv(sockets_[client], buffer.data(), buffer.size(), 0);
      if (got <= 0) fail_by_server("has ended the connection of a client that waited");
      const bool was_whole = answers[client].ends_with(end);
      answers[client].append(buffer.data(), static_cast<std::size_t>(got));
      if (!answers[client].starts_with("HTTP/1.1 200 ")) fail_by_server("has answered " + answers[client]);
      if (!was_whole && answers[client].ends_with(end)) --left;
    }
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace coremachine::cli
