#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/store/postgres/attempts.hpp"
#include "core/store/postgres/connection.hpp"

namespace coremachine::postgres {

/// A few connections, made when they are needed. Any thread may use one; who comes when all are out waits. One that was
/// lost is replaced, and what it was asked is asked again: it must come to the same if it is done twice.
class ConnectionPool {
 public:
  using Greet = std::function<void(Connection&)>;
  explicit ConnectionPool(const Target& target, Connection::Role role = Connection::Role::reader, Greet greet = {})
      : target_(target), role_(role), greet_(std::move(greet)) {}

  /// How long something may take and be tried.
  enum class Urgency : std::uint8_t {
    usual,     ///< as long as patience lasts
    once,      ///< one attempt
    thorough,  ///< goes through everything: an answer takes as long as it takes
  };

  /// Gives what `ask(connection)` does. Throws PostgresError when patience is used up.
  template <class Ask>
  auto run(Urgency urgency, const Ask& ask) {
    Attempts attempts(target_.patience);
    std::optional<PostgresError> why;
    while (attempts.again()) {
      try {
        Lease lease(*this);
        lease->bear_silence(urgency == Urgency::thorough ? Milliseconds{0} : target_.patience / silences());
        auto answer = ask(*lease);
        lease.keep();
        return answer;
      } catch (const PostgresError& error) {
        why = error;
        if (urgency == Urgency::once || !(error.means_lost() || error.may_pass())) break;
      }
    }
    throw PostgresError(*why);
  }

 private:
  static constexpr std::size_t limit = 4;

  /// A connection that was not kept is closed: nobody knows what state it is in.
  class Lease {
   public:
    explicit Lease(ConnectionPool& pool) : pool_(pool), connection_(pool.take()) {}
    ~Lease() {
      if (!keep_) pool_.lose(std::move(connection_));
      pool_.give_back(std::move(connection_));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection& operator*() { return *connection_; }
    Connection* operator->() { return connection_.get(); }
    void keep() { keep_ = true; }

   private:
    ConnectionPool& pool_;
    std::unique_ptr<Connection> connection_;
    bool keep_ = false;
  };

  /// Of patience, the part that a single answer may take. A read may be a long one; what writes is brief.
  int silences() const { return role_ == Connection::Role::writer ? 3 : 1; }
  std::unique_ptr<Connection> take();
  void lose(std::unique_ptr<Connection> connection);
  void give_back(std::unique_ptr<Connection> connection);

  const Target& target_;
  const Connection::Role role_;
  const Greet greet_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_ = {};
  std::size_t out_ = 0;
  std::vector<Session> lost_ = {};  ///< they may still write, and then hold what we need
};

/// Statements that see one state of the store. They go out with the first that is asked for.
class Snapshot {
 public:
  explicit Snapshot(Connection& connection);
  /// Must be called after the last one, unless something was thrown.
  void end();

 private:
  Connection& connection_;
};

}  // namespace coremachine::postgres
