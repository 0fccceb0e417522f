#include "support/scripted_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <cstdlib>
#include <stdexcept>

namespace coremachine::support {
namespace {

void need(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

/// Whether a request is whole: its head, and as much body as that says.
bool whole(const std::string& request) {
  const auto end = request.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const auto at = request.find("Content-Length: ");
  const auto length = at < end ? std::strtoul(request.c_str() + at + 16, nullptr, 10) : 0UL;
  return request.size() >= end + 4 + length;
}

std::string answer(int status, const std::string& type, const std::string& body, const std::string& more_fields) {
  return "HTTP/1.1 " + std::to_string(status) + " Told\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more_fields + "\r\n" + body;
}

}  // namespace

std::string json_answer(int status, const std::string& body, const std::string& more_fields) {
  return answer(status, "application/json", body, more_fields);
}

std::string problem_answer(int status, const std::string& body, const std::string& more_fields) {
  return answer(status, "application/problem+json", body, more_fields);
}

std::string event_answer(const std::string& events) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + events;
}

ScriptedServer::ScriptedServer(std::vector<ScriptedConnection> script) : script_(std::move(script)) {
  need(::pipe(stop_) == 0, "pipe");
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  need(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  need(::listen(listener_, 16) == 0, "listen");
  need(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

ScriptedServer::~ScriptedServer() {
  ::close(stop_[1]);
  if (thread_.joinable()) thread_.join();
  ::close(stop_[0]);
  if (listener_ >= 0) ::close(listener_);
}

std::vector<std::string> ScriptedServer::requests() {
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  return requests_;
}

void ScriptedServer::wait_for_closed(std::size_t connections) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return closed_ >= connections; });
}

void ScriptedServer::run() {
  for (const auto& connection : script_) {
    std::array<pollfd, 2> watched{pollfd{listener_, POLLIN, 0}, pollfd{stop_[0], POLLIN, 0}};
    ::poll(watched.data(), watched.size(), -1);
    if (watched[1].revents != 0) break;
    const int file = ::accept(listener_, nullptr, nullptr);
    const bool go_on = file >= 0 && converse(connection, file);
    if (file >= 0) ::close(file);
    {
      const std::lock_guard lock(mutex_);
      ++closed_;
      changed_.notify_all();
    }
    if (!go_on) break;
  }
  ::close(listener_);
  listener_ = -1;
}

bool ScriptedServer::converse(const ScriptedConnection& connection, int file) {
  std::string request;
  std::size_t answered = 0;
  while (answered < connection.answers.size() || connection.then_wait) {
    std::array<pollfd, 2> watched{pollfd{file, POLLIN, 0}, pollfd{stop_[0], POLLIN, 0}};
    ::poll(watched.data(), watched.size(), -1);
    if (watched[1].revents != 0) return false;
    std::array<char, 4096> bytes;
    const auto got = ::recv(file, bytes.data(), bytes.size(), 0);
    if (got <= 0) return true;
    request.append(bytes.data(), static_cast<std::size_t>(got));
    if (answered == connection.answers.size() || !whole(request)) continue;
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(std::exchange(request, {}));
    }
    const auto& text = connection.answers[answered++];
    ::send(file, text.data(), text.size(), MSG_NOSIGNAL);
  }
  return true;
}

}  // namespace coremachine::support
