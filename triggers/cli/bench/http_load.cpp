#include "triggers/cli/bench/http_load.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <array>
#include <charconv>
#include <functional>
#include <optional>

#include "triggers/cli/bench/client_socket.hpp"

namespace coremachine::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Frame {
  int status = 0;
  std::size_t head = 0;  ///< bytes
  std::size_t body = 0;
};

/// Of the answer at the front; nothing while its head is not whole.
std::optional<Frame> frame_of(std::string_view bytes) {
  constexpr std::string_view end_of_head = "\r\n\r\n";
  constexpr std::string_view length = "\r\nContent-Length: ";
  const auto end = bytes.find(end_of_head);
  if (end == std::string_view::npos) return std::nullopt;
  Frame frame;
  frame.head = end + end_of_head.size();
  const auto head = bytes.substr(0, frame.head);
  const auto number = [&](std::size_t at, auto& into) { std::from_chars(head.data() + at, head.data() + end, into); };
  number(std::string_view("HTTP/1.1 ").size(), frame.status);
  if (const auto at = head.find(length); at != std::string_view::npos) number(at + length.size(), frame.body);
  return frame;
}

}  // namespace

HttpProbe::HttpProbe(std::uint16_t port) : socket_(connect_to(port)) {}

HttpProbe::~HttpProbe() {
  ::close(socket_);
}

HttpAnswer HttpProbe::ask(std::string_view request) {
  send_all(socket_, request);
  std::string input;
  std::array<char, 16'384> buffer;
  for (;;) {
    const auto got = ::recv(socket_, buffer.data(), buffer.size(), 0);
    if (got <= 0) fail_by_server("has ended the connection");
    input.append(buffer.data(), static_cast<std::size_t>(got));
    const auto frame = frame_of(input);
    if (frame && input.size() >= frame->head + frame->body) {
      return {frame->status, input.substr(frame->head, frame->body)};
    }
  }
}

struct HttpLoad::Run {
  const std::vector<std::string>& requests;
  int status = 0;
  std::function<bool(const Run&)> goes_on;  ///< whether another request is sent
  std::size_t next = 0;
  std::size_t under_way = 0;
  std::uint64_t answers = 0;
  std::string wrong = {};  ///< the first answer of another status
};

HttpLoad::HttpLoad(std::uint16_t port, std::size_t clients) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) fail_by_system("cannot make an epoll");
  clients_.resize(clients);
  for (std::size_t i = 0; i < clients; ++i) {
    clients_[i].socket = connect_to(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, clients_[i].socket, &event) != 0) fail_by_system("cannot watch a socket");
  }
}

HttpLoad::~HttpLoad() {
  for (const auto& client : clients_) ::close(client.socket);
  ::close(epoll_);
}

void HttpLoad::send(Client& client, Run& run) const {
  if (!run.goes_on(run)) return;
  send_all(client.socket, run.requests[run.next]);
  run.next = run.next + 1 == run.requests.size() ? 0 : run.next + 1;
  ++run.under_way;
}

void HttpLoad::take_answers(Client& client, Run& run) const {
  if (client.needed == 0) {
    const auto frame = frame_of(client.input);
    if (!frame) return;
    client.needed = frame->head + frame->body;
    if (frame->status != run.status && run.wrong.empty()) run.wrong = client.input.substr(0, 1000);
  }
  if (client.input.size() < client.needed) return;
  client.input.clear();
  client.needed = 0;
  ++run.answers;
  --run.under_way;
  send(client, run);
}

void HttpLoad::take(Client& client, Run& run) const {
  static thread_local std::array<char, 65'536> buffer;
  const auto got = ::recv(client.socket, buffer.data(), buffer.size(), 0);
  if (got <= 0) fail_by_server("has ended a connection");
  client.input.append(buffer.data(), static_cast<std::size_t>(got));
  take_answers(client, run);
}

HttpLoad::Figures HttpLoad::run(Run& run) {
  const auto began = Clock::now();
  for (auto& client : clients_) send(client, run);
  std::array<epoll_event, 256> events;
  while (run.under_way > 0) {
    const int ready = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 30'000);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) fail_by_server("has not answered for 30 s");
    for (int i = 0; i < ready; ++i) take(clients_[events[static_cast<std::size_t>(i)].data.u64], run);
  }
  if (!run.wrong.empty()) fail_by_server("has answered " + run.wrong);
  return {run.answers, std::chrono::duration<double>(Clock::now() - began).count()};
}

HttpLoad::Figures HttpLoad::run_for(std::chrono::milliseconds time, const std::vector<std::string>& requests,
                                    int status) {
  const auto end = Clock::now() + time;
  Run one{requests, status, [end](const Run& so_far) { return so_far.wrong.empty() && Clock::now() < end; }};
  return run(one);
}

HttpLoad::Figures HttpLoad::run(std::uint64_t answers, const std::vector<std::string>& requests, int status) {
  Run one{requests, status,
          [answers](const Run& so_far) { return so_far.wrong.empty() && so_far.answers + so_far.under_way < answers; }};
  return run(one);
}

std::string get_request(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n";
}

std::string post_request(std::string_view target, std::string_view body) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace coremachine::cli
