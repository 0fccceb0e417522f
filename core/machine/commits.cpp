// What goes into the open batch, and what waits until it is durable.

#include "core/machine/engine.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

#include <boost/assert.hpp>

namespace coremachine::machine {

void Engine::save_later(const Now& now, Live& entry) {
  if (entry.unsaved != Unsaved::nothing) return;
  entry.unsaved = Unsaved::later;
  if (draining_) return save_in_next_batch(entry);
  save_later_.emplace_back(now.time + setup_.save_within, entry.job.id);
}

void Engine::save_in_next_batch(Live& entry) {
  if (entry.unsaved != Unsaved::later) return;
  entry.unsaved = Unsaved::next_batch;
  dirty_.push_back(entry.job.id);
  open_bytes_ += 512 + entry.job.params->size();
  if (!entry.acceptance) return;
  held_actions_[last_closed_ + 1].emplace_back(std::move(*entry.acceptance));
  entry.acceptance.reset();
}

void Engine::save_all_in_next_batch() {
  for (const auto& [by, job] : std::exchange(save_later_, {})) {
    if (auto* entry = live(job)) save_in_next_batch(*entry);
  }
}

/// Null: it is in a batch by now.
Engine::Live* Engine::waits_for_batch(JobId job) {
  auto* entry = live(job);
  return entry && entry->acceptance ? entry : nullptr;
}

void Engine::save_arrivals() {
  for (const auto job : std::exchange(passed_over_, {})) {
    if (auto* entry = waits_for_batch(job)) save_in_next_batch(*entry);
  }
  const bool is_full = dirty_.size() >= setup_.full_batch;
  for (const auto job : std::exchange(arrivals_, {})) {
    auto* entry = waits_for_batch(job);
    if (!entry) continue;
    is_full ? passed_over_.push_back(job) : save_in_next_batch(*entry);
  }
}

void Engine::drain() {
  draining_ = true;
  save_all_in_next_batch();
  while (!remote_.polls.empty()) give_up_poll(remote_.polls.begin()->first);
}

/// True if the effect was a write; then it is in the open batch.
bool Engine::write(Live& entry, EffectBody& body) {
  if (auto* round = std::get_if<SaveRound>(&body)) {
    open_.rounds.push_back(encode_round(entry.job.id, round->round));
    open_bytes_ += 512 + open_.rounds.back().state.size();
    return true;
  }
  if (auto* discard = std::get_if<DiscardRounds>(&body)) {
    open_.discards.push_back({entry.job.id, discard->from});
    return true;
  }
  if (auto* append = std::get_if<AppendDefinitions>(&body)) {
    open_bytes_ += 128 + append->segment.body->size();
    open_.definitions.emplace_back(entry.job.id, std::move(append->segment));
    return true;
  }
  if (auto* append = std::get_if<AppendOutcomes>(&body)) {
    open_bytes_ += 128 + append->segment.body->size();
    open_.outcomes.emplace_back(entry.job.id, std::move(append->segment));
    return true;
  }
  if (auto* keep = std::get_if<KeepArtifacts>(&body)) {
    keep_artifacts(entry.job.id, std::move(keep->holds));
    return true;
  }
  return false;
}

void Engine::keep_artifacts(JobId job, ArtifactHolds holds) {
  for (const auto& id : holds.named) open_.references.push_back({job, id});
  std::move(holds.pins.begin(), holds.pins.end(), std::back_inserter(open_.pins));
}

void Engine::hold_or_do(Live& entry, Action action) {
  save_in_next_batch(entry);
  hold_or_do(std::move(action));
}

CommitSequence Engine::newest_write() const {
  return has_writes() ? last_closed_ + 1 : last_closed_;
}

void Engine::hold_or_do(Action action) {
  const auto depends_on = newest_write();
  if (depends_on > durable_) {
    held_actions_[depends_on].push_back(std::move(action));
  } else {
    actions_.push_back(std::move(action));
  }
}

Batch Engine::close_batch() {
  save_arrivals();
  open_.sequence = ++last_closed_;
  if (std::exchange(sweep_due_, false)) {
    open_.sweep = setup_.sweep_rows;
    next_sweep_ = time_ + setup_.sweep_every;
  }
  open_.jobs.reserve(dirty_.size());
  for (const auto job : dirty_) {
    auto* entry = live(job);
    BOOST_ASSERT_MSG(entry, "a job was forgotten before it was written");
    entry->unsaved = Unsaved::nothing;
    open_.jobs.push_back(encode_job(entry->job));
    open_.jobs.back().is_new = std::exchange(entry->is_new, false);
  }
  dirty_.clear();
  open_settings_.clear();
  closed_bytes_ += open_bytes_;
  open_bytes_ = 0;
  Batch next;
  next.incarnation = open_.incarnation;
  return std::exchange(open_, std::move(next));
}

void Engine::committed(const Now& now, CommitSequence sequence) {
  durable_ = sequence;
  closed_bytes_ = 0;
  std::erase_if(pending_keys_, [&](const auto& entry) { return entry.second.second <= sequence; });
  while (!held_.empty() && held_.begin()->first <= sequence) {
    auto due = std::move(held_.begin()->second);
    held_.erase(held_.begin());
    for (auto& held : due) {
      if (auto* entry = live(held.job)) act(now, *entry, held.effect.body);
    }
  }
  while (!held_actions_.empty() && held_actions_.begin()->first <= sequence) {
    for (auto& action : held_actions_.begin()->second) actions_.push_back(std::move(action));
    held_actions_.erase(held_actions_.begin());
  }
}

}  // namespace coremachine::machine
