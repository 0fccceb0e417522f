#include "core/queue/redis/pump_book.hpp"

#include <algorithm>
#include <cmath>

namespace coremachine::redis {
namespace {

/// What waits in a stream besides the measured work, so that Redis' memory has a limit.
constexpr double most_tasks = 32'768;
constexpr std::size_t most_asked = 8192;

RemoteOutcome returned(TaskIndex index, std::uint32_t attempt) {
  RemoteOutcome outcome;
  outcome.index = index;
  outcome.attempt = attempt;
  outcome.kind = RemoteOutcome::Kind::returned;
  return outcome;
}

/// Microseconds that one of them took; nothing if none was begun.
std::optional<double> mean_of(const std::vector<RemoteOutcome>& outcomes) {
  std::chrono::microseconds took{0};
  std::size_t ran = 0;
  for (const auto& outcome : outcomes) {
    if (outcome.kind == RemoteOutcome::Kind::returned) continue;
    took += outcome.took;
    ++ran;
  }
  if (ran == 0) return std::nullopt;
  return static_cast<double>(took.count()) / static_cast<double>(ran);
}

/// Takes those out of it that are too much for one entry.
RemoteReport split_off(HandOut& hand_out) {
  RemoteReport report{hand_out.lease};
  std::size_t bytes = 0;
  std::size_t kept = 0;
  while (kept < hand_out.tasks.size()) {
    bytes += hand_out.tasks[kept].params.size() + hand_out.tasks[kept].progress.size();
    if (kept > 0 && bytes > entry_bytes) break;
    ++kept;
  }
  for (auto i = kept; i < hand_out.tasks.size(); ++i)
    report.outcomes.push_back(returned(hand_out.tasks[i].index, hand_out.tasks[i].attempt));
  hand_out.tasks.resize(kept);
  return report;
}

}  // namespace

PumpBook::PumpBook(std::string server, PumpTimes times)
    : server_(std::move(server)), times_(times), term_(times.term) {}

// ---- streams ----

StreamNumber PumpBook::stream_of(const StreamName& name) {
  const auto [at, fresh] = numbers_.try_emplace(name, streams_.size());
  if (fresh) {
    streams_.push_back(Stream{.name = name});
    actions_.emplace_back(OpenStream{at->second});
  }
  return at->second;
}

/// Each stream asks the machine by itself, since each has its own room.
RemoteWorker PumpBook::pump_worker(StreamNumber number) const {
  const auto& stream = streams_[number];
  RemoteWorker worker;
  worker.name = "redis/" + server_ + "/" + std::to_string(number);
  worker.kind = "redis";
  worker.concurrency = std::max(1U, stream.concurrency);
  worker.task_types = {stream.name.task_type};
  worker.many = true;
  worker.resolver_id = stream.name.resolver_id;
  return worker;
}

/// How many more tasks may lie in the stream: about so much work, and for each thread that has nothing to do one.
std::size_t PumpBook::room(const Stream& stream) const {
  if (stream.concurrency == 0) return 0;
  const auto held = stream.waiting_tasks + stream.claimed_tasks;
  const std::size_t idle = stream.concurrency > held ? stream.concurrency - held : stream.waiting_tasks == 0 ? 1 : 0;
  if (stream.mean_us < 0) return idle;
  const auto ahead_us = static_cast<double>(times_.ahead.count()) * 1000 * stream.concurrency;
  const auto wanted =
      static_cast<std::size_t>(std::clamp(std::floor(ahead_us / std::max(stream.mean_us, 1.0)), 1.0, most_tasks));
  const auto more = wanted > stream.waiting_tasks ? wanted - stream.waiting_tasks : 0;
  // Many short ones are not asked for one at a time.
  const auto worth_it = wanted > 16 && more * 4 < wanted ? 0 : more;
  return std::max(idle, worth_it);
}

void PumpBook::fill(StreamNumber number, Time now) {
  auto& stream = streams_[number];
  if (!up_ || closing_ || stream.is_polling || now < stream.paused_until) return;
  const auto most = std::min(room(stream), most_asked);
  if (most == 0) return;
  stream.is_polling = true;
  stream.is_giving_up = false;
  actions_.emplace_back(PollMachine{number, pump_worker(number), static_cast<std::uint32_t>(most)});
}

void PumpBook::stop_polling(StreamNumber number) {
  auto& stream = streams_[number];
  if (!stream.is_polling || stream.is_giving_up) return;
  stream.is_giving_up = true;
  actions_.emplace_back(GiveUpPoll{number});
}

// ---- what is out ----

void PumpBook::count(const Out& out, int sign) {
  auto& stream = streams_[out.stream];
  const auto add = [sign](std::size_t& to, std::size_t n) { to = sign > 0 ? to + n : to - n; };
  if (out.state == State::claimed) return add(stream.claimed_tasks, out.left);
  add(stream.waiting_tasks, out.left);
  add(stream.waiting_entries, 1);
}

void PumpBook::set_state(Out& out, State state) {
  count(out, -1);
  out.state = state;
  count(out, 1);
}

void PumpBook::claim(Out& out, const std::string& worker, Time now) {
  if (out.state != State::claimed) {
    set_state(out, State::claimed);
    out.heard = std::max(out.heard, now);
  }
  out.worker = worker;
  out.missing.reset();
}

/// It did not say so itself to the machine, as it does with a report or a renewal. The next tick does: most leases are
/// short, and over before.
void PumpBook::found_with(const std::string& worker, Out& out, Time now) {
  if (out.state != State::claimed || out.worker != worker) out.is_untold = true;
  claim(out, worker, now);
}

void PumpBook::remove_entry(Out& out) {
  if (out.id.empty()) return;
  actions_.emplace_back(RemoveEntry{out.stream, std::move(out.id)});
  out.id.clear();
}

void PumpBook::drop(Outs::iterator at) {
  remove_entry(at->second);
  count(at->second, -1);
  outs_.erase(at);
}

/// Nobody has begun with it, as far as can be known: others may have it. If somebody has after all, what he says later
/// finds no lease.
void PumpBook::give_back(Outs::iterator at, Time now) {
  RemoteReport report{LeaseId{at->first}};
  for (const auto& [index, attempt] : at->second.tasks) report.outcomes.push_back(returned(index, attempt));
  returned_ += report.outcomes.size();
  const auto stream = at->second.stream;
  drop(at);
  if (!report.outcomes.empty()) actions_.emplace_back(TellMachine{std::move(report)});
  fill(stream, now);
}

void PumpBook::take_back(LeaseId lease, Out& out) {
  if (out.state != State::waiting || out.id.empty()) return;
  set_state(out, State::taking_back);
  actions_.emplace_back(TakeBack{out.stream, lease, out.id});
}

void PumpBook::take_back_all(StreamNumber number) {
  for (auto& [lease, out] : outs_) {
    if (out.stream == number) take_back(LeaseId{lease}, out);
  }
}

std::optional<bool> PumpBook::knows(LeaseId lease, const JobId& job) const {
  const auto found = outs_.find(lease.value);
  if (found == outs_.end()) return std::nullopt;
  return found->second.job == job;
}

PumpBook::Counts PumpBook::counts() const {
  Counts counts{.workers = workers_.size(), .handed_out = handed_out_, .returned = returned_};
  for (const auto& stream : streams_) {
    counts.waiting += stream.waiting_tasks;
    counts.claimed += stream.claimed_tasks;
  }
  return counts;
}

// ---- the machine ----

void PumpBook::handed_out(StreamNumber number, std::vector<HandOut> hand_outs, Time now) {
  streams_[number].is_polling = false;
  for (auto& hand_out : hand_outs) {
    if (hand_out.term.count() > 0) term_ = hand_out.term;
    if (auto rest = split_off(hand_out); !rest.outcomes.empty()) actions_.emplace_back(TellMachine{std::move(rest)});
    handed_out_ += hand_out.tasks.size();
    Out out;
    out.stream = number;
    out.job = hand_out.job;
    out.left = hand_out.tasks.size();
    out.tasks.reserve(out.left);
    for (const auto& task : hand_out.tasks) out.tasks.emplace_back(task.index, task.attempt);
    out.put = out.heard = now;
    const auto [at, fresh] = outs_.emplace(hand_out.lease.value, std::move(out));
    if (!fresh) continue;
    count(at->second, 1);
    if (up_ && !closing_ && streams_[number].concurrency > 0) {
      actions_.emplace_back(AddEntry{number, std::move(hand_out)});
    } else {
      give_back(at, now);
    }
  }
  fill(number, now);
}

void PumpBook::poll_failed(StreamNumber stream, Time now) {
  streams_[stream].is_polling = false;
  streams_[stream].paused_until = now + times_.pause;
}

void PumpBook::close() {
  closing_ = true;
  for (StreamNumber number = 0; number < streams_.size(); ++number) stop_polling(number);
}

bool PumpBook::is_asking() const {
  return std::any_of(streams_.begin(), streams_.end(), [](const Stream& stream) { return stream.is_polling; });
}

void PumpBook::news(const std::vector<LeaseNews>& news, Time now) {
  for (const auto& [lease, state] : news) {
    const auto at = find(lease);
    if (at == outs_.end()) continue;
    auto& out = at->second;
    const auto stream = out.stream;
    switch (state) {
      case LeaseState::held: break;
      case LeaseState::gone:
        drop(at);
        fill(stream, now);
        break;
      case LeaseState::recalled:
      case LeaseState::cancelled: take_back(lease, out); break;
    }
  }
}

// ---- workers ----

void PumpBook::workers_are(std::vector<RemoteWorker> workers, Time now) {
  std::map<std::string, Worker> known;
  std::map<StreamName, std::uint32_t> slots;
  for (auto& worker : workers) {
    for (const auto& type : worker.task_types) slots[{type, worker.resolver_id}] += worker.concurrency;
    const auto before = workers_.find(worker.name);
    const bool is_new = before == workers_.end() || before->second.worker.task_types != worker.task_types ||
                        before->second.worker.concurrency != worker.concurrency;
    const auto told = is_new ? now : before->second.told;
    if (is_new) actions_.emplace_back(SeeWorker{worker});
    auto name = worker.name;
    known.insert_or_assign(std::move(name), Worker{std::move(worker), told});
  }
  for (const auto& [name, before] : workers_) {
    if (known.contains(name)) continue;
    ForgetWorker forget{name, {}};
    for (const auto& type : before.worker.task_types)
      forget.streams.push_back(stream_of({type, before.worker.resolver_id}));
    actions_.emplace_back(std::move(forget));
  }
  workers_ = std::move(known);
  for (const auto& [name, concurrency] : slots) stream_of(name);
  for (StreamNumber number = 0; number < streams_.size(); ++number) {
    auto& stream = streams_[number];
    const auto found = slots.find(stream.name);
    const auto now_there = found == slots.end() ? 0 : found->second;
    if (now_there == stream.concurrency) continue;
    stream.concurrency = now_there;
    stop_polling(number);  // it is asked anew, for as many
    if (now_there == 0) take_back_all(number);
    fill(number, now);
  }
}

void PumpBook::claimed(const std::string& worker, LeaseId lease, Time now) {
  const auto at = find(lease);
  if (at == outs_.end() || at->second.state == State::claimed) return;
  found_with(worker, at->second, now);
  fill(at->second.stream, now);
}

void PumpBook::heard(const std::string& worker, LeaseId lease, const std::vector<RemoteOutcome>& outcomes, Time now) {
  const auto at = find(lease);
  if (at == outs_.end()) return;
  auto& out = at->second;
  claim(out, worker, now);
  out.heard = now;
  out.is_untold = false;
  if (outcomes.empty()) return;
  auto& stream = streams_[out.stream];
  count(out, -1);
  out.left -= std::min(out.left, outcomes.size());
  count(out, 1);
  if (const auto each = mean_of(outcomes))
    stream.mean_us = stream.mean_us < 0 ? *each : stream.mean_us + (*each - stream.mean_us) / 4;
  fill(out.stream, now);
}

void PumpBook::refused(LeaseId lease, const std::string& why, Time now) {
  const auto at = find(lease);
  if (at == outs_.end()) return;
  RemoteReport report{lease};
  for (const auto& [index, attempt] : at->second.tasks) {
    RemoteOutcome outcome;
    outcome.index = index;
    outcome.attempt = attempt;
    outcome.kind = RemoteOutcome::Kind::failed;
    outcome.failure = {.type = "unreadable_entry", .message = why, .kind = TaskFailure::Kind::dead};
    report.outcomes.push_back(std::move(outcome));
  }
  const auto stream = at->second.stream;
  drop(at);
  if (!report.outcomes.empty()) actions_.emplace_back(TellMachine{std::move(report)});
  fill(stream, now);
}

}  // namespace coremachine::redis
