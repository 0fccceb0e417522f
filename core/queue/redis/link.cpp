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
  // What dies on the way without a word is found.
  if (address_.socket.empty()) redisEnableKeepAlive(made);
  greet();
}

void Link::close() {
  context_.reset();
  waiting_.clear();
  connected_ = up_ = false;
  out_.clear();
  written_ = 0;
}

bool Link::lose(std::string what) {
  if (!what.empty()) fault_ = {false, address_.str() + ": " + std::move(what)};
  close();
  return false;
}

int Link::fd() const {
  return context_ ? context_->fd : -1;
}

short Link::events() const {
  if (!context_) return 0;
  return static_cast<short>(POLLIN | (!out_.empty() || !connected_ ? POLLOUT : 0));
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
  waiting_.push_back(std::move(then));
}

/// False: the connection is broken.
bool Link::write_out() {
  while (written_ < out_.size()) {
    const auto put = ::send(context_->fd, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    written_ += static_cast<std::size_t>(put);
  }
  out_.clear();
  written_ = 0;
  if (out_.capacity() > most_kept) std::string().swap(out_);
  return true;
}

void Link::flush() {
  if (context_ && connected_ && !out_.empty()) write_out();
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
  if (!write_out()) return lose(std::strerror(errno));
  return read_replies();
}

bool Link::read_replies() {
  char bytes[read_at_once];
  for (;;) {
    const auto got = ::recv(context_->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (got < 0) return lose(std::strerror(errno));
    if (got == 0) return lose("Redis has closed the connection");
    redisReaderFeed(context_->reader, bytes, static_cast<std::size_t>(got));
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
    }
    if (static_cast<std::size_t>(got) < sizeof bytes) return true;
  }
}

}  // namespace coremachine::redis
