// Tasks for workers in other processes, as they and what connects them see it.

#include <algorithm>
#include <memory>
#include <utility>

#include <coremachine/runtime/core_machine.hpp>

#include "core/runtime/remote_tasks.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {
namespace {

using HandOuts = std::vector<HandOut>;

/// Gives the tasks to who asked. What cannot be read stays out until its lease ends.
void answer_poll(runtime::Shell& shell, const machine::Answer& answer, const CoreMachine::Then<HandOuts>& then) {
  auto made = shell.reading([&](const Store& store) {
    HandOuts hand_outs;
    for (const auto& slice : answer.slices) {
      auto out = runtime::hand_out_of(slice, store);
      out.term = shell.lease_term();
      out.resolver_id = shell.resolver_of(out.task_type);
      hand_outs.push_back(std::move(out));
    }
    return hand_outs;
  });
  then(std::move(made));
}

/// True if all of them are in memory, so that nothing has to be read.
bool has_definitions(const machine::Answer& answer) {
  for (const auto& slice : answer.slices) {
    if (!slice.definitions) return false;
  }
  return true;
}

runtime::Then news_or_error(CoreMachine::Then<std::vector<LeaseNews>> then) {
  return [then = std::move(then)](machine::Answer&& answer) {
    if (answer.error) return then(std::move(*answer.error));
    std::vector<LeaseNews> news;
    news.reserve(answer.leases.size());
    for (const auto& [lease, status] : answer.leases) news.push_back({LeaseId{lease}, runtime::state_of(status)});
    then(std::move(news));
  };
}

}  // namespace

Waiting CoreMachine::poll_then(RemoteWorker worker, std::uint32_t max_tasks, Then<HandOuts> then) {
  auto taker = shell_->taker_of(std::move(worker));
  if (!taker) {
    then(taker.error());
    return {};
  }
  auto ticket = std::make_shared<runtime::Ticket>();
  auto answered = [weak = std::weak_ptr(shell_), then = std::move(then)](machine::Answer&& answer) {
    if (answer.error) return then(std::move(*answer.error));
    const auto shell = weak.lock();
    if (!shell || answer.slices.empty()) return then(HandOuts{});
    if (has_definitions(answer)) return answer_poll(*shell, answer, then);
    // The store is not read on the thread that drives the engine.
    auto kept = std::make_shared<machine::Answer>(std::move(answer));
    shell->off_the_driver([weak, kept, then] {
      if (const auto alive = weak.lock()) answer_poll(*alive, *kept, then);
    });
  };
  shell_->post(runtime::PollInput{std::move(*taker), max_tasks, std::move(answered), ticket});
  return Waiting(shell_, std::move(ticket));
}

void CoreMachine::report_then(std::string worker, std::vector<RemoteReport> reports,
                              Then<std::vector<LeaseNews>> then) {
  std::vector<machine::LeaseReport> made;
  made.reserve(reports.size());
  for (auto& report : reports) {
    auto ready = runtime::lease_report_of(std::move(report), shell_->large_values());
    if (!ready) return then(ready.error());
    made.push_back(std::move(*ready));
  }
  shell_->post(runtime::ReportInput{std::move(worker), std::move(made), news_or_error(std::move(then))});
}

void CoreMachine::renew_then(RemoteWorker worker, std::vector<LeaseRenewal> leases, Then<std::vector<LeaseNews>> then) {
  auto taker = shell_->taker_of(std::move(worker));
  if (!taker) return then(taker.error());
  std::vector<machine::LeaseRenewed> made;
  made.reserve(leases.size());
  for (auto& lease : leases) {
    auto ready = runtime::lease_renewed_of(std::move(lease), shell_->large_values());
    if (!ready) return then(ready.error());
    made.push_back(std::move(*ready));
  }
  shell_->post(runtime::RenewInput{std::move(*taker), std::move(made), news_or_error(std::move(then))});
}

