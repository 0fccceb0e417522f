#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

#include "triggers/http/server/certificate.hpp"
#include "triggers/http/server/server.hpp"

namespace coremachine::http {

/// What is counted, by any thread.
struct Counters {
  std::atomic<std::uint64_t> connections{0};
  std::atomic<std::uint64_t> waiting{0};
  std::atomic<std::uint64_t> streams{0};
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> over_capacity{0};
  std::atomic<std::uint64_t> timed_out{0};
  std::atomic<std::uint64_t> cut_off{0};
  std::atomic<std::uint64_t> failed_handshakes{0};
  std::atomic<std::uint64_t> bytes_in{0};
  std::atomic<std::uint64_t> bytes_out{0};
  std::array<std::atomic<std::uint64_t>, 6> answers{};

  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t count = 1) {
    counter.fetch_add(count, std::memory_order_relaxed);
  }
  static void subtract(std::atomic<std::uint64_t>& counter) { counter.fetch_sub(1, std::memory_order_relaxed); }
  ServerStats read() const;
};

/// What all connections share. Any thread; it outlives the loops.
class Service {
 public:
  Service(ServerOptions with, Application of);

  const ServerOptions options;
  Counters counters = {};

  void log(Severity severity, const std::string& message) const noexcept;

  // The application, with defaults for what it leaves out. None of them throws: what it throws is logged, and what
  // comes back says 500.
  std::optional<Refusal> admit(const Request& head) const noexcept;
  std::uint64_t body_limit(const Request& head) const noexcept;
  std::shared_ptr<BodyTaker> receive(const Request& head) const noexcept;
  bool take(BodyTaker& taker, std::string piece) const noexcept;
  /// False if it threw; the reply is dropped or elsewhere then.
  bool handle(Request request, Reply reply) const noexcept;
  Response refuse(const Request* request, const Refusal& refusal) const noexcept;
  bool wants_answered() const noexcept;
  void answered(const Answered& what) const noexcept;
  /// Runs what the application left to be called.
  void call(const std::function<void()>& then, const char* what) const noexcept;

  /// The certificate for the next connection; null: plain.
  TlsContext tls() const;
  void set_tls(TlsContext context);

  /// Called with every connection that is gone.
  std::function<void()> on_connection_gone = {};

 private:
  const Application application_;
  mutable std::mutex mutex_;
  TlsContext tls_ = {};
};

}  // namespace coremachine::http
