#include "core/worker/lease_book.hpp"

#include <algorithm>
#include <utility>

#include <boost/assert.hpp>

namespace coremachine::worker {
namespace {

/// What waits for a thread should keep it busy for so long: a round trip and a commit fit in.
constexpr double ahead_us = 100'000;
/// A task that takes longer is not queued ahead of a thread: another worker may be free.
constexpr double long_us = 1'000'000;
constexpr double most_ahead = 4096;
/// How long an outcome may wait for others to be told with.
constexpr Milliseconds gather{50};
constexpr std::size_t batch_bytes = std::size_t{1} << 20U;
constexpr std::size_t batch_outcomes = 8192;
constexpr std::size_t remembered = 4096;

std::size_t bytes_of(const RemoteOutcome& outcome) {
  return outcome.result.size() + outcome.progress.size() + outcome.failure.message.size() + 128;
}

RemoteOutcome refused_outcome(const RemoteOutcome& outcome, const std::string& why) {
  RemoteOutcome failure;
  failure.index = outcome.index;
  failure.attempt = outcome.attempt;
  failure.kind = RemoteOutcome::Kind::failed;
  failure.failure = {.type = "refused_result",
                     .message = "the machine does not take the result: " + why,
                     .kind = TaskFailure::Kind::permanent};
  failure.took = outcome.took;
  return failure;
}

}  // namespace

std::uint32_t LeaseBook::room(Lane lane) const {
  if (closing_ || has_alone()) return 0;
  const auto& load = of(lane);
  const auto held = load.waiting + load.running;
  if (lane == Lane::coroutine) {
    return held * 2 > setup_.coroutines ? 0 : static_cast<std::uint32_t>(setup_.coroutines - held);
  }
  const double threads = setup_.threads;
  double wanted = threads;
  if (load.mean_us >= 0 && load.mean_us < long_us) {
    wanted += threads * std::clamp(ahead_us / std::max(load.mean_us, 1.0), 1.0, most_ahead);
    // Many short ones are not asked for one at a time.
    if (wanted > 4 * threads && static_cast<double>(held) * 2 > wanted) return 0;
  }
  return static_cast<double>(held) < wanted ? static_cast<std::uint32_t>(wanted) - static_cast<std::uint32_t>(held) : 0;
}

void LeaseBook::take(std::vector<HandOut> hand_outs, Time now) {
  for (auto& hand_out : hand_outs) {
    if (leases_.contains(hand_out.lease) || known_.contains(hand_out.lease) || hand_out.tasks.empty()) continue;
    Lease lease;
    lease.tasks = std::exchange(hand_out.tasks, {});
    lease.lane = setup_.lane_of(hand_out.task_type);
    lease.renewed = now;
    auto& load = of(lease.lane);
    load.waiting += lease.tasks.size();
    hand_out.alone ? load.queue.push_front(hand_out.lease) : load.queue.push_back(hand_out.lease);
    lease.errand = std::make_shared<const HandOut>(std::move(hand_out));
    const auto id = lease.errand->lease;
    auto& kept = leases_.emplace(id, std::move(lease)).first->second;
    if (closing_) return_waiting(kept, now);
  }
}

bool LeaseBook::has_alone() const {
  if (alone_runs_) return true;
  return std::any_of(std::begin(loads_), std::end(loads_), [this](const Load& load) {
    return !load.queue.empty() && leases_.at(load.queue.front()).errand->alone;
  });
}

bool LeaseBook::may_begin(const Lease& lease, Time now) const {
  if (lease.is_out_of_touch(now)) return false;  // somebody else may have it by now
  if (lease.errand->alone) return running() == 0;
  return !has_alone();
}

std::shared_ptr<Attempt> LeaseBook::next(Lane lane, Time now) {
  auto& load = of(lane);
  if (lane == Lane::coroutine && load.running >= setup_.coroutines) return nullptr;
  const auto at =
      std::find_if(load.queue.begin(), load.queue.end(), [&](LeaseId id) { return may_begin(leases_.at(id), now); });
  if (at == load.queue.end()) return nullptr;
  auto& lease = leases_.at(*at);
  auto attempt = std::make_shared<Attempt>(lease.errand, std::move(lease.tasks[lease.next++]), now);
  lease.running.push_back(attempt);
  alone_runs_ = lease.errand->alone;
  --load.waiting;
  ++load.running;
  if (!lease.has_waiting()) load.queue.erase(at);
  return attempt;
}

bool LeaseBook::ended(Attempt& attempt, RemoteOutcome outcome, Time now) {
  if (attempt.is_given_up) return false;
  if (cancelling_ && outcome.kind == RemoteOutcome::Kind::failed) outcome.kind = RemoteOutcome::Kind::returned;
  const bool is_wanted = !attempt.is_dropped;
  end_of(attempt, std::move(outcome), now);
  return is_wanted;
}

void LeaseBook::end_of(Attempt& attempt, RemoteOutcome outcome, Time now) {
  const auto lane = setup_.lane_of(attempt.errand().task_type);
  auto& load = of(lane);
  --load.running;
  if (attempt.errand().alone) alone_runs_ = false;
  const auto took = static_cast<double>(outcome.took.count());
  load.mean_us = load.mean_us < 0 ? took : load.mean_us + (took - load.mean_us) / 8;
  if (attempt.is_dropped) return;
  auto* lease = find(attempt.errand().lease);
  BOOST_ASSERT(lease);
  std::erase_if(lease->running, [&](const auto& each) { return each.get() == &attempt; });
  add_outcome(*lease, std::move(outcome), now);
}

void LeaseBook::add_outcome(Lease& lease, RemoteOutcome outcome, Time now) {
  ++untold_;
  untold_bytes_ += bytes_of(outcome);
  if (!oldest_untold_) oldest_untold_ = now;
  lease.outcomes.push_back(std::move(outcome));
  const bool is_done = !lease.has_waiting() && lease.running.empty();
  if (is_done || untold_bytes_ >= batch_bytes || (waiting() == 0 && running() == 0)) hurry_ = true;
}

void LeaseBook::return_waiting(Lease& lease, Time now) {
  if (!lease.has_waiting()) return;
  auto& load = of(lease.lane);
  load.waiting -= lease.tasks.size() - lease.next;
  std::erase(load.queue, lease.errand->lease);
  while (lease.has_waiting()) {
    const auto& task = lease.tasks[lease.next++];
    RemoteOutcome outcome;
    outcome.index = task.index;
    outcome.attempt = task.attempt;
    outcome.kind = RemoteOutcome::Kind::returned;
    add_outcome(lease, std::move(outcome), now);
  }
  hurry_ = true;  // others may have them sooner
}

// ---- watching ----

std::optional<LeaseBook::Time> LeaseBook::give_up_at(const Attempt& attempt) const {
  std::optional<Time> at;
  if (const auto deadline = attempt.deadline()) at = *deadline + setup_.grace;
  const auto silence = attempt.errand().heartbeat;
  if (silence.count() > 0 && (!at || attempt.last_beat() + silence < *at)) at = attempt.last_beat() + silence;
  return at;
}

TaskFailure LeaseBook::overdue_failure(const Attempt& attempt, Time now) const {
  const auto silence = attempt.errand().heartbeat;
  if (silence.count() > 0 && attempt.last_beat() + silence <= now) {
    return {.type = "timeout",
            .message = "the attempt was not heard of for its heartbeat of " + std::to_string(silence.count()) + " ms"};
  }
  return {.type = "timeout",
          .message = "the attempt took longer than its timeout of " + std::to_string(attempt.errand().timeout.count()) +
                     " ms, and its handler did not return"};
}

std::vector<std::shared_ptr<Attempt>> LeaseBook::give_up_overdue(Time now) {
  std::vector<std::shared_ptr<Attempt>> found;
  for (const auto& attempt : attempts()) {
    const auto at = give_up_at(*attempt);
    if (!at || *at > now) continue;
    tell_to_end(attempt);
    end_of(*attempt, failed(*attempt, overdue_failure(*attempt, now)), now);
    attempt->is_given_up = true;
    hurry_ = true;
    found.push_back(attempt);
  }
  return found;
}

void LeaseBook::cancel_overdue(Time now) {
  for (const auto& attempt : attempts()) {
    const auto deadline = attempt->deadline();
    if (deadline && *deadline <= now) tell_to_end(attempt);
  }
}

void LeaseBook::tell_to_end(const std::shared_ptr<Attempt>& attempt) {
  if (attempt->cancelled()) return;
  attempt->cancel();
  cancelled_.push_back(attempt);
}

std::optional<LeaseBook::Time> LeaseBook::next_look(Time now) const {
  std::optional<Time> next;
  const auto note = [&](std::optional<Time> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const auto& attempt : attempts()) {
    note(give_up_at(*attempt));
    if (!attempt->cancelled()) note(attempt->deadline());
  }
  // One that begins only now may be the first.
  for (const auto& [id, lease] : leases_) {
    if (!lease.has_waiting()) continue;
    const auto& about = *lease.errand;
    if (about.timeout.count() > 0) note(now + about.timeout);
    if (about.heartbeat.count() > 0) note(now + about.heartbeat);
  }
  return next;
}

std::vector<std::shared_ptr<Attempt>> LeaseBook::attempts() const {
  std::vector<std::shared_ptr<Attempt>> all;
  for (const auto& [id, lease] : leases_) all.insert(all.end(), lease.running.begin(), lease.running.end());
  return all;
}

// ---- telling ----

std::optional<LeaseBook::Time> LeaseBook::report_due() const {
  if (batch_) return Time{};
  if (!oldest_untold_) return std::nullopt;
  return hurry_ ? *oldest_untold_ : *oldest_untold_ + gather;
}

std::shared_ptr<const std::vector<RemoteReport>> LeaseBook::reports() {
  if (!batch_ && untold_ > 0) batch_ = std::make_shared<const std::vector<RemoteReport>>(make_batch());
  return batch_;
}

std::vector<RemoteReport> LeaseBook::make_batch() {
  std::vector<RemoteReport> batch;
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (auto& [id, lease] : leases_) {
    if (lease.outcomes.empty()) continue;
    auto& report = batch.emplace_back(RemoteReport{id, {}});
    auto& from = lease.outcomes;
    std::size_t taken = 0;
    while (taken < from.size() && bytes < batch_bytes && count < batch_outcomes) {
      bytes += bytes_of(from[taken++]);
      ++count;
    }
    report.outcomes.assign(std::move_iterator(from.begin()),
                           std::move_iterator(from.begin() + static_cast<std::ptrdiff_t>(taken)));
    from.erase(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(taken));
    if (one_by_one_ || bytes >= batch_bytes || count >= batch_outcomes) break;
  }
  untold_ -= count;
  untold_bytes_ -= std::min(bytes, untold_bytes_);
  if (untold_ > 0) return batch;
  untold_bytes_ = 0;
  oldest_untold_.reset();
  hurry_ = false;
  return batch;
}

void LeaseBook::reported(const std::vector<LeaseNews>& news, Time now) {
  if (std::exchange(told_refusal_, false)) one_by_one_ = false;
  const auto batch = std::exchange(batch_, nullptr);
  BOOST_ASSERT(batch);
  for (const auto& report : *batch) {
    const auto at = leases_.find(report.lease);
    if (at == leases_.end()) continue;
    at->second.told += report.outcomes.size();
    if (at->second.is_over()) forget(at);
  }
  hear(news, now);
}

std::optional<LeaseId> LeaseBook::refused(const std::string& why) {
  const auto batch = std::exchange(batch_, nullptr);
  BOOST_ASSERT(batch);
  if (batch->size() == 1) {
    const auto id = batch->front().lease;
    const auto at = leases_.find(id);
    if (at == leases_.end() || std::exchange(told_refusal_, true)) {
      one_by_one_ = told_refusal_ = false;
      if (at != leases_.end()) drop(at);
    } else {
      // Handed out anew they would come to the same.
      auto failures = *batch;
      for (auto& outcome : failures.front().outcomes) {
        if (outcome.kind == RemoteOutcome::Kind::completed) outcome = refused_outcome(outcome, why);
      }
      batch_ = std::make_shared<const std::vector<RemoteReport>>(std::move(failures));
    }
    return id;
  }
  one_by_one_ = true;
  for (const auto& report : *batch) {
    const auto at = leases_.find(report.lease);
    if (at == leases_.end()) continue;
    auto& outcomes = at->second.outcomes;
    untold_ += report.outcomes.size();
    outcomes.insert(outcomes.begin(), report.outcomes.begin(), report.outcomes.end());
  }
  if (untold_ > 0 && !oldest_untold_) oldest_untold_ = Time{};
  hurry_ = untold_ > 0;
  return std::nullopt;
}

std::vector<LeaseRenewal> LeaseBook::renewals() {
  std::vector<LeaseRenewal> all;
  for (const auto& [id, lease] : leases_) {
    auto& renewal = all.emplace_back(LeaseRenewal{id, {}});
    for (const auto& attempt : lease.running) {
      if (auto news = attempt->take_news())
        renewal.progress.push_back({attempt->task().index, attempt->task().attempt, std::move(*news)});
    }
  }
  return all;
}

void LeaseBook::renewed(const std::vector<LeaseRenewal>& renewals, const std::vector<LeaseNews>& news, Time asked,
                        Time now) {
  for (const auto& renewal : renewals) {
    if (auto* lease = find(renewal.lease)) lease->renewed = asked;
  }
  hear(news, now);
}

void LeaseBook::not_renewed(const std::vector<LeaseRenewal>& renewals) {
  for (const auto& renewal : renewals) {
    const auto* lease = find(renewal.lease);
    if (!lease) continue;
    for (const auto& said : renewal.progress) {
      for (const auto& attempt : lease->running) {
        if (attempt->task().index == said.index) attempt->put_news_back();
      }
    }
  }
}

std::optional<Milliseconds> LeaseBook::shortest_term() const {
  std::optional<Milliseconds> shortest;
  for (const auto& [id, lease] : leases_) {
    const auto term = lease.errand->term;
    if (term.count() > 0 && (!shortest || term < *shortest)) shortest = term;
  }
  return shortest;
}

void LeaseBook::hear(const std::vector<LeaseNews>& news, Time now) {
  for (const auto& [id, state] : news) {
    const auto at = leases_.find(id);
    if (at == leases_.end()) continue;
    switch (state) {
      case LeaseState::held: break;
      case LeaseState::recalled: return_waiting(at->second, now); break;
      case LeaseState::cancelled:
        return_waiting(at->second, now);
        for (const auto& attempt : at->second.running) tell_to_end(attempt);
        break;
      case LeaseState::gone: drop(at); break;
    }
  }
}

/// Nobody wants to hear of it. What runs of it still has its thread until it ends.
void LeaseBook::drop(Leases::iterator at) {
  auto& lease = at->second;
  auto& load = of(lease.lane);
  load.waiting -= lease.tasks.size() - lease.next;
  std::erase(load.queue, at->first);
  for (const auto& attempt : lease.running) {
    attempt->is_dropped = true;
    tell_to_end(attempt);
  }
  untold_ -= lease.outcomes.size();
  for (const auto& outcome : lease.outcomes) untold_bytes_ -= std::min(untold_bytes_, bytes_of(outcome));
  if (untold_ == 0) {
    oldest_untold_.reset();
    hurry_ = false;
  }
  forget(at);
}

void LeaseBook::forget(Leases::iterator at) {
  known_.insert(at->first);
  forgotten_.push_back(at->first);
  leases_.erase(at);
  if (forgotten_.size() <= remembered) return;
  known_.erase(forgotten_.front());
  forgotten_.pop_front();
}

LeaseBook::Lease* LeaseBook::find(LeaseId id) {
  const auto at = leases_.find(id);
  return at == leases_.end() ? nullptr : &at->second;
}

// ---- ending ----

std::size_t LeaseBook::untold() const {
  std::size_t count = 0;
  for (const auto& [id, lease] : leases_) count += lease.tasks.size() - lease.told;
  return count;
}

void LeaseBook::close(Time now) {
  closing_ = true;
  for (auto& [id, lease] : leases_) return_waiting(lease, now);
}

void LeaseBook::cancel_all() {
  cancelling_ = true;
  for (const auto& attempt : attempts()) tell_to_end(attempt);
}

}  // namespace coremachine::worker
