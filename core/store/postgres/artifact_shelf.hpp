#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/ports/artifacts.hpp"
#include "core/store/postgres/connection_pool.hpp"
#include "core/store/postgres/postgres_artifacts.hpp"

namespace coremachine::postgres {

/// What the artifact store in PostgreSQL, its writers, readers and outputs share, and what outlives the store in them.
/// Any thread.
///
/// A pin is a row, which stays as long as somebody in this process has the pin, and a little longer: rows are removed
/// by `tidy`, so that to let go costs nothing. So are those of content that was not finished.
class ArtifactShelf : public std::enable_shared_from_this<ArtifactShelf> {
 public:
  using Urgency = ConnectionPool::Urgency;
  explicit ArtifactShelf(PostgresArtifactsOptions options);

  const Target& target() const { return options_.target; }
  Incarnation incarnation() const { return options_.incarnation; }
  Timestamp now() const { return options_.now(); }
  Milliseconds linger() const { return options_.linger; }
  std::optional<Error> broken() const;
  /// Why nothing can be written.
  std::optional<Error> refusal() const;
  /// A number that nobody else gets, in any life of a server; or the first of so many.
  std::int64_t next_number(std::size_t count = 1);

  /// Gives what `work(connection)` does, which may be done twice. The connection is none of those who commit.
  template <class Work>
  auto ask(const Work& work, Urgency urgency = Urgency::usual) -> Result<std::invoke_result_t<Work, Connection&>> {
    try {
      return pool_.run(urgency, [&](Connection& by) {
        if (options_.fault_point) options_.fault_point("before");
        auto answer = work(by);
        if (options_.fault_point) options_.fault_point("after");
        return answer;
      });
    } catch (const PostgresError& error) {
      return fault_of(error);
    }
  }
  /// The same for what writes: `work` begins with `add_fence`.
  template <class Work>
  auto write(const Work& work, Urgency urgency = Urgency::usual) -> Result<std::invoke_result_t<Work, Connection&>> {
    if (auto refused = refusal()) return std::move(*refused);
    return ask(work, urgency);
  }
  /// What is sent with this is not done if this server is fenced.
  void add_fence(Connection& by) const;

  /// Nothing: nobody here has it pinned.
  std::shared_ptr<const void> pinned_here(const ArtifactId& id);
  /// The pin whose row has this number.
  std::shared_ptr<const void> hold(const ArtifactId& id, std::int64_t number);
  /// The row of a pin that nobody has any more, or that may be there.
  void let_go(std::int64_t number);
  /// Content that will not be finished.
  void abandon(std::int64_t content);

  /// Removes the rows of what was let go and abandoned. When it returns success, those are gone that were before; else
  /// it is still known which they are, also if something was thrown.
  Result<void> tidy(Urgency urgency = Urgency::usual);
  /// Waits until there is something to tidy up, or for so long; false: `close` was called.
  bool wait_for_work(Milliseconds at_most);
  /// Waits for so long; false: `close` was called.
  bool rest(Milliseconds time);
  /// Who waits, or has a lot to do, ends soon.
  void close();
  bool is_closed() const;

 private:
  Error fault_of(const PostgresError& error);

  const PostgresArtifactsOptions options_;
  ConnectionPool pool_;
  std::atomic<std::int64_t> last_number_ = 0;
  std::mutex tidying_;  ///< taken before mutex_
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  std::optional<Error> broken_;
  std::unordered_map<ArtifactId, std::weak_ptr<const void>> holds_;
  std::vector<std::int64_t> released_;
  std::vector<std::int64_t> abandoned_;
};

}  // namespace coremachine::postgres
