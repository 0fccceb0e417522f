#include "core/queue/redis/transport.hpp"

#include <algorithm>
#include <utility>

#include "core/queue/redis/inbox.hpp"
#include "core/queue/redis/pump.hpp"

namespace coremachine::redis {
namespace {

constexpr Milliseconds for_replies{5000};

std::string seconds_text(Milliseconds pause) {
  const auto ms = std::max<Milliseconds::rep>(pause.count(), 1);
  const auto fraction = std::to_string(1000 + ms % 1000).substr(1);
  return std::to_string(ms / 1000) + "." + fraction;
}

WorkerFault unheard() {
  return WorkerFault{WorkerFault::Kind::unreachable,
                     "no server has answered: Redis is there, and a server on this prefix seems not to be"};
}

}  // namespace

Transport::Transport(RedisTarget target, const TaskResolverRegistry& resolvers, std::string default_resolver_id,
                     TransportTimes times)
    : target_(std::move(target)),
      keys_(target_.prefix),
      resolvers_(resolvers),
      default_resolver_id_(std::move(default_resolver_id)),
      times_(times),
      poll_(target_, "coremachine-worker-poll", interruption_),
      report_(target_, "coremachine-worker-report", interruption_),
      renew_(target_, "coremachine-worker-renew", interruption_),
      leave_(target_, "coremachine-worker-leave", interruption_),
      nonce_(make_name(8)) {}

void Transport::interrupt() {
  interruption_.raise();
}

// ---- parcels ----

/// The parcel to the server that has given this lease.
Transport::Parcel& Transport::parcel_for(std::vector<Parcel>& parcels, LeaseId lease, const RemoteWorker& worker,
                                         Message::Kind kind) const {
  std::string server;
  {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(lease);
    if (found != held_.end() && !silent_.contains(found->second.server)) server = found->second.server;
  }
  for (auto& parcel : parcels) {
    if (parcel.server == server) return parcel;
  }
  auto& parcel = parcels.emplace_back();
  parcel.server = std::move(server);
  parcel.message.kind = kind;
  parcel.message.worker.name = worker.name;
  if (kind == Message::Kind::renew) parcel.message.worker = worker;
  return parcel;
}

/// What goes to whoever hears it is about one job: then what one server knows does not wait for what no server knows.
std::vector<Transport::Parcel> Transport::one_for_each_job(std::vector<Parcel> parcels) {
  std::vector<Parcel> split;
  for (auto& parcel : parcels) {
    auto words = std::exchange(parcel.message.leases, {});
    const bool is_common = parcel.server.empty() && !parcel.is_taken && !parcel.is_answered;
    const auto number = parcel.message.number;
    const auto first = split.size();
    for (auto& word : words) {
      auto at = first;
      while (at < split.size() && is_common && split[at].message.leases.front().job != word.job) ++at;
      if (at == split.size()) split.push_back(parcel);
      if (at > first) split[at].message.number = number + "." + word.job.str();
      split[at].message.leases.push_back(std::move(word));
    }
  }
  return split;
}

/// Puts those that are not taken yet into their inboxes, or, where there is none, into the common one.
WorkerAnswer<bool> Transport::post(Channel& channel, std::vector<Parcel>& parcels) {
  auto& link = channel.link();
  for (auto& parcel : parcels) {
    if (parcel.is_answered || parcel.is_taken) continue;
    send_to_inbox(link, keys_, parcel.server, parcel.message, [&parcel](bool is_taken) { parcel.is_taken = is_taken; });
  }
  return channel.wait_for_all(Clock::now() + for_replies);
}

void Transport::took_answer(std::string_view text, std::vector<Parcel>& parcels, std::vector<LeaseNews>& news,
                            std::optional<WorkerFault>& fault) {
  const auto answer = read_answer(text);
  if (!answer) return;
  const auto parcel = std::find_if(parcels.begin(), parcels.end(), [&](const Parcel& each) {
    return !each.is_answered && each.message.number == answer->number;
  });
  if (parcel == parcels.end()) return;  // to something that was asked before
  parcel->is_answered = true;
  learn(*answer);
  if (!answer->fault.empty()) {
    fault = WorkerFault{answer->is_busy ? WorkerFault::Kind::busy : WorkerFault::Kind::refused, answer->fault};
    return;
  }
  news.insert(news.end(), answer->news.begin(), answer->news.end());
}

void Transport::learn(const Answer& answer) {
  const std::lock_guard lock(mutex_);
  silent_.erase(answer.server);
  for (const auto& [lease, state] : answer.news) {
    if (state == LeaseState::gone) {
      held_.erase(lease);
    } else if (const auto found = held_.find(lease); found != held_.end()) {
      found->second.server = answer.server;
    }
  }
  for (const auto lease : answer.elsewhere) {
    if (const auto found = held_.find(lease); found != held_.end()) found->second.server.clear();
  }
}

/// Sends the parcels, and waits for what they are answered; after some time without, to whoever hears them.
WorkerAnswer<std::vector<LeaseNews>> Transport::ask(Line& line, const std::string& answers,
                                                    std::vector<Parcel> parcels) {
  auto& channel = line.channel;
  auto& link = channel.link();
  std::vector<LeaseNews> news;
  std::optional<WorkerFault> fault;
  const auto all_answered = [&] {
    return std::all_of(parcels.begin(), parcels.end(), [](const Parcel& parcel) { return parcel.is_answered; });
  };
  // Whatever is under way when this ends must not touch what is gone then.
  const auto broken_off = [&link](WorkerFault why) {
    link.close();
    return why;
  };
  parcels = one_for_each_job(std::move(parcels));
  for (int round = 0; round < 2 && !all_answered(); ++round) {
    auto posted = post(channel, parcels);
    if (!posted || !*posted) return broken_off(posted ? unheard() : posted.error());
    const bool is_missing = std::any_of(parcels.begin(), parcels.end(),
                                        [](const auto& each) { return !each.is_answered && !each.is_taken; });
    if (is_missing) {
      for (auto& parcel : parcels) {
        if (!parcel.is_taken) parcel.server.clear();
      }
      parcels = one_for_each_job(std::move(parcels));
      posted = post(channel, parcels);
      if (!posted || !*posted) return broken_off(posted ? unheard() : posted.error());
    }
    const auto by = Clock::now() + times_.answer;
    while (!all_answered() && Clock::now() < by) {
      bool is_popped = false;
      const auto pause = seconds_text(std::chrono::ceil<Milliseconds>(by - Clock::now()));
      link.send({"BLPOP", answers, pause}, [&](const Reply& reply) {
        is_popped = true;
        if (reply.size() == 2) took_answer(reply[1].text(), parcels, news, fault);
      });
      const auto popped = channel.wait([&] { return is_popped; }, by + for_replies);
      if (!popped || !*popped) return broken_off(popped ? unheard() : popped.error());
    }
    for (auto& parcel : parcels) {
      if (parcel.is_answered) continue;
      if (!parcel.server.empty()) {
        const std::lock_guard lock(mutex_);
        silent_.insert(parcel.server);
      }
      parcel.server.clear();
      parcel.is_taken = false;
    }
    parcels = one_for_each_job(std::move(parcels));
  }
  if (fault) return *fault;
  if (!all_answered()) return unheard();
  return news;
}

// ---- calls ----

WorkerAnswer<std::vector<LeaseNews>> Transport::report(const RemoteWorker& worker,
                                                       const std::vector<RemoteReport>& reports) {
  const std::lock_guard lock(report_.mutex);
  const auto connected = report_.channel.connect();
  if (!connected) return connected.error();
  std::vector<Parcel> parcels;
  std::vector<LeaseNews> known;
  for (const auto& report : reports) {
    const auto job = job_of(report.lease);
    if (!job) {
      known.push_back({report.lease, LeaseState::gone});
      continue;
    }
    auto& message = parcel_for(parcels, report.lease, worker, Message::Kind::report).message;
    message.leases.push_back({report.lease, *job, report.outcomes});
  }
  // The same report has the same number, so that a late answer is one too.
  for (auto& parcel : parcels) {
    parcel.message.number = nonce_ + "-" + std::to_string(std::hash<std::string>{}(to_text(parcel.message)));
  }
  if (parcels.empty()) return known;
  auto answer = ask(report_, keys_.report_news(worker.name), std::move(parcels));
  if (answer) answer->insert(answer->end(), known.begin(), known.end());
  return answer;
}

/// Whose tasks the lease has; nothing: it was said to be gone before, in an answer that did not get through as a whole.
std::optional<JobId> Transport::job_of(LeaseId lease) const {
  const std::lock_guard lock(mutex_);
  const auto found = held_.find(lease);
  return found == held_.end() ? std::nullopt : std::optional(found->second.job);
}

WorkerAnswer<std::vector<LeaseNews>> Transport::renew(const RemoteWorker& worker,
                                                      const std::vector<LeaseRenewal>& leases) {
  const std::lock_guard lock(renew_.mutex);
  const auto connected = renew_.channel.connect();
  if (!connected) return connected.error();
  announce(renew_.channel.link(), worker, false);
  forget_all_but(leases);
  std::vector<Parcel> parcels;
  std::vector<LeaseNews> known;
  for (const auto& renewal : leases) {
    const auto job = job_of(renewal.lease);
    if (!job) {
      known.push_back({renewal.lease, LeaseState::gone});
      continue;
    }
    auto& message = parcel_for(parcels, renewal.lease, worker, Message::Kind::renew).message;
    message.leases.push_back({renewal.lease, *job, {}, renewal.progress});
  }
  for (auto& parcel : parcels) parcel.message.number = nonce_ + "+" + std::to_string(++renewals_);
  if (parcels.empty()) {
    const auto heard = renew_.channel.wait_for_all(Clock::now() + for_replies);
    if (!heard) return heard.error();
    return known;
  }
  auto answer = ask(renew_, keys_.renewal_news(worker.name), std::move(parcels));
  if (answer) answer->insert(answer->end(), known.begin(), known.end());
  return answer;
}

/// Entries that came twice, and that the worker has done with.
void Transport::forget_all_but(const std::vector<LeaseRenewal>& leases) {
  std::set<LeaseId> held;
  for (const auto& renewal : leases) held.insert(renewal.lease);
  const std::lock_guard lock(mutex_);
  std::erase_if(held_, [&](const auto& entry) {
    return !held.contains(entry.first) && Clock::now() > entry.second.since + 2 * times_.presence;
  });
}

WorkerAnswer<void> Transport::leave(const RemoteWorker& worker) {
  leaving_ = true;
  const std::lock_guard lock(leave_.mutex);
  const auto connected = leave_.channel.connect();
  if (!connected) return connected.error();
  auto& link = leave_.channel.link();
  Message message;
  message.kind = Message::Kind::leave;
  message.worker.name = worker.name;
  link.send({"DEL", keys_.worker(worker.name)});
  link.send({"SREM", keys_.workers(), worker.name});
  send_to_inbox(link, keys_, "", message);
  // The connection of the poll stays: what comes at this very moment must not get lost with it.
  for (int i = 0; i < 50; ++i) {
    if (polling_) link.send({"CLIENT", "UNBLOCK", std::to_string(poll_client_.load())});
    const auto done = leave_.channel.wait_for_all(Clock::now() + for_replies);
    if (!done) return done.error();
    if (!polling_) break;
    const auto paused = leave_.channel.wait([] { return false; }, Clock::now() + Milliseconds{10});
    if (!paused) return paused.error();
  }
  return {};
}

}  // namespace coremachine::redis
