#include "core/store/postgres/writer.hpp"

#include <string_view>
#include <utility>

#include "core/store/postgres/attempts.hpp"
#include "core/store/postgres/batch_writer.hpp"
#include "core/store/postgres/schema.hpp"

namespace coremachine::postgres {
namespace {

constexpr char take_lock[] = "SELECT pg_try_advisory_lock(hashtextextended('coremachine store ' || $1, 0))";
constexpr char take_shared_lock[] =
    "SELECT pg_try_advisory_lock_shared(hashtextextended('coremachine store ' || $1, 0)) AND "
    "pg_try_advisory_lock(hashtextextended('coremachine server ' || $2 || ' of ' || $1, 0))";
constexpr char holder_of_lock[] =
    "SELECT a.pid, coalesce(a.client_addr::text, 'this machine'), a.backend_start::timestamptz(0)::text "
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid), hashtextextended('coremachine store ' || $1, 0) key "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND l.classid::bigint = (key >> 32 & 4294967295) AND l.objid::bigint = (key & 4294967295)";

constexpr char last_batch[] =
    "SELECT last_batch FROM server WHERE last_batch IS NOT NULL ORDER BY incarnation DESC LIMIT 1";
constexpr char state_of_server[] = "SELECT fenced, last_batch FROM server WHERE incarnation = $1";
// Once this is durable, so is everything before it, also on a standby that commits wait for.
constexpr char touch_server[] = "UPDATE server SET last_batch = last_batch WHERE incarnation = $1";

constexpr char lock_servers[] = "SELECT pg_advisory_xact_lock(hashtextextended('coremachine servers of ' || $1, 0))";
constexpr char fence_servers[] =
    "UPDATE server SET fenced = true, fenced_at = now() WHERE NOT fenced AND ($1 = '' OR name = $1)";
constexpr char forget_servers[] =
    "DELETE FROM server WHERE fenced AND incarnation < (SELECT max(incarnation) FROM server) - 1000 "
    "AND incarnation < (SELECT max(incarnation) FROM server WHERE last_batch IS NOT NULL)";
constexpr char add_server[] =
    "INSERT INTO server (incarnation, name) VALUES (nextval('incarnation'), $1) RETURNING incarnation";

/// How long a process that has just ended may still seem to have the store.
constexpr Milliseconds patience_for_lock{3'000};
/// Of the patience with a server, the part that a single answer may take.
constexpr int silences = 3;

}  // namespace

Writer::Writer(const Target& target, bool must_exist) : target_(target) {
  auto& connection = connected();
  take_store(connection);
  prepare_schema(connection, target_, must_exist);
  auto last = connection.query(last_batch);
  if (last.next()) last_commit_ = last.as<CommitSequence>(0);
}

void Writer::take_store(Connection& connection) {
  Attempts attempts(patience_for_lock);
  while (attempts.again()) {
    if (try_lock(connection)) return;
  }
  auto holder = connection.query(holder_of_lock, target_.schema);
  auto message = target_.location + " is in use by another process";
  if (holder.next()) {
    message += ": on " + holder.string(1) + ", connected since " + holder.string(2) + ", session " + holder.string(0) +
               " of the server";
  }
  throw Failure(Error{ErrorCode::store_locked, std::move(message)});
}

Connection& Writer::connected() {
  if (connection_) return *connection_;
  auto connection = std::make_unique<Connection>(target_, Connection::Role::writer);
  connection->bear_silence(target_.patience / silences);
  end_lost_session(*connection);
  introduce(*connection);
  connection_ = std::move(connection);
  return *connection_;
}

/// What a lost session has begun it may still go on with, and it holds what the next one needs.
void Writer::end_lost_session(Connection& by) {
  by.end_sessions(lost_);
}

/// It takes a moment until the lock of a lost session is free. Until then nothing but the fence keeps others out, and
/// that is what counts: the lock only spares people who start a second server by mistake.
void Writer::hold_lock() {
  if (holds_lock_) return;
  try_lock(*connection_);
}

bool Writer::try_lock(Connection& connection) {
  auto taken = target_.server.empty() ? connection.query(take_lock, target_.schema)
                                      : connection.query(take_shared_lock, target_.schema, target_.server);
  return holds_lock_ = taken.next() && taken.flag(0);
}

void Writer::introduce(Connection& connection) {
  if (incarnation_ != 0) connection.introduce(incarnation_);
}

void Writer::lose() {
  if (!connection_) return;
  constexpr std::size_t most = 16;
  if (lost_.size() < most) lost_.push_back(connection_->session());
  connection_.reset();
  holds_lock_ = false;
}

Error Writer::fail(Error error) {
  error.code = ErrorCode::store_failed;
  failed_ = error;
  return error;
}

Incarnation Writer::begin_incarnation() {
  const std::lock_guard lock(mutex_);
  if (failed_) throw Failure(*failed_);
  Attempts attempts(target_.patience);
  std::optional<Error> why;
  while (attempts.again()) {
    try {
      auto& connection = connected();
      connection.add(lock_servers, target_.schema);
      connection.add(fence_servers, target_.server);
      connection.add(forget_servers);
      auto begun = connection.query(add_server, target_.server);
      begun.next();
      lost_.clear();
      incarnation_ = begun.as<Incarnation>(0);
      introduce(connection);
      return incarnation_;
    } catch (const PostgresError& error) {
      why = to_error(error, target_.location);
      if (error.means_lost()) lose();
      if (!error.means_lost() && !error.may_pass()) break;
    }
  }
  throw Failure(*why);
}

Result<void> Writer::commit(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  if (failed_) return *failed_;
  Attempts attempts(target_.patience);
  std::optional<Error> why;
  bool doubtful = false;    // it may have been written
  bool lacks_room = false;  // of memory or connections: there may be some later
  while (attempts.again()) {
    try {
      connected();
      hold_lock();
      write(batch);
      return {};
    } catch (const PostgresError& error) {
      why = to_error(error, target_.location);
      lacks_room = error.sqlstate().starts_with("53");
      if (error.means_lost()) {
        doubtful = doubtful || connection_;
        lose();
        continue;
      }
      if (error.sqlstate() == fence_error) {
        if (auto answer = after_refusal(batch)) return std::move(*answer);
        continue;
      }
      // The server has undone it; and what an earlier attempt may have left behind would have been met first.
      if (connection_) doubtful = false;
      if (error.means_full()) return *why;
      if (!error.may_pass()) break;
    }
  }
  if (!doubtful && lacks_room) return Error{ErrorCode::store_full, why->message};
  if (doubtful) why->message += "; whether the last batch was written is not known";
  return fail(*why);
}

void Writer::write(const Batch& batch) {
  auto released = write_batch(*connection_, batch);
  released_.add(released);
  last_commit_ = batch.sequence;
  lost_.clear();
}

/// Either another server has taken over, or the batch is there already: an answer was lost.
std::optional<Result<void>> Writer::after_refusal(const Batch& batch) {
  try {
    auto state = connection_->query(state_of_server, batch.incarnation);
    const bool known = state.next();
    if (!known || state.flag(0)) {
      return Result<void>(Error{ErrorCode::store_failed, "another server has taken over " + target_.location});
    }
    if (state.is_null(1) || state.as<CommitSequence>(1) != batch.sequence) return std::nullopt;
    connection_->query(touch_server, batch.incarnation);
  } catch (const PostgresError& error) {
    if (!error.means_lost() && !error.may_pass()) return Result<void>(fail(to_error(error, target_.location)));
    if (error.means_lost()) lose();
    return std::nullopt;
  }
  if (batch.sweep > 0) released_.forget();
  last_commit_ = batch.sequence;
  lost_.clear();
  return Result<void>();
}

std::uint64_t Writer::orphans(bool remove) {
  static constexpr const char* finds[] = {
#define COREMACHINE_ORPHANS(table)                                                                  \
  " FROM " table                                                                                    \
  " t WHERE NOT EXISTS (SELECT 1 FROM job WHERE id = t.job) AND NOT EXISTS (SELECT 1 FROM garbage " \
  "WHERE job = t.job)"
#define COREMACHINE_LOST_PIECES                                                                     \
  " FROM artifact_piece t WHERE NOT EXISTS (SELECT 1 FROM artifact WHERE content = t.content) AND " \
  "NOT EXISTS (SELECT 1 FROM artifact_loose WHERE content = t.content)"
#define COREMACHINE_LOST_RECORDS \
  " FROM job_output_record t WHERE NOT EXISTS (SELECT 1 FROM job_output WHERE number = t.output)"
      "SELECT count(*)" COREMACHINE_ORPHANS("round"),   "SELECT count(*)" COREMACHINE_ORPHANS("definition"),
      "SELECT count(*)" COREMACHINE_ORPHANS("outcome"), "SELECT count(*)" COREMACHINE_ORPHANS("artifact_reference"),
      "SELECT count(*)" COREMACHINE_LOST_PIECES,        "SELECT count(*)" COREMACHINE_LOST_RECORDS};
  static constexpr const char* removes[] = {
      "DELETE" COREMACHINE_ORPHANS("round"),   "DELETE" COREMACHINE_ORPHANS("definition"),
      "DELETE" COREMACHINE_ORPHANS("outcome"), "DELETE" COREMACHINE_ORPHANS("artifact_reference"),
      "DELETE" COREMACHINE_LOST_PIECES,        "DELETE" COREMACHINE_LOST_RECORDS};
#undef COREMACHINE_LOST_RECORDS
#undef COREMACHINE_LOST_PIECES
#undef COREMACHINE_ORPHANS
  const std::lock_guard lock(mutex_);
  if (failed_) throw Failure(*failed_);
  try {
    auto& connection = connected();
    connection.bear_silence(Milliseconds{0});  // it reads everything
    for (const auto* find : finds) connection.add(find);
    if (remove) {
      for (const auto* each : removes) connection.add(each);
    }
    auto answers = connection.run();
    connection.bear_silence(target_.patience / silences);
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < std::size(finds); ++i) found += answers[i].next() ? answers[i].as<std::uint64_t>(0) : 0;
    return found;
  } catch (const PostgresError& error) {
    lose();
    throw Failure(to_error(error, target_.location));
  }
}

}  // namespace coremachine::postgres
