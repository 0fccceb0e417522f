#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>

#include <coremachine/queue/redis_address.hpp>

namespace coremachine::support {

/// Stands between clients and a Redis and does to their messages what a network and a failover do, drawn from a seed:
/// commands that put something into Redis get lost (and are answered as if they had not been), are carried out twice,
/// or late; connections break, before or after what was sent was heard. Reordering follows from delay, as there are
/// several connections. Answers to reads get lost too, with their connection: Redis takes them for heard.
class RedisProxy {
 public:
  /// Of each thousand commands that put something there, or that read.
  struct Faults {
    unsigned lost = 0;
    unsigned twice = 0;
    unsigned late = 0;
    unsigned cut = 0;
    unsigned late_ms = 50;
    unsigned unread = 0;
  };
  /// Listens on a free port of 127.0.0.1.
  RedisProxy(std::string redis_socket, Faults faults, std::uint64_t seed);
  ~RedisProxy();
  RedisProxy(const RedisProxy&) = delete;
  RedisProxy& operator=(const RedisProxy&) = delete;

  RedisAddress address() const;
  std::uint64_t harmed() const { return harmed_; }
  /// From now on everything goes through as it is.
  void calm_down() { calm_ = true; }

 private:
  struct Pair;
  enum class Fate : std::uint8_t { pass, lose, twice, late, cut_before, cut_after };
  void run();
  bool from_client(Pair& pair);
  bool from_redis(Pair& pair);
  bool command(Pair& pair, std::string_view bytes, std::string_view name);
  Fate draw();

  const std::string socket_;
  const Faults faults_;
  std::mt19937_64 random_;
  int listener_ = -1;
  int stop_[2] = {-1, -1};
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> harmed_{0};
  std::atomic<bool> calm_{false};
  std::thread thread_;
};

}  // namespace coremachine::support
