#include "core/store/postgres/postgres_store.hpp"

#include <chrono>
#include <mutex>
#include <utility>

#include "core/store/postgres/connection_pool.hpp"
#include "core/store/postgres/peers.hpp"
#include "core/store/postgres/reads.hpp"
#include "core/store/postgres/schema.hpp"
#include "core/store/postgres/writer.hpp"

namespace coremachine {
namespace {

using postgres::Connection;
using Urgency = postgres::ConnectionPool::Urgency;

class PostgresStore final : public Store {
  template <class Read>
  auto reading(const Read& read, Urgency urgency = Urgency::usual) const {
    try {
      return readers_.run(urgency, read);
    } catch (const postgres::PostgresError& error) {
      throw Failure(postgres::to_error(error, target_.location));
    }
  }

 public:
  explicit PostgresStore(PostgresOptions options)
      : target_(std::move(options.target)),
        writer_(target_, options.must_exist),
        readers_(target_),
        peers_(target_.server.empty() ? nullptr : std::make_unique<postgres::PostgresPeers>(target_)),
        begun_(std::move(options.begun)) {}

  Incarnation begin_incarnation() override {
    const auto incarnation = writer_.begin_incarnation();
    if (peers_) peers_->begin(incarnation);
    if (begun_) begun_(incarnation);
    return incarnation;
  }
  Peers* peers() const override { return peers_.get(); }
  CommitSequence last_commit() const override { return writer_.last_commit(); }
  Result<void> commit(const Batch& batch) override { return writer_.commit(batch); }
  std::uint64_t orphans(bool remove) override { return writer_.orphans(remove); }

  std::optional<StoredJob> read_job(JobId id) const override {
    return reading([&](Connection& from) { return postgres::read_job(from, id); });
  }
  std::optional<JobRow> read_row(JobId id) const override {
    return reading([&](Connection& from) { return postgres::read_row(from, id); });
  }
  JobSlice list_jobs(const JobFilter& filter) const override {
    return reading([&](Connection& from) { return postgres::list_jobs(from, filter); });
  }
  std::map<JobStatus, std::uint64_t> count_jobs() const override {
    return reading([](Connection& from) { return postgres::count_jobs(from); });
  }
  std::vector<RoundRow> latest_rounds(JobId job, int stage, std::size_t limit) const override {
    return reading([&](Connection& from) { return postgres::latest_rounds(from, job, stage, limit); });
  }
  std::optional<RoundRow> read_round(JobId job, RoundNumber round) const override {
    return reading([&](Connection& from) { return postgres::read_round(from, job, round); });
  }
  std::vector<StoredJob> read_unfinished(std::optional<JobId> after, std::size_t limit) const override {
    return reading([&](Connection& from) { return postgres::read_unfinished(from, after, limit); });
  }
  std::vector<DefinitionSegment> definition_heads(JobId job, RoundNumber round) const override {
    return reading([&](Connection& from) { return postgres::definition_heads(from, job, round); });
  }
  std::optional<DefinitionSegment> read_definitions(JobId job, RoundNumber round, ChunkNumber chunk) const override {
    return reading([&](Connection& from) { return postgres::read_definitions(from, job, round, chunk); });
  }
  std::vector<OutcomeSegment> read_outcomes(const OutcomeQuery& query) const override {
    return reading([&](Connection& from) { return postgres::read_outcomes(from, query); });
  }
  std::optional<OutcomeSegment> read_outcome(JobId job, RoundNumber round, ChunkNumber chunk,
                                             std::uint32_t sequence) const override {
    return reading([&](Connection& from) { return postgres::read_outcome(from, job, round, chunk, sequence); });
  }
  std::vector<ChunkOutcomes> count_outcomes(JobId job, const std::vector<RoundNumber>& rounds, ChunkNumber first,
                                            ChunkNumber last) const override {
    return reading([&](Connection& from) { return postgres::count_outcomes(from, job, rounds, first, last); });
  }
  std::vector<OutcomeSegment> told_failures(JobId job, RoundNumber round) const override {
    return reading([&](Connection& from) { return postgres::told_failures(from, job, round); });
  }

