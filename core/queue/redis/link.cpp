#include "core/queue/redis/link.hpp"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace coremachine::redis {
namespace {

constexpr std::size_t read_at_once = std::size_t{64} << 10U;
/// Of the room for what is to be written, once it is.
constexpr std::size_t most_kept = std::size_t{1} << 20U;

/// The value of a line `name:value` of INFO.
std::string_view info_line(std::string_view info, std::string_view name) {
  const auto at = info.find(name);
  if (at == std::string_view::npos) return {};
  const auto rest = info.substr(at + name.size());
  return rest.substr(0, rest.find_first_of("\r\n"));
}

/// What another server behind the same address would not say: this one is a replica by now, or not ready.
bool is_of_the_server(const Reply& reply) {
  return reply.is_error("READONLY") || reply.is_error("LOADING") || reply.is_error("MASTERDOWN");
}

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};

}  // namespace

Link::Link(RedisAddress address, std::string name) : address_(std::move(address)), name_(std::move(name)) {}

Link::~Link() = default;

void Link::open(Time now) {
  close();
  opened_ = now;
  refused_.reset();
  auto* made = address_.socket.empty() ? redisConnectNonBlock(address_.host.c_str(), address_.port)
                                       : redisConnectUnixNonBlock(address_.socket.c_str());
  if (!made) {
    fault_ = {false, "out of memory"};
    return;
  }
  context_.reset(made);
  if (made->err != 0) {
    lose(made->errstr);
    return;
  }
  if (address_.tls) {
    tls_ = std::make_unique<Tls>(address_);
    if (!tls_->fault().empty()) {
      lose_tls();
      return;
    }
  }
  // What dies on the way without a word is found.
  if (address_.socket.empty()) redisEnableKeepAlive(made);
  greet();
}

void Link::close() {
  context_.reset();
  tls_.reset();
  waiting_.clear();
  connected_ = up_ = false;
  out_.clear();
  wire_.clear();
  written_ = 0;
}

bool Link::lose(std::string what) {
  if (!what.empty()) fault_ = {false, address_.str() + ": " + std::move(what)};
  close();
  return false;
}

/// Before it was up, a connection that cannot be made safe is no better the next time.
bool Link::lose_tls() {
  const LinkFault fault{!up_, address_.str() + ": " + tls_->fault()};
  close();
  fault_ = fault;
  return false;
}

int Link::fd() const {
  return context_ ? context_->fd : -1;
}

short Link::events() const {
  if (!context_) return 0;
  const bool has_more = tls_ ? !wire_.empty() : !out_.empty();
  return static_cast<short>(POLLIN | (has_more || !connected_ ? POLLOUT : 0));
}

/// What a new connection says first; it is up when all of that was answered well.
void Link::greet() {
  if (!address_.password.empty()) {
    const auto then = [this](const Reply& reply) { check(reply, "the login"); };
    address_.user.empty() ? send({"AUTH", address_.password}, then)
                          : send({"AUTH", address_.user, address_.password}, then);
  }
  if (address_.database != 0) {
    send({"SELECT", std::to_string(address_.database)}, [this](const Reply& reply) { check(reply, "SELECT"); });
  }
  send({"CLIENT", "SETNAME", name_});
  send({"CLIENT", "ID"}, [this](const Reply& reply) { client_id_ = reply.integer(); });
  // A user who may not ask for it has no other disadvantage.
  send({"INFO", "server"}, [this](const Reply& reply) {
    if (!reply.is_error()) run_id_ = info_line(reply.text(), "run_id:");
  });
  send({"PING"}, [this](const Reply& reply) {
    check(reply, "PING");
    up_ = !refused_;
  });
}

void Link::check(const Reply& reply, const char* what) {
  if (!reply.is_error() || refused_) return;
  const bool not_allowed = reply.is_error("NOAUTH") || reply.is_error("WRONGPASS") || reply.is_error("NOPERM") ||
                           reply.is_error("ERR AUTH") || reply.is_error("ERR invalid password");
  refused_ = LinkFault{not_allowed, address_.str() + ": " + what + ": " + std::string(reply.text())};
}

