#include "tests/support/raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace coremachine::support {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

sockaddr_storage address_of(const std::string& address, std::uint16_t port, socklen_t& size) {
  sockaddr_storage made{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(made);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(made);
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    size = sizeof v4;
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    size = sizeof v6;
  } else {
    fail(address + " is not an address");
  }
  return made;
}

}  // namespace

std::string RawResponse::field(std::string_view name) const {
  for (const auto& [known, value] : fields) {
    if (known == name) return value;
  }
  return {};
}

bool RawResponse::has(std::string_view name) const {
  return std::any_of(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
}

RawClient::RawClient(std::uint16_t port, int receive_buffer, const std::string& address) {
  socklen_t size = 0;
  const auto where = address_of(address, port, size);
  socket_ = ::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) fail(std::string("no socket: ") + std::strerror(errno));
  const timeval limit{deadline_seconds, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&where), size) != 0) {
    const auto why = errno;
    ::close(socket_);
    fail(std::string("cannot connect: ") + std::strerror(why));
  }
}

RawClient::~RawClient() {
  close();
}

long RawClient::put(const char* bytes, std::size_t size) {
  return ::send(socket_, bytes, size, MSG_NOSIGNAL);
}

long RawClient::get(char* to, std::size_t size) {
  return ::recv(socket_, to, size, 0);
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put_now = put(bytes.data(), bytes.size());
    if (put_now <= 0) {
      if (errno == EAGAIN) fail("the server takes nothing more");
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(put_now));
  }
  return true;
}

std::string RawClient::read_some() {
  if (!read_.empty()) return std::exchange(read_, {});
  std::array<char, 65'536> buffer{};
  const auto got = get(buffer.data(), buffer.size());
  if (got > 0) return std::string(buffer.data(), static_cast<std::size_t>(got));
  if (got < 0 && errno == EAGAIN) fail("nothing came");
  if (got < 0) was_reset_ = true;
  return {};
}

std::string RawClient::read_until(std::string_view mark) {
  std::string all;
  for (std::size_t from = 0;;) {
    const auto found = all.find(mark, from);
    if (found != std::string::npos) {
      read_ = all.substr(found + mark.size()) + read_;
      all.resize(found + mark.size());
      return all;
    }
    from = all.size() >= mark.size() ? all.size() - mark.size() + 1 : 0;
    const auto more = read_some();
    if (more.empty()) return all;
    all += more;
  }
}

std::string RawClient::read_exactly(std::size_t count) {
  std::string all;
  while (all.size() < count) {
    const auto more = read_some();
    if (more.empty()) fail("it ended after \"" + all + '"');
    all += more;
  }
  read_ = all.substr(count) + read_;
  all.resize(count);
  return all;
}

std::string RawClient::read_all() {
  std::string all;
  for (auto more = read_some(); !more.empty(); more = read_some()) all += more;
  return all;
}

RawResponse RawClient::read_head() {
  const auto head = read_until("\r\n\r\n");
  if (!head.starts_with("HTTP/1.1 ") || !head.ends_with("\r\n\r\n")) fail("not the head of an answer: \"" + head + '"');
  RawResponse response;
  response.status = std::stoi(head.substr(9, 3));
  for (auto line = head.find("\r\n") + 2; line + 2 < head.size();) {
    const auto end = head.find("\r\n", line);
    const auto colon = head.find(':', line);
    if (colon > end) fail("not a field: \"" + head.substr(line, end - line) + '"');
    auto name = head.substr(line, colon - line);
    for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    auto value = head.substr(colon + 1, end - colon - 1);
    value.erase(0, value.find_first_not_of(' '));
    response.fields.emplace_back(std::move(name), std::move(value));
    line = end + 2;
  }
  return response;
}

std::string RawClient::read_chunk() {
  const auto line = read_until("\r\n");
  if (!line.ends_with("\r\n")) fail("it ended in the middle of a chunked body");
  const auto size = std::stoul(line, nullptr, 16);
  auto chunk = read_exactly(size);
  if (read_exactly(2) != "\r\n") fail("a chunk is longer than it says");
  return chunk;
}

RawResponse RawClient::read_response(bool to_head, bool interim) {
  auto response = read_head();
  if (response.status < 200) return interim ? response : read_response(to_head);
  if (to_head || response.status == 204 || response.status == 304) return response;
  if (response.has("content-length")) {
    response.body = read_exactly(std::stoul(response.field("content-length")));
  } else if (response.field("transfer-encoding") == "chunked") {
    for (auto chunk = read_chunk(); !chunk.empty(); chunk = read_chunk()) response.body += chunk;
  } else {
    response.body = read_all();
  }
  return response;
}

bool RawClient::at_end() {
  read_ = read_some();
  return read_.empty();
}

void RawClient::end_sending() {
  ::shutdown(socket_, SHUT_WR);
}

void RawClient::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void RawClient::reset() {
  const linger forget{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &forget, sizeof forget);
  close();
}

}  // namespace coremachine::support
