#include "core/machine/limits.hpp"

#include <algorithm>
#include <cmath>

namespace coremachine::machine {

double Limits::burst_of(const TypeLimit& limit) {
  return limit.burst > 0 ? limit.burst : std::max(1.0, std::floor(limit.rate / 10));
}

void Limits::set(const std::string& type, const TypeLimit& limit, Timestamp now) {
  auto& entry = types_[type];
  refill(entry, now);
  const bool had_rate = entry.limit.rate > 0;
  entry.limit = limit;
  entry.refilled_at = now;
  entry.tokens = had_rate ? std::min(entry.tokens, burst_of(limit)) : burst_of(limit);
}

const TypeLimit* Limits::find(const std::string& type) const {
  const auto found = types_.find(type);
  return found == types_.end() ? nullptr : &found->second.limit;
}

void Limits::refill(Type& type, Timestamp now) {
  if (type.limit.rate <= 0 || now <= type.refilled_at) return;
  const auto seconds = std::chrono::duration<double>(now - type.refilled_at).count();
  type.tokens = std::min(burst_of(type.limit), type.tokens + seconds * type.limit.rate);
  type.refilled_at = now;
}

std::uint32_t Limits::allowance(Type& type, Timestamp now) {
  if (type.limit.paused) return 0;
  std::uint64_t most = UINT32_MAX;
  if (type.limit.max_concurrency > 0) {
    most = type.limit.max_concurrency - std::min<std::uint64_t>(type.running, type.limit.max_concurrency);
  }
  if (type.limit.rate > 0) {
    refill(type, now);
    most = std::min(most, static_cast<std::uint64_t>(std::max(0.0, std::floor(type.tokens + 1e-9))));
  }
  return static_cast<std::uint32_t>(most);
}

std::uint32_t Limits::allowance(const std::string& type, Timestamp now) {
  const auto found = types_.find(type);
  return found == types_.end() ? UINT32_MAX : allowance(found->second, now);
}

void Limits::started(const std::string& type, std::uint32_t count, Timestamp now) {
  auto& entry = types_[type];
  entry.running += count;
  if (entry.limit.rate <= 0) return;
  refill(entry, now);
  entry.tokens -= count;
}

void Limits::ended(const std::string& type, std::uint32_t count) {
  auto& entry = types_[type];
  entry.running -= std::min<std::uint64_t>(entry.running, count);
}

void Limits::wait(const std::string& type, int priority, JobId job) {
  auto& entry = types_[type];
  if (!entry.waits.insert(job).second) return;
  entry.waiting.emplace(-priority, ++arrivals_, job);
  crowded_.insert(type);
}

std::vector<JobId> Limits::take_due(Timestamp now) {
  std::vector<JobId> due;
  for (auto name = crowded_.begin(); name != crowded_.end();) {
    auto& type = types_.at(*name);
    for (auto left = allowance(type, now); left > 0 && !type.waiting.empty(); --left) {
      const auto job = std::get<JobId>(*type.waiting.begin());
      type.waiting.erase(type.waiting.begin());
      type.waits.erase(job);
      due.push_back(job);
    }
    name = type.waiting.empty() ? crowded_.erase(name) : std::next(name);
  }
  return due;
}

std::optional<Timestamp> Limits::next_due(Timestamp now) const {
  std::optional<Timestamp> next;
  for (const auto& name : crowded_) {
    const auto& type = types_.at(name);
    const auto& limit = type.limit;
    if (limit.paused || limit.rate <= 0) continue;
    if (limit.max_concurrency > 0 && type.running >= limit.max_concurrency) continue;
    const auto missing = std::max(0.0, 1.0 - type.tokens) / limit.rate;
    const auto at = type.refilled_at + Milliseconds{static_cast<Milliseconds::rep>(std::ceil(missing * 1000))};
    const auto due = std::max(at, now + Milliseconds{1});
    if (!next || due < *next) next = due;
  }
  return next;
}

}  // namespace coremachine::machine
