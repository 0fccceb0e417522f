#include "triggers/cli/bench/client_socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>

#include <coremachine/model/error.hpp>

namespace coremachine::cli {

void fail_by_system(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void fail_by_server(const std::string& what) {
  throw Failure(Error{ErrorCode::task_failed, "the server that is measured " + what});
}

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) fail_by_system("cannot make a socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket);
    fail_by_system("cannot connect to the server that is measured");
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) fail_by_server("takes no more requests: " + std::generic_category().message(errno));
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace coremachine::cli
