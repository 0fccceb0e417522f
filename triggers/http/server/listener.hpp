#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "triggers/http/server/loop.hpp"

namespace coremachine::http {

/// Takes connections and gives them to the loops in turn. It is on the first of them.
///
/// Beyond `most` connections a few more are taken, to be told 503; beyond those none, until one is gone. When the
/// system has no more descriptors it waits a moment, or until one is gone.
class Listener {
 public:
  Listener(Service& service, const std::vector<std::unique_ptr<Loop>>& loops, std::size_t most);

  /// Binds. invalid_argument says what is wrong with the address.
  Result<BoundAddress> open(const std::string& address);

  // Any thread; the loops run.

  void start();
  void close();
  /// A connection is gone.
  void on_room();

 private:
  void wait();
  void take_all();
  bool take_one();
  void pause();

  Service& service_;
  const std::vector<std::unique_ptr<Loop>>& loops_;
  const std::size_t most_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer timer_;
  std::size_t next_ = 0;
  bool closed_ = false;
  std::atomic<bool> paused_{false};
  bool complained_ = false;
};

}  // namespace coremachine::http
