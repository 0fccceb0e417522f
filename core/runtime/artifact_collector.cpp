#include "core/runtime/artifact_collector.hpp"

#include <algorithm>
#include <utility>

#include <pthread.h>

namespace coremachine::runtime {
namespace {

using Clock = std::chrono::steady_clock;

/// Of one slice: so few that a disk which is slow at removing files is not busy with it for long.
constexpr std::size_t slice_released = 64;
constexpr std::size_t slice_all = 256;
constexpr std::size_t slice_outputs = 64;
constexpr Milliseconds between_slices{20};
constexpr Milliseconds idle{60'000};
constexpr std::chrono::hours between_looks{1};
constexpr std::chrono::hours surely_on_disk{1};
/// What another machine has stored, and is about to be named by way of a third, if the one that had it pinned dies.
constexpr std::chrono::hours young{1};

Timestamp before(std::chrono::hours age) {
  return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()) - age;
}

}  // namespace

void ArtifactCollector::start() {
  const std::lock_guard lock(mutex_);
  if (thread_.joinable() || stopping_) return;
  if (const auto artifacts = is_shared() ? nullptr : setup_.large->store_if_there()) {
    if (const auto jobs = artifacts->jobs_with_outputs()) known_jobs_.insert(jobs->begin(), jobs->end());
  }
  thread_ = std::thread([this] { run(); });
}

void ArtifactCollector::wake() {
  {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable()) return;
    woken_ = true;
  }
  changed_.notify_one();
}

void ArtifactCollector::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void ArtifactCollector::run() {
  ::pthread_setname_np(::pthread_self(), "cm-artifacts");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    woken_ = false;
    lock.unlock();
    auto rest = idle;
    try {
      rest = work();
    } catch (const std::exception& error) {
      if (setup_.log) setup_.log(std::string("collecting artifacts: ") + error.what());
    }
    lock.lock();
    changed_.wait_for(lock, rest, [&] { return stopping_ || woken_; });
  }
}

Milliseconds ArtifactCollector::work() {
  const auto artifacts = setup_.large->store_if_there();
  if (!artifacts) return idle;
  const auto now = Clock::now();
  const bool is_first = !is_shared() || setup_.is_first();
  if (is_first && with_outputs_.empty() && now - outputs_looked_at_ >= idle) {
    const auto jobs = artifacts->jobs_with_outputs();
    if (!jobs) throw Failure(jobs.error());
    with_outputs_.assign(jobs->begin(), jobs->end());
    outputs_looked_at_ = now;
  }
  drop_outputs(*artifacts);
  auto released = setup_.store->take_released();
  released_.insert(released_.end(), released.artifacts.begin(), released.artifacts.end());
  const auto stored = setup_.large->stored();
  const bool is_new = is_shared() || stored != stored_before_;  // what others have stored this machine does not know
  if (!released.complete || (is_new && now - last_look_ >= between_looks)) looks_through_ = true;
  if (!released_.empty()) {
    collect_released(*artifacts);
  } else if (looks_through_ && is_first) {
    if (!after_) {
      stored_before_ = stored;
      last_look_ = now;
    }
    collect_all(*artifacts);
  }
  const bool all_done = released_.empty() && !(looks_through_ && is_first) && with_outputs_.empty();
  return all_done ? idle : between_slices;
}

Collected ArtifactCollector::collect(ArtifactStore& artifacts, CollectRequest request) {
  if (setup_.fault_point) setup_.fault_point("CollectArtifacts:before");
  request.is_referenced = [this](const ArtifactId& id) { return setup_.store->is_referenced(id); };
  const auto collected = artifacts.collect(request);
  if (!collected) throw Failure(collected.error());
  if (setup_.fault_point) setup_.fault_point("CollectArtifacts:after");
  return *collected;
}

void ArtifactCollector::collect_released(ArtifactStore& artifacts) {
  CollectRequest request;
  // What is on its way into the store is pinned, however long it takes: age says nothing.
  request.older_than = Timestamp::max();
  const auto count = static_cast<std::ptrdiff_t>(std::min(slice_released, released_.size()));
  request.these.assign(released_.begin(), released_.begin() + count);
  collect(artifacts, std::move(request));
  released_.erase(released_.begin(), released_.begin() + count);
}

void ArtifactCollector::collect_all(ArtifactStore& artifacts) {
  CollectRequest request;
  request.older_than = is_shared() ? before(young) : Timestamp::max();
  request.after = after_;
  request.max = slice_all;
  after_ = collect(artifacts, std::move(request)).next;
  looks_through_ = after_.has_value();
}

void ArtifactCollector::drop_outputs(ArtifactStore& artifacts) {
  for (std::size_t looked_at = 0; looked_at < slice_outputs && !with_outputs_.empty(); ++looked_at) {
    const auto job = with_outputs_.front();
    if (will_not_go_on(job)) {
      if (const auto dropped = artifacts.drop_outputs(job); !dropped) throw Failure(dropped.error());
      known_jobs_.erase(job);
    }
    with_outputs_.pop_front();
  }
}

/// A job that completed makes nothing of its outputs any more; one that ended otherwise may be retried, and goes on
/// with them. A job of which the store knows nothing was deleted, unless it has only just begun and is not on the disk
/// yet: of a job of another machine the age tells.
bool ArtifactCollector::will_not_go_on(JobId job) {
  const auto stored = setup_.store->read_job(job);
  if (!stored) {
    return known_jobs_.contains(job) || (is_shared() && job.created() < before(surely_on_disk));
  }
  known_jobs_.insert(job);
  return stored->job.status == JobStatus::completed;
}

}  // namespace coremachine::runtime
