#include "core/store/postgres/postgres_artifacts.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

#include <boost/assert.hpp>

#include "core/store/postgres/artifact_content.hpp"
#include "core/store/postgres/artifact_removal.hpp"
#include "core/store/postgres/artifact_shelf.hpp"
#include "core/store/postgres/job_outputs.hpp"
#include "core/store/table_rows.hpp"

namespace coremachine {
namespace postgres {
namespace {

#define COREMACHINE_ARTIFACT_INFO "id, size, media_type, created_at"
constexpr char get_info[] = "SELECT " COREMACHINE_ARTIFACT_INFO ", content FROM artifact WHERE id = $1";
constexpr char get_page[] = "SELECT " COREMACHINE_ARTIFACT_INFO " FROM artifact WHERE id > $1 ORDER BY id LIMIT $2";
constexpr char tally[] = "SELECT coalesce(sum(count), 0)::bigint, coalesce(sum(bytes), 0)::bigint FROM artifact_tally";
// Who removes it is waited for, or waits; and then there is the pin.
constexpr char put_pin[] =
    "WITH found AS (UPDATE artifact SET last_pin = $2 WHERE id = $1 RETURNING " COREMACHINE_ARTIFACT_INFO
    "), pinned AS (INSERT INTO artifact_pin (number, artifact, incarnation) SELECT $2, id, $3 FROM found "
    "ON CONFLICT (number) DO NOTHING) SELECT " COREMACHINE_ARTIFACT_INFO " FROM found";

constexpr Milliseconds between_sweeps{60'000};
constexpr Milliseconds gathered_for{100};
constexpr Milliseconds after_failure{1'000};

ArtifactInfo read_info(const Rows& rows, const ArtifactId& id) {
  return {id, rows.as<std::uint64_t>(1), rows.string(2), rows.time(3)};
}

class PostgresArtifacts final : public ArtifactStore {
 public:
  explicit PostgresArtifacts(PostgresArtifactsOptions options)
      : shelf_(std::make_shared<ArtifactShelf>(std::move(options))), queue_(std::make_shared<AppendQueue>(*shelf_)) {
    if (shelf_->incarnation() != 0) tidier_ = std::thread([this] { tidy(); });
  }
  ~PostgresArtifacts() override {
    shelf_->close();
    if (tidier_.joinable()) tidier_.join();
  }

  Result<std::unique_ptr<ArtifactWriter>> begin(std::string_view media_type) override {
    return make_writer(shelf_, media_type);
  }

  Result<Pinned> pin(const ArtifactId& id) override;

  Result<std::unique_ptr<ArtifactReader>> open(const ArtifactId& id) const override {
    auto found = look_up(id);
    if (!found) return found.error();
    return make_reader(shelf_, found->second, std::move(found->first));
  }
  Result<ArtifactInfo> info(const ArtifactId& id) const override {
    auto found = look_up(id);
    if (!found) return found.error();
    return std::move(found->first);
  }

  Result<void> remove(const ArtifactId& id) override;
  Result<std::vector<ArtifactInfo>> list(const std::optional<ArtifactId>& after, std::size_t limit) const override;
  Result<ArtifactStats> stats() const override;
  Result<Collected> collect(const CollectRequest& request) override;
  std::optional<Error> broken() const override { return shelf_->broken(); }

  Result<std::shared_ptr<ArtifactAppender>> output(JobId job, std::string_view name) override;
  Result<void> drop_outputs(JobId job) override;
  Result<std::vector<JobId>> jobs_with_outputs() const override { return postgres::jobs_with_outputs(*shelf_); }

 private:
  using Found = std::pair<ArtifactInfo, std::int64_t>;
  Result<Found> look_up(const ArtifactId& id) const;
  void tidy();

  std::shared_ptr<ArtifactShelf> shelf_;
  std::shared_ptr<AppendQueue> queue_;
  std::mutex outputs_mutex_;
  std::map<std::pair<JobId, std::string>, std::weak_ptr<JobOutput>> outputs_;  ///< those in use, and some more
  std::thread tidier_;
};

Result<PostgresArtifacts::Found> PostgresArtifacts::look_up(const ArtifactId& id) const {
  auto rows = shelf_->ask([&](Connection& by) { return by.query(get_info, id.str()); });
  if (!rows) return rows.error();
  if (!rows->next()) return missing_artifact(id);
  return Found{read_info(*rows, id), rows->integer(4)};
}

Result<Pinned> PostgresArtifacts::pin(const ArtifactId& id) {
  if (auto pinned = shelf_->pinned_here(id)) {
    // Pins of a server that was fenced keep nothing.
    auto rows = shelf_->write([&](Connection& by) {
      shelf_->add_fence(by);
      return by.query(get_info, id.str());
    });
    if (!rows) return rows.error();
    if (!rows->next()) return missing_artifact(id);
    return Pinned{read_info(*rows, id), std::move(pinned)};
  }
  const auto number = shelf_->next_number();
  const auto name = id.str();
  auto rows = shelf_->write([&](Connection& by) {
    shelf_->add_fence(by);
    return by.query(put_pin, name, number, shelf_->incarnation());
  });
  if (!rows) {
    shelf_->let_go(number);
    return rows.error();
  }
  if (!rows->next()) return missing_artifact(id);
  return Pinned{read_info(*rows, id), shelf_->hold(id, number)};
}

Result<void> PostgresArtifacts::remove(const ArtifactId& id) {
  if (auto refused = shelf_->refusal()) return std::move(*refused);
  for (;;) {
    if (const auto done = shelf_->tidy(); !done) return done;
    const auto found = removal_candidates(*shelf_, {id});
    if (!found) return found.error();
    if (found->empty()) return missing_artifact(id);
    if (found->front().pinned) return pinned_artifact(id);
    const auto gone = remove_artifacts(*shelf_, *found, Spare::nothing);
    if (!gone) return gone.error();
    if (gone->removed > 0) return {};
    // Somebody stored, pinned or removed it just now.
  }
}

Result<std::vector<ArtifactInfo>> PostgresArtifacts::list(const std::optional<ArtifactId>& after,
                                                          std::size_t limit) const {
  return shelf_->ask([&](Connection& by) {
    std::vector<ArtifactInfo> found;
    auto rows = by.query(get_page, after ? after->str() : std::string(), tables::row_limit(limit));
    while (rows.next()) {
      if (const auto id = ArtifactId::parse(rows.view(0))) found.push_back(read_info(rows, *id));
    }
    return found;
  });
}

Result<ArtifactStats> PostgresArtifacts::stats() const {
  return shelf_->ask([&](Connection& by) {
    auto rows = by.query(tally);
    rows.next();
    return ArtifactStats{rows.as<std::uint64_t>(0), rows.as<std::uint64_t>(1)};
  });
}

Result<Collected> PostgresArtifacts::collect(const CollectRequest& request) {
  BOOST_ASSERT_MSG(request.max > 0, "a call that looks at nothing would never come to the end");
  const bool by_name = !request.these.empty();
  if (auto refused = shelf_->refusal()) return std::move(*refused);
  if (const auto done = shelf_->tidy(); !done) return done.error();
  auto found =
      by_name ? removal_candidates(*shelf_, request.these) : removal_candidates(*shelf_, request.after, request.max);
  if (!found) return found.error();
  const auto examined = by_name ? request.these.size() : found->size();
  std::optional<ArtifactId> next;
  if (!by_name && !found->empty() && examined == request.max) next = found->back().id;
  if (by_name) {
    // As they were named, each once.
    std::map<ArtifactId, std::size_t> places;
    for (std::size_t i = 0; i < request.these.size(); ++i) places.emplace(request.these[i], i);
    std::sort(found->begin(), found->end(),
              [&](const auto& one, const auto& other) { return places[one.id] < places[other.id]; });
  }
  std::erase_if(*found, [&](const RemovalCandidate& each) {
    return each.pinned || each.created_at >= request.older_than || request.is_referenced(each.id);
  });
  auto collected = remove_artifacts(*shelf_, *found, Spare::referenced);
  if (!collected) return collected;
  collected->examined = examined;
  collected->next = next;
  return collected;
}

Result<std::shared_ptr<ArtifactAppender>> PostgresArtifacts::output(JobId job, std::string_view name) {
  if (auto fault = fault_of_output_name(name)) return std::move(*fault);
  const auto key = std::pair(job, std::string(name));
  {
    const std::lock_guard lock(outputs_mutex_);
    if (const auto found = outputs_.find(key); found != outputs_.end()) {
      if (auto in_use = found->second.lock(); in_use && !in_use->is_over()) return in_use;
    }
  }
  auto opened = JobOutput::open(shelf_, queue_, job, name);
  if (!opened) return opened.error();
  const std::lock_guard lock(outputs_mutex_);
  std::erase_if(outputs_, [](const auto& entry) { return entry.second.expired(); });
  auto& known = outputs_[key];
  if (auto in_use = known.lock(); in_use && !in_use->is_over()) return in_use;  // somebody was quicker
  known = *opened;
  return std::shared_ptr<ArtifactAppender>(std::move(*opened));
}

Result<void> PostgresArtifacts::drop_outputs(JobId job) {
  const auto dropped = postgres::drop_outputs(*shelf_, job);
  if (!dropped) return dropped;
  const std::lock_guard lock(outputs_mutex_);
  std::erase_if(outputs_, [&](const auto& entry) {
    if (entry.first.first != job) return false;
    if (const auto in_use = entry.second.lock()) in_use->end();
    return true;
  });
  return dropped;
}

/// What cannot be done now is done later: nobody waits for it.
void PostgresArtifacts::tidy() {
  ::pthread_setname_np(::pthread_self(), "cm-tidy");
  constexpr auto once = ArtifactShelf::Urgency::once;
  using Clock = std::chrono::steady_clock;
  auto next_sweep = Clock::now();
  while (shelf_->wait_for_work(std::chrono::ceil<Milliseconds>(next_sweep - Clock::now()))) {
    bool done = false;
    try {
      done = shelf_->rest(gathered_for) && shelf_->tidy(once);
      if (done && Clock::now() >= next_sweep) {
        done = sweep_artifacts(*shelf_, once).has_value();
        next_sweep = Clock::now() + between_sweeps;
      }
    } catch (const std::exception&) {
      done = false;  // short of memory, most likely
    }
    if (!done && !shelf_->rest(after_failure)) return;
  }
}

}  // namespace
}  // namespace postgres

std::unique_ptr<ArtifactStore> open_postgres_artifacts(PostgresArtifactsOptions options) {
  return std::make_unique<postgres::PostgresArtifacts>(std::move(options));
}

}  // namespace coremachine
