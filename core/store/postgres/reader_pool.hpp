#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "core/store/postgres/attempts.hpp"
#include "core/store/postgres/connection.hpp"

namespace coremachine::postgres {

/// A few connections that only read, made when they are needed. Any thread may use one; who comes when all are out
/// waits. One that was lost is replaced, and what it was asked is asked again: it changes nothing.
class ReaderPool {
 public:
  explicit ReaderPool(const Target& target) : target_(target) {}

  /// How long a read may take and be tried.
  enum class Urgency : std::uint8_t {
    usual,     ///< as long as patience lasts
    once,      ///< one attempt
    thorough,  ///< reads everything: an answer takes as long as it takes
  };

  /// Gives what `read(connection)` does. Throws PostgresError when patience is used up.
  template <class Read>
  auto run(Urgency urgency, const Read& read) {
    Attempts attempts(target_.patience);
    std::optional<PostgresError> why;
    while (attempts.again()) {
      try {
        Lease lease(*this);
        lease->bear_silence(urgency == Urgency::thorough ? Milliseconds{0} : target_.patience);
        auto answer = read(*lease);
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
    explicit Lease(ReaderPool& pool) : pool_(pool), connection_(pool.take()) {}
    ~Lease() { pool_.give_back(keep_ ? std::move(connection_) : nullptr); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection& operator*() { return *connection_; }
    Connection* operator->() { return connection_.get(); }
    void keep() { keep_ = true; }

   private:
    ReaderPool& pool_;
    std::unique_ptr<Connection> connection_;
    bool keep_ = false;
  };

  std::unique_ptr<Connection> take();
  void give_back(std::unique_ptr<Connection> connection);

  const Target& target_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_ = {};
  std::size_t out_ = 0;
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