void Link::send(Args args, OnReply then) {
  append(args.begin(), args.size(), std::move(then));
}

void Link::send(const std::vector<std::string_view>& args, OnReply then) {
  append(args.data(), args.size(), std::move(then));
}

/// The protocol is simple, and what is written by hiredis could end the process by SIGPIPE.
void Link::append(const std::string_view* args, std::size_t count, OnReply then) {
  if (!context_) return;
  const auto number = [this](char kind, std::size_t value) {
    char digits[24];
    (out_ += kind).append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr) += "\r\n";
  };
  number('*', count);
  for (std::size_t i = 0; i < count; ++i) {
    number('$', args[i].size());
    (out_ += args[i]) += "\r\n";
  }
  if (waiting_.empty()) heard_ = Clock::now();
  waiting_.push_back(std::move(then));
}

/// False: the connection is broken.
bool Link::write_out() {
  if (!tls_) return put(out_);
  errno = EPROTO;
  return tls_->say(out_, wire_) && put(wire_);
}

bool Link::put(std::string& bytes) {
  while (written_ < bytes.size()) {
    const auto put =
        ::send(context_->fd, bytes.data() + written_, bytes.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    written_ += static_cast<std::size_t>(put);
  }
  bytes.clear();
  written_ = 0;
  if (bytes.capacity() > most_kept) std::string().swap(bytes);
  return true;
}

void Link::flush() {
  if (context_ && connected_ && !(out_.empty() && wire_.empty())) write_out();
}

bool Link::step(Time now) {
  if (!context_) return false;
  if (!connected_) {
    pollfd ready{context_->fd, POLLOUT, 0};
    if (::poll(&ready, 1, 0) > 0) {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(context_->fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0) return lose(std::strerror(error));
      connected_ = true;
    }
  }
  if (!up_ && now >= opened_ + connect_limit) return lose("no answer within 5 s");
  if (!connected_) return true;
  if (!write_out()) return tls_ && !tls_->fault().empty() ? lose_tls() : lose(std::strerror(errno));
  if (!read_replies()) return false;
  if (!waiting_.empty() && now >= heard_ + silence_limit) return lose("no answer within 10 s");
  return true;
}

bool Link::feed(std::string_view bytes) {
  std::string plain;
  if (tls_) {
    if (!tls_->take(bytes, plain)) return false;
    bytes = plain;
    // What the other side waits for to go on, as in the middle of a handshake.
    write_out();
  }
  redisReaderFeed(context_->reader, bytes.data(), bytes.size());
  return true;
}

bool Link::read_replies() {
  char bytes[read_at_once];
  for (;;) {
    const auto got = ::recv(context_->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (got < 0) return lose(std::strerror(errno));
    if (got == 0) return lose("Redis has closed the connection");
    heard_ = Clock::now();
    if (!feed({bytes, static_cast<std::size_t>(got)})) return lose_tls();
    for (;;) {
      void* raw = nullptr;
      if (redisReaderGetReply(context_->reader, &raw) != REDIS_OK) return lose(context_->reader->errstr);
      if (!raw) break;
      const std::unique_ptr<redisReply, FreeReply> reply(static_cast<redisReply*>(raw));
      if (waiting_.empty()) return lose("an answer came that nobody had asked for");
      const auto then = std::move(waiting_.front());
      waiting_.pop_front();
      if (then) then(Reply(reply.get()));
      if (refused_) {
        fault_ = *refused_;
        close();
        return false;
      }
      if (!context_) return false;  // a handler has closed it
      if (up_ && is_of_the_server(Reply(reply.get()))) return lose(reply->str);
    }
    if (static_cast<std::size_t>(got) < sizeof bytes) return true;
  }
}

}  // namespace coremachine::redis
