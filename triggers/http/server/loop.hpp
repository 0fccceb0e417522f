#pragma once

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "triggers/http/server/deadlines.hpp"
#include "triggers/http/server/mailbox.hpp"
#include "triggers/http/server/service.hpp"
#include "triggers/http/server/sockets.hpp"
#include "triggers/http/wire/response_writer.hpp"

namespace coremachine::http {

class Connection;

/// One I/O thread and the connections that it has. A connection never changes its loop, so nothing of it is locked.
class Loop {
 public:
  explicit Loop(Service& service);
  ~Loop();

  // Any thread.

  void start();
  /// A connected socket that does not block, which is the loop's from now on.
  /// `surplus`: there are too many; it is told so.
  void adopt(int socket, std::string peer, bool surplus);
  /// Ends connections as they become idle, and streams at once.
  void drain();
  /// Closes everything and joins the thread.
  void stop();

  // Its own thread alone.

  boost::asio::io_context& context() { return context_; }
  Service& service() { return service_; }
  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }
  bool draining() const { return draining_; }
  std::string_view date();
  /// For one read; what is in it is gone with the next one.
  std::array<char, 65'536>& read_buffer() { return *read_buffer_; }
  /// A buffer to write into, and back: what is idle keeps none.
  std::string borrow_buffer() { return std::exchange(spare_buffer_, {}); }
  void give_back_buffer(std::string buffer);
  void begin_wait(Deadlines::Entry& entry, Wait wait);
  std::chrono::milliseconds limit(Wait wait) const { return deadlines_.limit(wait); }
  /// Before this socket is closed.
  void unwatch(int socket) { sockets_.forget(socket); }
  void forget(std::shared_ptr<Connection> connection);

 private:
  void run();
  void go_on_after(const std::exception& error);
  void open(Socket socket, std::string peer, bool surplus);
  void await_sockets();
  void hand_out_changes();
  void deliver();
  void set_timer(Deadlines::Clock::time_point end);
  void on_timer();

  Service& service_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{context_.get_executor()};
  Sockets sockets_{context_};
  boost::asio::steady_timer timer_{context_};
  std::optional<Deadlines::Clock::time_point> timer_end_ = {};
  const std::chrono::milliseconds tick_;  ///< no two looks at the deadlines within it
  Deadlines deadlines_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_set<std::shared_ptr<Connection>> connections_ = {};
  std::vector<std::shared_ptr<Connection>> gone_ = {};  ///< while changes are handed out: some may be of them
  DateText date_ = {};
  std::unique_ptr<std::array<char, 65'536>> read_buffer_ = std::make_unique<std::array<char, 65'536>>();
  std::string spare_buffer_ = {};
  bool handing_out_ = false;
  bool draining_ = false;
  bool stopped_ = false;
  std::thread thread_ = {};
};

}  // namespace coremachine::http
