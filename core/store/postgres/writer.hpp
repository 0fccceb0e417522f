#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/ports/store.hpp"
#include "core/store/postgres/connection.hpp"
#include "core/store/released_artifacts.hpp"

namespace coremachine::postgres {

/// The one connection that writes. It is made anew when it is lost, and what was under way is then looked up or done
/// again, as long as patience lasts. Any thread may call it; calls follow one another.
class Writer {
 public:
  /// Connects, takes the store for this process alone, or for a server of this name, and makes it fit for use.
  /// Throws PostgresError, or Failure: store_locked, and as `prepare_schema`.
  Writer(const Target& target, bool must_exist);

  Incarnation begin_incarnation();
  CommitSequence last_commit() const { return last_commit_.load(); }
  Incarnation incarnation() const { return incarnation_.load(); }
  Result<void> commit(const Batch& batch);
  std::uint64_t orphans(bool remove);
  Store::Released take_released() { return released_.take(); }

 private:
  Connection& connected();
  void lose();
  void end_lost_session(Connection& by);
  void introduce(Connection& connection);
  bool try_lock(Connection& connection);
  void take_store(Connection& connection);
  void hold_lock();
  void write(const Batch& batch);
  std::optional<Result<void>> after_refusal(const Batch& batch);
  Error fail(Error error);

  const Target& target_;
  std::mutex mutex_;
  std::unique_ptr<Connection> connection_ = {};
  std::vector<Session> lost_ = {};  ///< they may still run, and then hold what we need
  bool holds_lock_ = false;
  std::atomic<CommitSequence> last_commit_ = 0;
  std::atomic<Incarnation> incarnation_ = 0;
  ReleasedArtifacts released_;
  std::optional<Error> failed_ = {};  ///< why nothing is written any more
};

}  // namespace coremachine::postgres
