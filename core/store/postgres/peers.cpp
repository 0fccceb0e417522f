#include "core/store/postgres/peers.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include <pthread.h>

#include "core/store/postgres/params.hpp"
#include "core/store/postgres/rows.hpp"

namespace coremachine::postgres {
namespace {

constexpr char say_alive[] = "UPDATE server SET beats = beats + 1 WHERE incarnation = $1 AND NOT fenced RETURNING 1";
constexpr char others_alive[] =
    "SELECT incarnation, name, beats || '-' || coalesce(last_batch, 0) FROM server "
    "WHERE NOT fenced AND incarnation <> $1 ORDER BY incarnation";
// First its connections: what it has begun to write holds its row.
constexpr char end_sessions[] =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name = 'coremachine ' || $1::text AND pid <> pg_backend_pid()";
constexpr char fence_server[] =
    "UPDATE server SET fenced = true, fenced_at = now() WHERE incarnation = $1 AND NOT fenced";
// Where a job is changes with its row, and with each outcome and definition. Who commits is waited for, or finds itself
// fenced; what it wrote while it was waited for counts the next time.
constexpr char fence_dead_server[] =
    "WITH dead AS (UPDATE server SET fenced = true, fenced_at = now() WHERE incarnation = $1 AND NOT fenced "
    "RETURNING incarnation), had AS (SELECT j.id, md5(j.state) || '-' || (SELECT count(*) FROM outcome WHERE job = "
    "j.id) || '-' || (SELECT count(*) FROM definition WHERE job = j.id) AS place FROM job j JOIN dead ON j.owner = "
    "dead.incarnation WHERE j.status = 'running') INSERT INTO takeover (job, deaths, place) SELECT id, 1, place FROM "
    "had ON CONFLICT (job) DO UPDATE SET place = excluded.place, deaths = CASE WHEN takeover.place = excluded.place "
    "THEN takeover.deaths + 1 ELSE 1 END";
constexpr char forget_takeovers[] =
    "DELETE FROM takeover t WHERE NOT EXISTS (SELECT 1 FROM job WHERE id = t.job AND status IN ('running', 'paused'))";
#define COREMACHINE_LEFT                                                                                         \
  " JOIN unnest($2::text[], $3::text[]) AS kind(type, version) ON j.type = kind.type AND j.version = "           \
  "kind.version WHERE j.status IN ('scheduled', 'queued', 'running', 'paused', 'cancelling') AND j.owner <> $1 " \
  "AND NOT EXISTS (SELECT 1 FROM server WHERE incarnation = j.owner AND NOT fenced)"
// What a server of the same name ran when it died this one knows itself, and counts.
constexpr char left_jobs[] = "SELECT j.id FROM job j" COREMACHINE_LEFT
                             " AND (NOT EXISTS (SELECT 1 FROM takeover WHERE job = j.id AND deaths > 1) OR EXISTS "
                             "(SELECT 1 FROM server old JOIN server self USING (name) WHERE self.incarnation = $1 AND "
                             "old.incarnation = j.owner)) "
                             "ORDER BY j.id LIMIT $4";
constexpr char left_suspect[] =
    "SELECT j.id, t.deaths FROM job j JOIN takeover t ON t.job = j.id AND t.deaths > 1" COREMACHINE_LEFT
    " ORDER BY t.deaths DESC, random() LIMIT 1";
// One of these that is ours already was taken by the same request, whose answer was lost.
constexpr char take_jobs[] =
    "UPDATE job SET owner = $1 WHERE id IN (SELECT j.id FROM job j WHERE j.id = ANY($2::text[]) AND (j.owner = $1 "
    "OR NOT EXISTS (SELECT 1 FROM server WHERE incarnation = j.owner AND NOT fenced)) ORDER BY j.id FOR UPDATE) "
    "AND EXISTS (SELECT 1 FROM server WHERE incarnation = $1 AND NOT fenced) RETURNING id";
// A job that is over and whose machine has gone is the one's that asks, so that one alone may take it up again.
constexpr char claim_ended[] =
    "UPDATE job SET owner = $2 WHERE id IN (SELECT j.id FROM job j WHERE j.id = ANY($1::text[]) AND j.owner <> $2 "
    "AND j.status IN ('completed', 'completed_with_errors', 'failed', 'dead', 'cancelled') "
    "AND NOT EXISTS (SELECT 1 FROM server WHERE incarnation = j.owner AND NOT fenced) ORDER BY j.id FOR UPDATE)";
constexpr char owners_of[] =
    "SELECT j.id, j.owner, EXISTS (SELECT 1 FROM server WHERE incarnation = j.owner AND NOT fenced), "
    "j.status IN ('completed', 'completed_with_errors', 'failed', 'dead', 'cancelled') "
    "FROM job j WHERE j.id = ANY($1::text[]) AND j.owner <> $2";
constexpr char put_message[] =
    "WITH put AS (INSERT INTO message (receiver, sender, body) VALUES ($1, $2, $3) RETURNING receiver) "
    "SELECT pg_notify('cm_' || left(md5(current_schema()), 16) || '_' || receiver::text, '') FROM put";
constexpr char name_of_channel[] = "SELECT 'cm_' || left(md5(current_schema()), 16) || '_' || $1::bigint::text";
// What was taken goes with the next look: what is deleted as it is read is lost with the connection.
constexpr char next_messages[] =
    "WITH gone AS (DELETE FROM message WHERE id = ANY($2::text[]::bigint[])) "
    "SELECT id, sender, body FROM message WHERE receiver = $1 AND id <> ALL($2::text[]::bigint[]) ORDER BY id";
constexpr char forget_messages[] =
    "DELETE FROM message WHERE NOT EXISTS (SELECT 1 FROM server WHERE incarnation = receiver AND NOT fenced)";
constexpr char hasty[] = "SELECT set_config('synchronous_commit', 'off', false)";

/// How long a notification is waited for before one looks all the same.
constexpr Milliseconds look_every{5'000};

std::pair<ArrayParam, ArrayParam> columns_of(const std::vector<Peers::JobKind>& kinds) {
  std::pair<ArrayParam, ArrayParam> columns;
  for (const auto& [type, version] : kinds) {
    columns.first.put(type);
    columns.second.put(version);
  }
  return columns;
}

}  // namespace

/// What went wrong with a connection is tried once more on a new one.
template <class Ask>
auto PostgresPeers::Line::ask(const Ask& ask) {
  const std::lock_guard lock(mutex_);
  for (int attempt = 1;; ++attempt) {
    try {
      if (!connection_) {
        connection_ = std::make_unique<Connection>(target_, Connection::Role::writer);
        connection_->query(hasty);
      }
      return ask(*connection_);
    } catch (const PostgresError& error) {
      if (error.means_lost()) connection_.reset();
      if (attempt == 2 || !(error.means_lost() || error.may_pass())) throw Failure(to_error(error, target_.location));
    }
  }
}

PostgresPeers::~PostgresPeers() {
  left_ = true;
  if (wake_ >= 0) {
    const std::uint64_t one = 1;
    (void)!::write(wake_, &one, sizeof one);
  }
  if (listener_.joinable()) listener_.join();
  if (wake_ >= 0) ::close(wake_);
}

Peers::Round PostgresPeers::beat(Milliseconds term) {
  return duty_.ask([&](Connection& by) {
    Round round;
    if (!by.query(say_alive, self_).next()) {
      round.fenced = true;
      return round;
    }
    const auto now = Clock::now();
    // Who could not look for a while itself, or was stopped, cannot tell who was silent meanwhile.
    if (now - last_beat_ > term * 2 / 5) seen_.clear();
    last_beat_ = now;
    std::map<Incarnation, Seen> seen;
    auto others = by.query(others_alive, self_);
    std::vector<Peer> gone;
    while (others.next()) {
      Peer peer{others.as<Incarnation>(0), others.string(1)};
      Seen sign{others.string(2), now};
      const auto known = seen_.find(peer.incarnation);
      if (known != seen_.end() && known->second.sign == sign.sign) sign.since = known->second.since;
      const bool silent = now - sign.since > term * 3 / 5;
      seen.emplace(peer.incarnation, std::move(sign));
      if (silent) {
        gone.push_back(std::move(peer));
        continue;
      }
      round.first = round.first && peer.incarnation > self_;
      round.alive.push_back(std::move(peer));
    }
    seen_ = std::move(seen);
    for (const auto& peer : gone) fence(by, peer.incarnation);
    return round;
  });
}

void PostgresPeers::fence(Connection& by, Incarnation peer) {
  by.query(end_sessions, std::to_string(peer));
  by.query(fence_dead_server, peer);
  by.query(forget_takeovers);
  // And one that began before it was fenced, and has seen that it was not.
  by.query(end_sessions, std::to_string(peer));
  by.query(forget_messages);
  seen_.erase(peer);
}

std::vector<JobId> PostgresPeers::take_over(const std::vector<JobKind>& kinds, std::size_t limit) {
  if (kinds.empty()) return {};
  auto [types, versions] = columns_of(kinds);
  auto left = duty_.ask([&](Connection& by) {
    ArrayParam ids;
    auto rows = by.query(left_jobs, self_, types, versions, static_cast<std::int64_t>(limit));
    while (rows.next()) ids.put(rows.view(0));
    return ids;
  });
  return left.size() == 0 ? std::vector<JobId>() : take(left);
}

std::optional<Peers::Suspect> PostgresPeers::take_suspect(const std::vector<JobKind>& kinds) {
  if (kinds.empty()) return std::nullopt;
  auto [types, versions] = columns_of(kinds);
  std::uint32_t deaths = 0;
  auto left = duty_.ask([&](Connection& by) {
    ArrayParam ids;
    auto rows = by.query(left_suspect, self_, types, versions);
    if (rows.next()) {
      ids.put(rows.view(0));
      deaths = rows.as<std::uint32_t>(1);
    }
    return ids;
  });
  const auto taken = left.size() == 0 ? std::vector<JobId>() : take(left);
  return taken.empty() ? std::nullopt : std::optional(Suspect{taken.front(), deaths});
}

/// Those of these that nobody else has taken meanwhile.
std::vector<JobId> PostgresPeers::take(ArrayParam& ids) {
  return duty_.ask([&](Connection& by) {
    std::vector<JobId> taken;
    auto rows = by.query(take_jobs, self_, ids);
    while (rows.next()) {
      if (const auto id = JobId::parse(rows.view(0))) taken.push_back(*id);
    }
    return taken;
  });
}

void PostgresPeers::leave() {
  left_ = true;
  duty_.ask([&](Connection& by) {
    by.query(fence_server, self_);
    by.query(forget_messages);
    return true;
  });
}

std::map<JobId, Incarnation> PostgresPeers::owners_elsewhere(const std::vector<JobId>& jobs) const {
  return asks_.ask([&](Connection& by) {
    std::map<JobId, Incarnation> owners;
    ArrayParam ids, ended;
    for (const auto job : jobs) ids.put(job.str());
    const auto look = [&](ArrayParam& at, bool and_note) {
      auto rows = by.query(owners_of, at, self_);
      while (rows.next()) {
        if (rows.flag(2)) {
          if (const auto id = JobId::parse(rows.view(0))) owners.emplace(*id, rows.as<Incarnation>(1));
        } else if (and_note && rows.flag(3)) {
          ended.put(rows.view(0));
        }
      }
    };
    look(ids, true);
    if (ended.size() == 0) return owners;
    // Whoever else asks at this moment may be the one that gets them.
    by.query(claim_ended, ended, self_);
    look(ended, false);
    return owners;
  });
}

void PostgresPeers::send(Incarnation to, std::string_view message) {
  sends_.ask([&](Connection& by) {
    by.query(put_message, to, self_, std::string(message));
    return true;
  });
}

void PostgresPeers::listen(std::function<void(Incarnation from, std::string message)> take) {
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  listener_ = std::thread([this, take = std::move(take)] { receive(take); });
}

void PostgresPeers::receive(const Take& take) {
  ::pthread_setname_np(::pthread_self(), "cm-messages");
  while (!left_) {
    try {
      Connection line(target_, Connection::Role::writer);
      line.query(hasty);
      auto channel = line.query(name_of_channel, self_);
      channel.next();
      line.execute("LISTEN " + channel.string(0));
      while (!left_) {
        if (!take_messages(line, take)) line.wait_for_notice(wake_, look_every);
      }
    } catch (const PostgresError&) {
      // The server is away for a moment; messages wait there, or went with it.
      if (!left_) std::this_thread::sleep_for(Milliseconds{100});
    }
  }
}

/// True if there were some.
bool PostgresPeers::take_messages(Connection& line, const Take& take) {
  auto taken = texts_of(taken_);
  auto rows = line.query(next_messages, self_, taken);
  taken_.clear();
  while (rows.next()) {
    taken_.push_back(rows.string(0));
    take(rows.as<Incarnation>(1), rows.string(2));
  }
  return !taken_.empty();
}

}  // namespace coremachine::postgres
