#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/queue/redis_address.hpp>

#include "core/queue/redis/reply.hpp"
#include "core/queue/redis/tls.hpp"

namespace coremachine::redis {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

/// Why a connection is none.
struct LinkFault {
  bool not_allowed = false;  ///< a wrong password, or a user who may not do that
  std::string what = {};
};

/// One connection to a Redis, made of steps that never wait: its owner polls the descriptor and calls `step`. Commands
/// are written in the order in which they were given, as many at once as there are, and answered in that order. One
/// thread at a time; a handler may send.
class Link {
 public:
  using OnReply = std::function<void(const Reply&)>;
  using Args = std::initializer_list<std::string_view>;

  /// `name` is how Redis lists the connection.
  Link(RedisAddress address, std::string name);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Begins to connect; after `connect_limit` that has failed. May wait for the name of the host to be resolved.
  void open(Time now);
  void close();
  bool is_open() const { return context_ != nullptr; }
  /// Connected, logged in, and commands go through.
  bool is_up() const { return up_; }
  /// Why it is not open; empty while nothing went wrong.
  const LinkFault& fault() const { return fault_; }

  /// What a poll should wait for on `fd`.
  int fd() const;
  short events() const;
  /// When `step` is due even if nothing happens on the descriptor.
  std::optional<Time> deadline() const {
    return up_ || !is_open() ? std::nullopt : std::optional(opened_ + connect_limit);
  }
  /// Reads and writes what can be had, and calls handlers. False: the connection is lost, and handlers that still
  /// waited were dropped.
  bool step(Time now);

  /// Handlers of commands that were sent before the connection was up are called as well. Not while it is closed.
  void send(Args args, OnReply then = {});
  void send(const std::vector<std::string_view>& args, OnReply then = {});
  /// Writes what was sent without waiting for a poll. Errors show in the next step.
  void flush();
  std::size_t unanswered() const { return waiting_.size(); }

  // Of the Redis it is, or was last, connected to.
  const std::string& run_id() const { return run_id_; }
  long long client_id() const { return client_id_; }

  static constexpr std::chrono::milliseconds connect_limit{5'000};
  /// A Redis that owes an answer and says nothing for so long is lost. No command waits for longer by itself.
  static constexpr std::chrono::milliseconds silence_limit{10'000};

 private:
  struct Free {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  void greet();
  void check(const Reply& reply, const char* what);
  bool lose(std::string what);
  bool lose_tls();
  bool read_replies();
  void append(const std::string_view* args, std::size_t count, OnReply then);
  bool write_out();
  bool put(std::string& bytes);
  bool feed(std::string_view bytes);

  const RedisAddress address_;
  const std::string name_;
  std::unique_ptr<redisContext, Free> context_;
  std::deque<OnReply> waiting_;
  LinkFault fault_;
  std::optional<LinkFault> refused_;  ///< during the greeting
  Time opened_{};
  Time heard_{};  ///< when Redis last said something, or was asked after it had answered everything
  bool connected_ = false;
  bool up_ = false;
  std::unique_ptr<Tls> tls_ = {};  ///< none: plain
  std::string out_ = {};           ///< to be said
  std::string wire_ = {};          ///< with TLS: to be written
  std::size_t written_ = 0;        ///< bytes of what is to be written
  std::string run_id_;
  long long client_id_ = 0;
};

}  // namespace coremachine::redis