  std::vector<Setting> read_settings(const std::string& kind) const override {
    return reading([&](Connection& from) { return postgres::read_settings(from, kind); });
  }
  std::optional<SubmissionKey> find_key(const std::string& key) const override {
    return reading([&](Connection& from) { return postgres::find_key(from, key); });
  }
  std::vector<EndedJob> read_ended(std::optional<JobId> after, std::size_t limit) const override {
    const auto self = writer_.incarnation();
    return reading([&](Connection& from) { return postgres::read_ended(from, after, self, limit); });
  }
  bool is_referenced(const ArtifactId& artifact) const override {
    return reading([&](Connection& from) { return postgres::is_referenced(from, artifact); });
  }
  std::vector<ArtifactId> read_referenced(const std::optional<ArtifactId>& after, std::size_t limit) const override {
    return reading([&](Connection& from) { return postgres::read_referenced(from, after, limit); });
  }
  std::vector<ArtifactId> references_of(JobId job) const override {
    return reading([&](Connection& from) { return postgres::references_of(from, job); });
  }
  Released take_released() override { return writer_.take_released(); }
  bool has_garbage() const override {
    return reading([](Connection& from) { return postgres::has_garbage(from); });
  }

  StoreStats stats() const override {
    auto stats = reading([](Connection& from) { return postgres::read_stats(from); }, Urgency::thorough);
    stats.kind = "postgres";
    stats.location = target_.location;
    stats.bytes = bytes();
    return stats;
  }

  /// Whoever asks often is told what it was a moment ago; and what it was last, while the server is away.
  std::uint64_t bytes() const override {
    using Clock = std::chrono::steady_clock;
    constexpr std::chrono::seconds fresh{1};
    const std::lock_guard lock(bytes_mutex_);
    if (bytes_at_ && Clock::now() - *bytes_at_ < fresh) return bytes_;
    try {
      bytes_ =
          readers_.run(Urgency::once, [&](Connection& from) { return postgres::read_bytes(from, target_.schema); });
    } catch (const postgres::PostgresError&) {
      // The next one who needs an answer hears of it.
    }
    bytes_at_ = Clock::now();
    return bytes_;
  }

  std::vector<std::string> check_format() const override {
    return reading([&](Connection& from) { return postgres::check_schema(from, target_); }, Urgency::thorough);
  }

  Result<void> backup(const std::string&) const override {
    return Error{ErrorCode::invalid_argument,
                 "a store in PostgreSQL is backed up with PostgreSQL's own tools, also while it is in use: pg_dump "
                 "--schema=" +
                     target_.schema + ", or a base backup: artifacts are in it, too"};
  }

 private:
  const postgres::Target target_;
  postgres::Writer writer_;
  mutable postgres::ConnectionPool readers_;
  std::unique_ptr<postgres::PostgresPeers> peers_;
  const std::function<void(Incarnation)> begun_;
  mutable std::mutex bytes_mutex_;
  mutable std::uint64_t bytes_ = 0;
  mutable std::optional<std::chrono::steady_clock::time_point> bytes_at_ = {};
};

}  // namespace

Result<std::unique_ptr<Store>> open_postgres_store(PostgresOptions options) {
  const auto location = options.target.location;
  postgres::Attempts attempts(options.target.patience);
  std::optional<Error> why;
  while (attempts.again()) {
    try {
      return std::unique_ptr<Store>(std::make_unique<PostgresStore>(options));
    } catch (const postgres::PostgresError& error) {
      why = postgres::to_error(error, location);
      if (!error.may_pass()) return *why;
    } catch (const Failure& failure) {
      return failure.error();
    }
  }
  return *why;
}

}  // namespace coremachine
