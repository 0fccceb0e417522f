#include "triggers/http/server/loop.hpp"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include <pthread.h>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include "triggers/http/server/connection.hpp"
#include "triggers/http/server/exchange.hpp"

namespace coremachine::http {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kept_buffer = 256 * 1024;

/// How coarse the time limits may be: nobody minds an eighth, and nobody a quarter of a second.
std::chrono::milliseconds tick_of(const ServerLimits& limits) {
  const auto shortest =
      std::min({limits.head, limits.body, limits.idle, limits.write, limits.half_closed, limits.linger});
  return std::clamp(shortest / 8, std::chrono::milliseconds{1}, std::chrono::milliseconds{250});
}

}  // namespace

Loop::Loop(Service& service)
    : service_(service),
      tick_(tick_of(service.options.limits)),
      deadlines_(service.options.limits),
      mailbox_(std::make_shared<Mailbox>([this] { asio::post(context_, [this] { deliver(); }); })) {}

Loop::~Loop() {
  stop();
}

void Loop::start() {
  thread_ = std::thread([this] { run(); });
}

void Loop::run() {
  ::pthread_setname_np(::pthread_self(), "cm-http");
  mailbox_->read_here();
  await_sockets();
  for (;;) {
    try {
      context_.run();
      return;
    } catch (const std::exception& error) {
      go_on_after(error);
    }
  }
}

void Loop::go_on_after(const std::exception& error) {
  service_.log(Severity::error, std::string("an I/O thread of the HTTP server goes on after: ") + error.what());
}

void Loop::adopt(int socket, std::string peer, bool surplus) {
  asio::dispatch(context_, [this, socket = Socket(socket), peer = std::move(peer), surplus]() mutable {
    open(std::move(socket), std::move(peer), surplus);
  });
}

void Loop::open(Socket socket, std::string peer, bool surplus) {
  std::shared_ptr<Connection> connection;
  try {
    const int fd = socket.fd();
    connection = std::make_shared<Connection>(*this, std::move(socket), std::move(peer), surplus);
    connections_.insert(connection);
    sockets_.watch(fd, connection.get());
  } catch (const std::exception& error) {
    service_.log(Severity::error, std::string("a connection cannot be taken: ") + error.what());
    connections_.erase(connection);
    Counters::subtract(service_.counters.connections);
    service_.on_connection_gone();
    return;
  }
  stopped_ ? connection->close() : connection->turn();
}

void Loop::await_sockets() {
  sockets_.async_wait([this] {
    try {
      hand_out_changes();
    } catch (...) {
      await_sockets();
      throw;
    }
    await_sockets();
  });
}

void Loop::hand_out_changes() {
  struct HandingOut {
    Loop& loop;
    ~HandingOut() {
      loop.handing_out_ = false;
      loop.gone_.clear();
    }
  };
  const HandingOut until_the_end{*this};
  handing_out_ = true;
  for (const auto& change : sockets_.take()) {
    try {
      static_cast<Connection*>(change.of)->changed(change);
    } catch (const std::exception& error) {
      go_on_after(error);
    }
  }
}

void Loop::forget(std::shared_ptr<Connection> connection) {
  connections_.erase(connection);
  if (handing_out_) gone_.push_back(std::move(connection));
  Counters::subtract(service_.counters.connections);
  service_.on_connection_gone();
}

void Loop::deliver() {
  std::vector<std::shared_ptr<Connection>> touched;
  for (auto& letter : mailbox_->take()) {
    letter.exchange->take(std::move(letter.content));
    auto* connection = letter.exchange->connection();
    if (connection && connection->touch()) touched.push_back(connection->shared_from_this());
  }
  for (const auto& waiting : mailbox_->take_rooms()) {
    const auto connection = waiting.lock();
    if (!connection) continue;
    connection->go_on_with_body();
    if (connection->touch()) touched.push_back(connection);
  }
  for (const auto& connection : touched) connection->turn();
}

void Loop::drain() {
  asio::post(context_, [this] {
    draining_ = true;
    const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
    for (const auto& connection : all) connection->drain();
  });
}

void Loop::stop() {
  if (!thread_.joinable()) return;
  asio::post(context_, [this] {
    stopped_ = true;
    deliver();
    const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
    for (const auto& connection : all) connection->close();
    mailbox_->close();
    sockets_.stop();
    timer_.cancel();
    guard_.reset();
  });
  thread_.join();
}

std::string_view Loop::date() {
  return date_.at(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
}

void Loop::give_back_buffer(std::string buffer) {
  if (buffer.capacity() > spare_buffer_.capacity() && buffer.capacity() <= kept_buffer) spare_buffer_.swap(buffer);
}

void Loop::begin_wait(Deadlines::Entry& entry, Wait wait) {
  const auto end = deadlines_.begin(entry, wait);
  if (end && (!timer_end_ || *end < *timer_end_ - tick_)) set_timer(*end);
}

void Loop::set_timer(Deadlines::Clock::time_point end) {
  timer_end_ = std::max(end, Deadlines::Clock::now() + tick_);
  timer_.expires_at(*timer_end_);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_timer();
  });
}

void Loop::on_timer() {
  timer_end_.reset();
  const auto now = Deadlines::Clock::now();
  while (auto* entry = deadlines_.over(now)) static_cast<Connection*>(entry)->out_of_time();
  if (const auto next = deadlines_.next(); next && !stopped_ && !timer_end_) set_timer(*next);
}

}  // namespace coremachine::http
