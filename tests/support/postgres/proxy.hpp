#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace coremachine::support {

/// What goes wrong on the way between a client and a PostgreSQL server; once.
struct ProxyFault {
  enum class Way : std::uint8_t { to_server, to_client };
  enum class What : std::uint8_t {
    nothing,
    cut_before,  ///< the message is not passed on, and both sides are hung up on
    cut_after,   ///< it is, and then they are
    half_open,   ///< from it on nothing is passed on in either direction, and nobody is told
  };
  Way way = Way::to_server;
  What what = What::cut_before;
  int message = 1;  ///< the n-th from now on
};

/// Stands between clients and a server's socket, and knows where messages of PostgreSQL's protocol begin. Clients must
/// not ask for encryption: `sslmode=disable&gssencmode=disable`.
class PostgresProxy {
 public:
  explicit PostgresProxy(std::string server_socket);
  ~PostgresProxy();
  PostgresProxy(const PostgresProxy&) = delete;
  PostgresProxy& operator=(const PostgresProxy&) = delete;

  /// For the place of the host in a URL, with what else the URL needs after its `?`.
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  static std::string parameters() { return "sslmode=disable&gssencmode=disable"; }

  void arm(ProxyFault fault);
  /// Whether that fault has happened; if not, it does not any more.
  bool disarm();
  /// From now on each message is lost with its connection one time in `one_in`, or waits a little; 0: no more.
  void storm(std::uint64_t seed, unsigned one_in);
  /// Who connects is hung up on, and so are those who are connected: nothing goes through when this returns.
  void refuse(bool all);
  std::uint64_t cuts() const { return cuts_.load(); }

 private:
  struct Link;
  void accept_clients();
  void serve(int client, int server);
  bool pump(Link& link, ProxyFault::Way way);
  ProxyFault::What verdict(ProxyFault::Way way);

  const std::string server_socket_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> ending_ = false;
  std::atomic<bool> refusing_ = false;
  std::atomic<std::uint64_t> generation_ = 0;
  std::atomic<int> links_ = 0;
  std::atomic<std::uint64_t> cuts_ = 0;
  std::mutex mutex_;
  std::optional<ProxyFault> armed_ = {};
  unsigned one_in_ = 0;
  std::mt19937_64 dice_{1};
  std::vector<std::thread> threads_ = {};
  std::thread acceptor_;
};

}  // namespace coremachine::support
