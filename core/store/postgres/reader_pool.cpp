#include "core/store/postgres/reader_pool.hpp"

namespace coremachine::postgres {
namespace {

constexpr char begin[] = "BEGIN";
constexpr char end_it[] = "COMMIT";

}  // namespace

std::unique_ptr<Connection> ReaderPool::take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return !idle_.empty() || out_ < limit; });
  ++out_;
  if (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    return connection;
  }
  lock.unlock();
  try {
    return std::make_unique<Connection>(target_, Connection::Role::reader);
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) {
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
