#include "tests/support/redis_proxy.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace coremachine::support {
namespace {

using Clock = std::chrono::steady_clock;

/// The length of the number at the beginning of a line `?NUMBER\r\n`, and the number; nothing: the line is not whole.
std::optional<std::pair<std::size_t, long long>> number_line(std::string_view bytes) {
  const auto end = bytes.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  long long number = 0;
  std::from_chars(bytes.data() + 1, bytes.data() + end, number);
  return std::pair(end + 2, number);
}

/// The length of the first value of RESP in `bytes`; 0: it is not whole.
std::size_t value_size(std::string_view bytes) {
  if (bytes.empty()) return 0;
  const auto line = number_line(bytes);
  if (!line) return 0;
  const auto [head, number] = *line;
  if (bytes[0] == '$') {
    if (number < 0) return head;
    const auto size = head + static_cast<std::size_t>(number) + 2;
    return bytes.size() >= size ? size : 0;
  }
  if (bytes[0] != '*') return head;
  std::size_t at = head;
  for (long long i = 0; i < number; ++i) {
    const auto size = value_size(bytes.substr(at));
    if (size == 0) return 0;
    at += size;
  }
  return at;
}

std::string_view command_name(std::string_view bytes) {
  const auto head = number_line(bytes);
  const auto word = number_line(bytes.substr(head->first));
  return bytes.substr(head->first + word->first, static_cast<std::size_t>(word->second));
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::send(file, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

bool read_some(int file, std::string& into) {
  char block[65536];
  const auto got = ::recv(file, block, sizeof block, 0);
  if (got <= 0) return false;
  into.append(block, static_cast<std::size_t>(got));
  return true;
}

}  // namespace

/// One client, and its connection to Redis.
struct RedisProxy::Pair {
  ~Pair() {
    ::close(client);
    ::close(redis);
  }
  int client = -1;
  int redis = -1;
  std::string asked = {};     ///< of the client, not passed on yet
  std::string answered = {};  ///< of Redis, likewise
  /// For each answer that the client waits for: empty, the next of Redis; else this text. "-" swallows one of Redis,
  /// and with "!" the connection ends in its place.
  std::deque<std::string> due = {};
  std::optional<Clock::time_point> late_until = {};
  bool passes_next = false;  ///< what was late goes through
};

RedisProxy::RedisProxy(std::string redis_socket, Faults faults, std::uint64_t seed)
    : socket_(std::move(redis_socket)), faults_(faults), random_(seed) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof here;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&here), size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&here), &size) != 0 || ::pipe(stop_) != 0) {
    throw std::runtime_error("the proxy cannot listen");
  }
  port_ = ntohs(here.sin_port);
  thread_ = std::thread([this] { run(); });
}

RedisProxy::~RedisProxy() {
  ::close(stop_[1]);
  thread_.join();
  ::close(stop_[0]);
  ::close(listener_);
}

RedisAddress RedisProxy::address() const {
  RedisAddress address;
  address.port = port_;
  return address;
}

RedisProxy::Fate RedisProxy::draw() {
  if (calm_) return Fate::pass;
  auto n = static_cast<unsigned>(random_() % 1000);
  const auto is_below = [&n](unsigned share) {
    if (n < share) return true;
    n -= share;
    return false;
  };
  if (is_below(faults_.lost)) return Fate::lose;
  if (is_below(faults_.twice)) return Fate::twice;
  if (is_below(faults_.late)) return Fate::late;
  if (is_below(faults_.cut)) return random_() % 2 == 0 ? Fate::cut_before : Fate::cut_after;
  return Fate::pass;
}

