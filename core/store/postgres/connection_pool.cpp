#include "core/store/postgres/connection_pool.hpp"

namespace coremachine::postgres {
namespace {

constexpr char begin[] = "BEGIN";
constexpr char end_it[] = "COMMIT";

}  // namespace

std::unique_ptr<Connection> ConnectionPool::take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return !idle_.empty() || out_ < limit; });
  ++out_;
  std::unique_ptr<Connection> connection;
  if (!idle_.empty()) {
    connection = std::move(idle_.back());
    idle_.pop_back();
  }
  if (connection && lost_.empty()) return connection;
  auto lost = std::exchange(lost_, {});
  lock.unlock();
  try {
    if (!connection) {
      connection = std::make_unique<Connection>(target_, role_);
      if (greet_) greet_(*connection);
    }
    connection->end_sessions(lost);
    return connection;
  } catch (...) {
    lock.lock();
    lost_.insert(lost_.end(), lost.begin(), lost.end());
    lock.unlock();
    give_back(nullptr);
    throw;
  }
}

void ConnectionPool::lose(std::unique_ptr<Connection> connection) {
  constexpr std::size_t most = 16;
  if (role_ == Connection::Role::reader) return;
  const std::lock_guard lock(mutex_);
  if (lost_.size() < most) lost_.push_back(connection->session());
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection) {
  {
    const std::lock_guard lock(mutex_);
    --out_;
    // Where one was lost, those that were idle meanwhile are most likely lost too.
    if (connection) {
      idle_.push_back(std::move(connection));
    } else {
      idle_.clear();
    }
  }
  returned_.notify_one();
}

Snapshot::Snapshot(Connection& connection) : connection_(connection) {
  connection_.add(begin);
}

void Snapshot::end() {
  connection_.query(end_it);
}

}  // namespace coremachine::postgres
