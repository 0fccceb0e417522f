#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/worker/transport.hpp>

namespace coremachine::test {

/// The other end of a worker: gives out what a test has put into it, keeps what is reported, and fails as it is told.
class FakeMachine final : public WorkerTransport {
 public:
  using Key = std::pair<std::uint64_t, TaskIndex>;  ///< lease and index

  // ---- for the test ----

  static HandOut hand_out(std::uint64_t lease, std::string type, std::size_t tasks) {
    HandOut out;
    out.lease = LeaseId{lease};
    out.job = JobId{};
    out.stage = 1;
    out.round = 1;
    out.defined_in = 1;
    out.task_type = std::move(type);
    out.term = Milliseconds{30'000};
    for (std::size_t i = 0; i < tasks; ++i) {
      out.tasks.push_back(
          {.index = static_cast<TaskIndex>(i), .attempt = 1, .params = R"({"i":)" + std::to_string(i) + "}"});
    }
    return out;
  }

  void offer(HandOut hand_out) {
    const std::lock_guard lock(mutex_);
    offered_.push_back(std::move(hand_out));
    changed_.notify_all();
  }
  /// What the next news of this lease will say.
  void set(std::uint64_t lease, LeaseState state) {
    const std::lock_guard lock(mutex_);
    states_[lease] = state;
  }
  enum class Call : std::uint8_t { poll, report, renew, leave };
  /// The next calls of this kind are heard, and their answers are lost.
  void lose_answers(Call call, int count) {
    const std::lock_guard lock(mutex_);
    lost_[call] = count;
  }
  /// The next calls of this kind end so, unheard.
  void fail(Call call, int count, WorkerFault::Kind kind) {
    const std::lock_guard lock(mutex_);
    failing_[call] = {count, kind};
  }
  /// Polls are answered with what there is of these types alone, and never with more than was asked for.
  bool wait_until(const std::function<bool(const FakeMachine&)>& is_so) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds{60}, [&] { return is_so(*this); });
  }
  bool wait_for_outcomes(std::size_t count) {
    return wait_until([&](const FakeMachine& machine) { return machine.outcomes.size() >= count; });
  }

  // Of the test under `wait_until`, or once the worker has ended.
  std::map<Key, std::vector<RemoteOutcome>> outcomes =
      {};                                 ///< as they were recorded: the same report twice counts once
  std::vector<std::uint32_t> asked = {};  ///< max_tasks of each poll
  std::set<Key> given = {};
  std::vector<LeaseRenewal> renewals = {};
  std::uint64_t renew_calls = 0;
  std::uint64_t report_calls = 0;
  std::uint64_t left = 0;

  // ---- of the worker ----

  WorkerAnswer<std::vector<HandOut>> poll(const RemoteWorker& worker, std::uint32_t max_tasks, Milliseconds) override {
    std::unique_lock lock(mutex_);
    if (auto fault = failed(Call::poll)) return *fault;
    asked.push_back(max_tasks);
    changed_.notify_all();
    std::vector<HandOut> found;
    changed_.wait(lock, [&] {
      found = fitting(worker, max_tasks);
      return !found.empty() || left > 0 || interrupted_;
    });
    if (interrupted_) return gone();
    for (const auto& hand_out : found) {
      for (const auto& task : hand_out.tasks) given.emplace(hand_out.lease.value, task.index);
    }
    if (is_lost(Call::poll)) return gone();
    return found;
  }

  WorkerAnswer<std::vector<LeaseNews>> report(const RemoteWorker&, const std::vector<RemoteReport>& reports) override {
    const std::lock_guard lock(mutex_);
    if (auto fault = failed(Call::report)) return *fault;
    ++report_calls;
    std::vector<LeaseNews> news;
    for (const auto& report : reports) {
      for (const auto& outcome : report.outcomes) record(report.lease.value, outcome);
      news.push_back({report.lease, state_of(report.lease.value)});
    }
    changed_.notify_all();
    if (is_lost(Call::report)) return gone();
    return news;
  }

  WorkerAnswer<std::vector<LeaseNews>> renew(const RemoteWorker&, const std::vector<LeaseRenewal>& leases) override {
    const std::lock_guard lock(mutex_);
    if (auto fault = failed(Call::renew)) return *fault;
    ++renew_calls;
    std::vector<LeaseNews> news;
    for (const auto& lease : leases) {
      renewals.push_back(lease);
      news.push_back({lease.lease, state_of(lease.lease.value)});
    }
    changed_.notify_all();
    if (is_lost(Call::renew)) return gone();
    return news;
  }

  WorkerAnswer<void> leave(const RemoteWorker&) override {
    const std::lock_guard lock(mutex_);
    if (auto fault = failed(Call::leave)) return *fault;
    ++left;
    changed_.notify_all();
    return {};
  }

  void interrupt() override {
    const std::lock_guard lock(mutex_);
    interrupted_ = true;
    changed_.notify_all();
  }

 private:
  static WorkerFault gone() { return {WorkerFault::Kind::unreachable, "the connection was lost"}; }

  std::optional<WorkerFault> failed(Call call) {
    auto& [count, kind] = failing_[call];
    if (count == 0) return std::nullopt;
    --count;
    return WorkerFault{kind, "the test wants it so"};
  }
  bool is_lost(Call call) {
    auto& count = lost_[call];
    if (count == 0) return false;
    --count;
    return true;
  }
  LeaseState state_of(std::uint64_t lease) const {
    const auto at = states_.find(lease);
    return at == states_.end() ? LeaseState::held : at->second;
  }
  /// A report that comes twice changes nothing.
  void record(std::uint64_t lease, const RemoteOutcome& outcome) {
    auto& known = outcomes[{lease, outcome.index}];
    for (const auto& each : known) {
      if (each.attempt == outcome.attempt && each.kind == outcome.kind && each.result == outcome.result) return;
    }
    known.push_back(outcome);
  }
  std::vector<HandOut> fitting(const RemoteWorker& worker, std::uint32_t most) {
    std::vector<HandOut> found;
    for (auto at = offered_.begin(); at != offered_.end();) {
      const bool knows =
          std::find(worker.task_types.begin(), worker.task_types.end(), at->task_type) != worker.task_types.end();
      if (!knows || at->tasks.size() > most) {
        ++at;
        continue;
      }
      most -= static_cast<std::uint32_t>(at->tasks.size());
      found.push_back(std::move(*at));
      at = offered_.erase(at);
    }
    return found;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<HandOut> offered_ = {};
  std::map<std::uint64_t, LeaseState> states_ = {};
  std::map<Call, int> lost_ = {};
  std::map<Call, std::pair<int, WorkerFault::Kind>> failing_ = {};
  bool interrupted_ = false;
};

}  // namespace coremachine::test