/// False: the connection is to be cut.
bool RedisProxy::command(Pair& pair, std::string_view bytes, std::string_view name) {
  const bool puts =
      name == "XADD" || (name == "EVAL" && bytes.substr(0, 200).find("'RPUSH'") != std::string_view::npos);
  const bool reads = name == "XREADGROUP" || (name == "EVAL" && bytes.find("'XREADGROUP'") != std::string_view::npos);
  if (reads && !calm_ && random_() % 1000 < faults_.unread) {
    ++harmed_;
    pair.due.emplace_back("!");
    return write_all(pair.redis, bytes);
  }
  const auto fate = puts && !std::exchange(pair.passes_next, false) ? draw() : Fate::pass;
  if (fate != Fate::pass) ++harmed_;
  switch (fate) {
    case Fate::pass: pair.due.emplace_back(); return write_all(pair.redis, bytes);
    case Fate::lose: pair.due.emplace_back(name == "XADD" ? "$3\r\n9-9\r\n" : ":1\r\n"); return true;
    case Fate::twice:
      pair.due.emplace_back();
      pair.due.emplace_back("-");
      return write_all(pair.redis, bytes) && write_all(pair.redis, bytes);
    case Fate::late:
      pair.late_until = Clock::now() + std::chrono::milliseconds(1 + random_() % std::max(1U, faults_.late_ms));
      pair.passes_next = true;
      return true;
    case Fate::cut_before: return false;
    case Fate::cut_after: write_all(pair.redis, bytes); return false;
  }
  return false;
}

bool RedisProxy::from_client(Pair& pair) {
  std::size_t at = 0;
  while (!pair.late_until) {
    const auto rest = std::string_view(pair.asked).substr(at);
    const auto size = value_size(rest);
    if (size == 0) break;
    if (!command(pair, rest.substr(0, size), command_name(rest))) return false;
    if (!pair.late_until) at += size;
  }
  pair.asked.erase(0, at);
  return from_redis(pair);
}

bool RedisProxy::from_redis(Pair& pair) {
  std::string out;
  std::size_t at = 0;
  while (!pair.due.empty()) {
    auto& due = pair.due.front();
    if (!due.empty() && due != "-" && due != "!") {
      out += due;
      pair.due.pop_front();
      continue;
    }
    const auto rest = std::string_view(pair.answered).substr(at);
    const auto size = value_size(rest);
    if (size == 0) break;
    if (due == "!") return false;
    if (due.empty()) out += rest.substr(0, size);
    at += size;
    pair.due.pop_front();
  }
  pair.answered.erase(0, at);
  return write_all(pair.client, out);
}

void RedisProxy::run() {
  std::vector<std::unique_ptr<Pair>> pairs;
  for (;;) {
    std::vector<pollfd> fds{{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    int pause = -1;
    const auto now = Clock::now();
    for (const auto& pair : pairs) {
      fds.push_back({pair->client, static_cast<short>(pair->late_until ? 0 : POLLIN), 0});
      fds.push_back({pair->redis, POLLIN, 0});
      if (!pair->late_until) continue;
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*pair->late_until - now).count();
      pause = pause < 0 ? std::max(0, static_cast<int>(left)) : std::min(pause, std::max(0, static_cast<int>(left)));
    }
    ::poll(fds.data(), fds.size(), pause);
    if (fds[0].revents != 0) return;
    std::vector<std::unique_ptr<Pair>> kept;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      auto& pair = *pairs[i];
      bool is_whole = true;
      if (pair.late_until && Clock::now() >= *pair.late_until) {
        pair.late_until.reset();
        is_whole = from_client(pair);
      }
      if (is_whole && fds[2 + 2 * i].revents != 0) is_whole = read_some(pair.client, pair.asked) && from_client(pair);
      if (is_whole && fds[3 + 2 * i].revents != 0) is_whole = read_some(pair.redis, pair.answered) && from_redis(pair);
      if (is_whole) kept.push_back(std::move(pairs[i]));
    }
    pairs = std::move(kept);
    if (fds[1].revents == 0) continue;
    auto pair = std::make_unique<Pair>();
    pair->client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int yes = 1;
    ::setsockopt(pair->client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    pair->redis = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un there{};
    there.sun_family = AF_UNIX;
    socket_.copy(there.sun_path, sizeof there.sun_path - 1);
    if (::connect(pair->redis, reinterpret_cast<sockaddr*>(&there), sizeof there) == 0)
      pairs.push_back(std::move(pair));
  }
}

}  // namespace coremachine::support
