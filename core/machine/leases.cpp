// Tasks for workers in other processes: handed out under leases that are on disk before anybody sees them, taken back
// when a lease is not renewed. A lease's number is what fences its reports: it is never given out twice.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <utility>

#include <boost/assert.hpp>

#include "core/machine/engine.hpp"
#include "core/machine/stepper.hpp"
#include "core/model/json_writer.hpp"

namespace coremachine::machine {

// ---- what is out, and who waits ----

std::pair<const std::string, RemoteWork::Type>* RemoteWork::next_type() {
  std::pair<const std::string, Type>* best = nullptr;
  for (auto& entry : types) {
    auto& type = entry.second;
    if (!type.ring.top() || !next_poll(type)) continue;
    const auto order = [](const Type& of) { return std::pair(-*of.ring.top(), of.served); };
    if (!best || order(type) < order(best->second)) best = &entry;
  }
  return best;
}

std::pair<const RequestId, RemoteWork::Poll>* RemoteWork::next_poll(Type& type) {
  std::erase_if(type.polls, [&](RequestId request) { return !polls.contains(request); });
  for (const auto request : type.polls) {
    const auto found = polls.find(request);
    // What runs alone ends before its worker is given more.
    if (found->second.taker.many || !has_alone(found->second.taker.name)) return &*found;
  }
  return nullptr;
}

bool RemoteWork::has_alone(const std::string& worker) const {
  return std::any_of(leases.begin(), leases.end(), [&](const auto& entry) {
    return entry.second.lease.alone && entry.second.lease.worker == worker;
  });
}

void RemoteWork::count_slots() {
  for (auto& [name, type] : types) type.slots = 0;
  std::map<std::string, std::uint32_t> passed_on;
  std::set<std::string> wanted;
  for (const auto& [name, worker] : workers) {
    wanted.insert(worker.taker.task_types.begin(), worker.taker.task_types.end());
    for (const auto& type : worker.taker.task_types)
      (worker.taker.many ? passed_on[type] : types[type].slots) += worker.taker.concurrency;
  }
  // Those to whom tasks are passed on are seen by themselves too, soon at least.
  for (const auto& [type, slots] : passed_on) types[type].slots = std::max(types[type].slots, slots);
  // Jobs do not wait in turns that nobody takes any more.
  std::erase_if(types, [&](const auto& entry) { return !wanted.contains(entry.first); });
}

void Engine::see(const Now& now, const Taker& taker) {
  auto& worker = remote_.workers[taker.name];
  const bool fresh = worker.connected_at == Timestamp{};
  const bool same = !fresh && worker.taker.task_types == taker.task_types &&
                    worker.taker.concurrency == taker.concurrency && worker.taker.kind == taker.kind;
  if (fresh) worker.connected_at = now.time;
  worker.last_seen = now.time;
  if (same) return;
  worker.taker = taker;
  std::vector<std::string> unknown;
  for (const auto& type : taker.task_types) {
    if (remote_.types.try_emplace(type).second) unknown.push_back(type);
  }
  remote_.count_slots();
  if (unknown.empty()) return;
  // From now on jobs come into the turn of these types by themselves.
  for (auto& [id, entry] : jobs_) enqueue(now, *entry);
}

// ---- what workers ask ----

void Engine::poll(const Now& now, Taker taker, std::uint32_t max_tasks, RequestId request) {
  if (draining_) {
    actions_.emplace_back(Answer{request, Error{ErrorCode::draining, "the machine is stopping"}, {}, {}});
    return;
  }
  see(now, taker);
  for (const auto& type : taker.task_types) {
    auto& waiting = remote_.types[type].polls;
    if (waiting.size() > 2 * remote_.polls.size() + 64)
      std::erase_if(waiting, [&](RequestId each) { return !remote_.polls.contains(each); });
    waiting.push_back(request);
  }
  remote_.polls.emplace(request, RemoteWork::Poll{std::move(taker), std::max(1U, max_tasks)});
}

void Engine::give_up_poll(RequestId request) {
  if (remote_.polls.erase(request) > 0) actions_.emplace_back(Answer{request, std::nullopt, {}, {}});
}

void Engine::leave(const std::string& worker, RequestId request) {
  remote_.workers.erase(worker);
  remote_.count_slots();
  std::vector<RequestId> given_up;
  for (const auto& [id, poll] : remote_.polls) {
    if (poll.taker.name == worker) given_up.push_back(id);
  }
  for (const auto id : given_up) give_up_poll(id);
  actions_.emplace_back(Answer{request, std::nullopt, {}, {}});
}

void Engine::renew(const Now& now, const Taker& taker, std::vector<LeaseRenewed> leases, RequestId request) {
  see(now, taker);
  Answer answer{request, std::nullopt, {}, {}};
  for (auto& renewed : leases) {
    const auto found = remote_.leases.find(renewed.lease);
    if (found == remote_.leases.end()) {
      answer.leases.emplace_back(renewed.lease, LeaseStatus::gone);
      continue;
    }
    auto& held = found->second;
    held.expires = now.time + setup_.lease_term;
    if (!taker.many) held.holder.clear();  // it speaks for itself
    answer.leases.emplace_back(renewed.lease, held.status);
    if (held.lease.worker != taker.name) {
      held.lease.worker = taker.name;
      held.lease.kind = taker.kind;
      put_lease(found->first, &held.lease);
    }
    if (!renewed.progress.empty()) take_progress(now, found->first, std::move(renewed));
  }
  actions_.emplace_back(std::move(answer));
}

void Engine::take_progress(const Now& now, SliceId lease, LeaseRenewed renewed) {
  const auto& held = remote_.leases.at(lease).lease;
  auto* entry = live(held.slice.job);
  if (!entry) return;
  Report report = report_of(now, held);
  report.artifacts = std::move(renewed.artifacts);
  for (auto& told : renewed.progress) {
    if (told.index / chunk_size != held.slice.chunk) continue;
    report.progress.push_back(
        {static_cast<ChunkOffset>(told.index % chunk_size), told.attempt, std::move(told.progress)});
  }
  step_job(now, *entry, TasksReported{std::move(report)});
}

// ---- leases ----

void Engine::put_lease(SliceId id, const Lease* lease) {
  put(Setting{"lease", std::to_string(id), lease ? make_text(encode_lease(*lease)) : nullptr});
}

/// All was heard of it, or nobody wants to hear more.
void Engine::end_lease(SliceId id) {
  const auto found = remote_.leases.find(id);
  if (auto* entry = live(found->second.lease.slice.job)) std::erase(entry->leases, id);
  remote_.leases.erase(found);
  put_lease(id, nullptr);
}

/// Its job is over: whoever has it finds that it is gone.
void Engine::drop_leases(const Live& entry) {
  for (const auto id : std::vector(entry.leases)) {
    const auto& lease = remote_.leases.at(id).lease;
    limits_.ended(lease.task_type, lease.slice.count);
    end_lease(id);
  }
}

void Engine::lose_lease(const Now& now, SliceId id) {
  const auto lease = remote_.leases.at(id).lease;
  auto report = report_of(now, lease);
  for (std::uint32_t i = 0; i < lease.slice.count; ++i) report.lost.push_back(lease.slice.offset_at(i));
  report.lost_alone = lease.alone;
  limits_.ended(lease.task_type, lease.slice.count);
  if (setup_.observer) setup_.observer->lease_lost(lease);
  end_lease(id);
  if (auto* entry = live(lease.slice.job)) step_task(now, *entry, lease.task_type, TasksReported{std::move(report)});
}

void Engine::expire_leases(const Now& now) {
  auto& expiries = remote_.expiries;
  while (!expiries.empty() && expiries.top().first <= now.time) {
    const auto id = expiries.top().second;
    expiries.pop();
    const auto found = remote_.leases.find(id);
    if (found == remote_.leases.end()) continue;
    if (found->second.expires > now.time) {
      expiries.emplace(found->second.expires, id);
    } else {
      lose_lease(now, id);
    }
  }
  const auto silent = [&](const auto& entry) {
    const auto& [name, worker] = entry;
    if (worker.last_seen + setup_.lease_term > now.time) return false;
    return std::none_of(remote_.polls.begin(), remote_.polls.end(),
                        [&](const auto& poll) { return poll.second.taker.name == name; });
  };
  if (!remote_.workers.empty() && remote_.look_at <= now.time) {
    remote_.look_at = now.time + Milliseconds{1000};
    if (std::erase_if(remote_.workers, silent) > 0) remote_.count_slots();
  }
}

void Engine::adopt_lease(const Now& now, SliceId id, Lease lease) {
  auto* entry = live(lease.slice.job);
  auto& slice = lease.slice;
  const bool is_current = entry && entry->job.round && entry->job.round->number == slice.round &&
                          slice.chunk < entry->job.round->chunks.size() && entry->job.round->stop == StopReason::none &&
                          entry->job.status != JobStatus::cancelling;
  if (!is_current) return put_lease(id, nullptr);
  auto& round = *entry->job.round;
  auto& chunk = round.chunks[slice.chunk];
  ensure_notes(chunk);
  for (std::uint32_t i = 0; i < slice.count; ++i) {
    const auto offset = slice.offset_at(i);
    if (offset >= chunk.count || chunk.finished.contains(offset)) continue;
    auto& note = chunk.notes[offset];
    if (note.state != TaskNote::State::waiting) continue;
    note.state = TaskNote::State::running;
    note.attempt = slice.attempt_at(i);
    --round.counts.queued;
    ++round.counts.running;
  }
  limits_.started(lease.task_type, slice.count, now.time);
  entry->leases.push_back(id);
  RemoteWork::Held held{std::move(lease), now.time, now.time + setup_.lease_term};
  remote_.expiries.emplace(held.expires, id);
  remote_.leases.emplace(id, std::move(held));
}

// ---- handing out ----

namespace {

/// How much measured work one lease is, at most.
constexpr double lease_us = 100'000;

}  // namespace

std::uint32_t Engine::lease_share(const Job& job, const SharedSpec& spec, std::uint32_t slots) const {
  const auto known = cost_us_.find(spec.task_type);
  if (known == cost_us_.end()) return 1;  // nobody knows how long one takes: the first will tell
  const auto cost = std::max(known->second, 0.01);
  const auto most =
      std::clamp(std::floor(lease_us / cost), 1.0, static_cast<double>(std::clamp(setup_.lease_tasks, 1U, chunk_size)));
  const auto fair = std::ceil(static_cast<double>(job.round->ready_count) / std::max(1U, slots));
  // What is short is not worth sharing out.
  return static_cast<std::uint32_t>(std::min(most, std::max({1.0, fair, std::floor(setup_.slice_us / cost)})));
}

void Engine::dispatch_remote(const Now& now) {
  if (remote_.polls.empty() || draining_ || open_bytes_ + closed_bytes_ > setup_.max_open_bytes) return;
  while (auto* type = remote_.next_type()) {
    type->second.served = ++remote_.turn;
    auto& [request, poll] = *remote_.next_poll(type->second);
    auto granted = grant(now, type->first, type->second, poll);
    if (granted.empty()) continue;  // the turn of the type is over, or it is the next one's
    Answer answer{request, std::nullopt, {}, {}};
    answer.slices = std::move(granted);
    remote_.polls.erase(request);
    hold_or_do(std::move(answer));
  }
}

/// What of this type the poll is given: at most one lease for each of its threads.
std::vector<RunSlice> Engine::grant(const Now& now, const std::string& name, RemoteWork::Type& type,
                                    RemoteWork::Poll& poll) {
  std::vector<RunSlice> granted;
  while (poll.left > 0 && granted.size() < std::max(1U, poll.taker.concurrency)) {
    const auto turn = type.ring.pop();
    if (!turn) break;
    type.queued.erase(*turn);
    auto* entry = live(*turn);
    if (!entry) continue;
    bool alone = false;
    const auto most = [&](SpecNumber number) -> std::uint32_t {
      const auto& round = *entry->job.round;
      const auto& spec = round.specs[number];
      if (spec.task_type != name) return 0;
      const auto count =
          std::min({limits_.allowance(name, now.time), poll.left, lease_share(entry->job, spec, type.slots)});
      const auto& singles = round.ready[number].tasks;
      const auto crowd = singles.empty() ? 0U : crowd_of(round, singles.front().index);
      if (crowd == 0) return count;
      if (!granted.empty()) return 0;  // nothing runs beside it
      alone = count > 0;
      return std::min(count, std::max(1U, crowd / 2U));
    };
    Effects effects;
    auto taken = hand_out(entry->job, now, most, effects);
    if (!taken) {
      enqueue(now, *entry);
      if (!granted.empty()) break;
      continue;
    }
    apply(now, *entry, effects);
    poll.left -= taken->second.count;
    granted.push_back(lease_out(now, *entry, taken->first, std::move(taken->second), poll.taker, alone));
    if (alone) break;
  }
  return granted;
}

RunSlice Engine::lease_out(const Now& now, Live& entry, SpecNumber number, Slice slice, const Taker& taker,
                           bool alone) {
  const auto& round = *entry.job.round;
  RunSlice run;
  run.id = ++last_slice_;
  run.spec = round.specs[number];
  run.definitions = round.chunks[slice.chunk].definitions;
  run.alone = alone;
  run.traceparent = entry.job.traceparent;
  limits_.started(run.spec.task_type, slice.count, now.time);
  RemoteWork::Held held;
  held.lease.slice = slice;
  held.lease.slice.progress.clear();
  held.lease.task_type = run.spec.task_type;
  held.lease.worker = taker.many ? std::string() : taker.name;
  held.lease.kind = taker.kind;
  held.lease.alone = alone;
  held.handed_out = now.time;
  held.expires = now.time + setup_.lease_term;
  put_lease(run.id, &held.lease);
  save_in_next_batch(entry);
  remote_.expiries.emplace(held.expires, run.id);
  remote_.leases.emplace(run.id, std::move(held));
  entry.leases.push_back(run.id);
  run.slice = std::move(slice);
  return run;
}

}  // namespace coremachine::machine