Result<std::optional<std::uint64_t>> CoreMachine::owner_elsewhere(JobId job) const {
  return shell_->reading([&](const Store& store) -> std::optional<std::uint64_t> {
    auto* peers = store.peers();
    return peers ? peers->owner_elsewhere(job) : std::nullopt;
  });
}

Result<std::map<LeaseId, LeasePlace>> CoreMachine::places_of(const std::vector<LeaseId>& leases) const {
  // The engine numbers leases so: above these bits is the incarnation of the machine that gave it out.
  constexpr unsigned bits_of_number = 40;
  std::map<LeaseId, LeasePlace> places;
  std::map<std::string, LeaseId> unknown;
  const auto alive = peers();
  for (const auto lease : leases) {
    auto& place = places[lease];
    const auto maker = lease.value >> bits_of_number;
    if (maker == shell_->incarnation() || !shares_store()) continue;
    // A machine that lives has all that it ever gave out.
    if (std::find(alive.begin(), alive.end(), maker) != alive.end()) {
      place.peer = maker;
    } else {
      unknown.emplace(std::to_string(lease.value), lease);
    }
  }
  if (unknown.empty()) return places;
  return shell_->reading([&](const Store& store) {
    std::map<JobId, std::vector<LeaseId>> by_job;
    for (const auto& setting : store.read_settings("lease")) {
      if (const auto found = unknown.find(setting.name); found != unknown.end())
        by_job[decode_lease(*setting.value).slice.job].push_back(found->second);
    }
    if (by_job.empty()) return places;
    std::vector<JobId> jobs;
    for (const auto& [job, of_job] : by_job) jobs.push_back(job);
    const auto owners = store.peers()->owners_elsewhere(jobs);
    for (const auto& [job, of_job] : by_job) {
      LeasePlace place;
      if (const auto owner = owners.find(job); owner != owners.end()) {
        place.peer = owner->second;
      } else {
        const auto row = store.read_row(job);
        place.is_certain = !row || is_terminal(row->status);
      }
      for (const auto lease : of_job) places[lease] = place;
    }
    return places;
  });
}

Result<bool> CoreMachine::has_job(JobId job) const {
  return shell_->reading([&](const Store& store) { return store.read_row(job).has_value(); });
}

bool CoreMachine::shares_store() const {
  return shell_->peers() != nullptr;
}

std::vector<std::uint64_t> CoreMachine::peers() const {
  std::vector<std::uint64_t> peers;
  if (!shell_->peers()) return peers;
  for (const auto& peer : shell_->peers()->alive()) peers.push_back(peer.incarnation);
  return peers;
}

std::optional<std::uint64_t> CoreMachine::first_peer() const {
  auto first = shell_->incarnation();
  for (const auto peer : peers()) first = std::min(first, peer);
  return first == shell_->incarnation() ? std::nullopt : std::optional(first);
}

Result<void> CoreMachine::send_to_peer(std::uint64_t peer, std::string_view message) {
  const auto sent = shell_->reading([&](const Store& store) {
    if (auto* peers = store.peers()) peers->send(peer, message);
    return true;
  });
  if (!sent) return sent.error();
  return {};
}

bool CoreMachine::on_peers(std::function<void(std::uint64_t from, const std::string& message)> take,
                           std::function<void(std::uint64_t peer)> gone) {
  if (!shell_->peers()) return false;
  shell_->peers()->listen({std::move(take), std::move(gone)});
  return true;
}

void CoreMachine::leave_then(std::string worker, Then<void> then) {
  auto done = [then = std::move(then)](machine::Answer&& answer) {
    if (answer.error) return then(std::move(*answer.error));
    then(Result<void>());
  };
  shell_->post(runtime::LeaveInput{std::move(worker), std::move(done)});
}

void CoreMachine::note_holders(const std::map<std::string, std::vector<LeaseId>>& leases) {
  runtime::HoldersInput input;
  for (const auto& [worker, held] : leases) {
    auto& numbers = input.leases[worker];
    for (const auto lease : held) numbers.push_back(lease.value);
  }
  shell_->post(std::move(input));
}

}  // namespace coremachine
