// The book of a server against a Redis, a machine and workers that are made of numbers, by seed: entries are lost,
// doubled and brought back, connections break, messages come late, in another order or not at all, workers die.

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>

#include <doctest/doctest.h>

#include "core/queue/redis/pump_book.hpp"

namespace {

using namespace coremachine;
using namespace coremachine::redis;
using namespace std::chrono_literals;
using Time = PumpBook::Time;

constexpr std::size_t all_tasks = 400;
constexpr Milliseconds term{3000};
const JobId the_job{7, 7};

PumpTimes quick() {
  PumpTimes times;
  times.term = term;
  return times;
}

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), took_(seed % 2 == 0 ? 1ms : 20ms) {
    for (TaskIndex i = 0; i < all_tasks; ++i) ready_.push_back(i);
    for (const auto* name : {"a", "b"}) workers_.try_emplace(name);
    connect();
  }

  void run(std::chrono::seconds time, bool wild) {
    for (const auto until = now_ + time; now_ < until && !(is_over() && !wild); now_ += 20ms) step(wild);
  }
  /// Looks that were not whole.
  std::size_t glances() const { return glances_; }
  bool is_over() const { return recorded_.size() == all_tasks; }
  /// Each task has one outcome, as the machine sees it.
  void check_recorded() const {
    CHECK(recorded_.size() == all_tasks);
    CHECK(accepted_ == all_tasks);
    CHECK(ready_.empty());
  }
  /// What is done leaves nothing behind.
  void check_empty() {
    // That a lease of a dead worker is over the book hears when it asks, some time after.
    const auto out = [this] { return book_.counts().waiting + book_.counts().claimed; };
    for (int i = 0; i < 3000 && !(leases_.empty() && entries_.empty() && out() == 0); ++i, now_ += 20ms) step(false);
    CHECK(leases_.empty());
    CHECK(entries_.empty());
    CHECK(book_.counts().waiting == 0);
    CHECK(book_.counts().claimed == 0);
  }

 private:
  struct Lease {
    std::map<TaskIndex, std::uint32_t> left = {};
    Time expires{};
    std::string holder = {};
  };
  struct Work {
    std::deque<TaskIndex> to_do = {};
    std::vector<RemoteOutcome> untold = {};
    Time told{};
  };
  struct Member {
    std::map<std::uint64_t, Work> work = {};
    Time renewed{};
  };

  bool chance(unsigned of_thousand) { return wild_ && random_() % 1000 < of_thousand; }
  Milliseconds some(unsigned ms) { return Milliseconds(random_() % ms); }
  void later(Milliseconds pause, std::function<void()> call) { later_.emplace(now_ + pause, std::move(call)); }
  /// Redis answers in order, unless the connection ends before.
  void reply(std::function<void()> call) { replies_.emplace_back(now_ + some(30), std::move(call)); }

  void step(bool wild) {
    wild_ = wild;
    was_wild_ = was_wild_ || wild;
    mishaps();
    while (!later_.empty() && later_.begin()->first <= now_) {
      const auto call = later_.extract(later_.begin());
      call.mapped()();
    }
    while (!replies_.empty() && replies_.front().first <= now_) {
      const auto call = std::move(replies_.front().second);
      replies_.pop_front();
      call();
    }
    expire();
    for (auto& [name, member] : workers_) work(name, member);
    if (poll_ && !ready_.empty()) answer_poll();
    if (!was_wild_) check_holders();
    book_.tick(now_);
    carry_out();
    CHECK(book_.counts().waiting <= all_tasks);
    CHECK(book_.counts().claimed <= 2 * all_tasks);
  }

  /// Where nothing goes wrong it is known at once who has what.
  void check_holders() {
    for (const auto& [id, lease] : leases_) {
      const auto read = read_at_.find(id);
      if (read != read_at_.end() && now_ > read->second + 100ms) CHECK(lease.holder != "");
    }
  }

  // ---- what goes wrong ----

  void mishaps() {
    if (!up_ && now_ >= up_at_) connect();
    if (!wild_) return;
    if (up_ && chance(4)) cut();
    if (up_ && chance(3)) {
      entries_.clear();
      book_.redis_forgot(now_);
    }
    if (chance(10)) saved_ = entries_;
    if (saved_ && chance(3)) {
      cut();
      entries_ = *std::exchange(saved_, {});
    }
    if (chance(3)) {  // a worker dies, and another one comes
      workers_.erase(workers_.begin());
      workers_.try_emplace("w" + std::to_string(++names_));
      tell_workers();
    }
  }
  void cut() {
    if (!up_) return;
    up_ = false;
    up_at_ = now_ + some(4000);
    replies_.clear();
    book_.disconnected(now_);
  }
  void connect() {
    up_ = true;
    book_.connected(now_);
    tell_workers();
  }
  void tell_workers() {
    if (!up_) return;
    std::vector<RemoteWorker> all;
    for (const auto& [name, member] : workers_) all.push_back({.name = name, .concurrency = 2, .task_types = {"t"}});
    book_.workers_are(std::move(all), now_);
  }

  // ---- the machine ----

  void answer_poll() {
    std::vector<HandOut> hand_outs;
    std::size_t given = 0;
    for (int i = 0; i < 4 && given < poll_->most && !ready_.empty(); ++i) {
      HandOut out;
      out.lease = LeaseId{++last_lease_};
      out.job = the_job;
      out.task_type = "t";
      out.term = term;
      auto& lease = leases_[out.lease.value];
      lease.expires = now_ + term;
      const auto size = 1 + random_() % 12;
      while (out.tasks.size() < size && given < poll_->most && !ready_.empty()) {
        const auto index = ready_.front();
        ready_.pop_front();
        out.tasks.push_back({.index = index, .attempt = ++attempts_[index]});
        lease.left.emplace(index, attempts_[index]);
        ++given;
      }
      hand_outs.push_back(std::move(out));
    }
    poll_.reset();
    later(some(20), [this, hand_outs = std::move(hand_outs)]() mutable { book_.handed_out(0, hand_outs, now_); });
  }
  void expire() {
    for (auto at = leases_.begin(); at != leases_.end();) {
      if (at->second.expires > now_) {
        ++at;
        continue;
      }
      for (const auto& [index, attempt] : at->second.left) ready_.push_back(index);
      at = leases_.erase(at);
    }
  }
  LeaseState state_of(LeaseId lease) const {
    return leases_.contains(lease.value) ? LeaseState::held : LeaseState::gone;
  }
  LeaseNews report(const RemoteReport& report) {
    const auto found = leases_.find(report.lease.value);
    if (found == leases_.end()) return {report.lease, LeaseState::gone};
    for (const auto& outcome : report.outcomes) {
      const auto task = found->second.left.find(outcome.index);
      if (task == found->second.left.end() || task->second != outcome.attempt) continue;
      found->second.left.erase(task);
      if (outcome.kind == RemoteOutcome::Kind::returned) {
        ready_.push_back(outcome.index);
      } else {
        ++accepted_;
        recorded_.insert(outcome.index);
      }
    }
    if (found->second.left.empty()) leases_.erase(found);
    return {report.lease, state_of(report.lease)};
  }
  LeaseNews renew(LeaseId lease) {
    if (const auto found = leases_.find(lease.value); found != leases_.end()) found->second.expires = now_ + term;
    return {lease, state_of(lease)};
  }

  // ---- workers ----

  void work(const std::string& name, Member& member) {
    if (up_ && member.work.size() < 2) read(name, member);
    for (auto& [id, work] : member.work) {
      if (!work.to_do.empty() && random_() % 4 == 0) {
        RemoteOutcome outcome;
        outcome.index = work.to_do.front();
        outcome.attempt = attempt_of_.at({id, outcome.index});
        outcome.took = took_;
        work.untold.push_back(outcome);
        work.to_do.pop_front();
      }
      if (!work.untold.empty() && now_ >= work.told + 500ms) {
        work.told = now_;
        say(name, LeaseId{id}, work.untold);
      }
    }
    if (now_ < member.renewed + term / 3) return;
    member.renewed = now_;
    for (const auto& [id, work] : member.work) say(name, LeaseId{id}, {});
  }
  void read(const std::string& name, Member& member) {
    const auto free =
        std::find_if(entries_.begin(), entries_.end(), [](const auto& row) { return row.worker.empty(); });
    if (free == entries_.end()) return;
    free->worker = name;
    const auto id = free->lease.value;
    readers_[id].insert(name);
    read_at_.try_emplace(id, now_);
    if (chance(20)) return;  // the answer to its read gets lost
    if (!member.work.try_emplace(id).second) return;
    for (const auto index : contents_.at(id)) member.work.at(id).to_do.push_back(index);
    if (!chance(200)) later(some(50), [this, name, id] { book_.claimed(name, LeaseId{id}, now_); });
  }
  /// A report, or a renewal if there are no outcomes; lost, twice or late.
  void say(const std::string& name, LeaseId lease, const std::vector<RemoteOutcome>& outcomes) {
    if (!up_ || chance(100)) return;
    for (int i = chance(100) ? 2 : 1; i > 0; --i) {
      later(some(chance(100) ? 6000 : 40), [this, name, lease, outcomes] { hear(name, lease, outcomes); });
    }
  }
  void hear(const std::string& name, LeaseId lease, const std::vector<RemoteOutcome>& outcomes) {
    if (!up_) return;
    book_.heard(name, lease, outcomes, now_);
    // The machine hears who has it as well.
    if (const auto found = leases_.find(lease.value); found != leases_.end()) found->second.holder = name;
    const auto news = outcomes.empty() ? renew(lease) : report({lease, outcomes});
    later(some(10), [this, name, news, outcomes] {
      book_.news({news}, now_);
      const auto worker = workers_.find(name);
      if (worker == workers_.end() || !up_ || chance(50)) return;
      const auto work = worker->second.work.find(news.lease.value);
      if (work == worker->second.work.end()) return;
      if (news.state == LeaseState::gone) {
        worker->second.work.erase(work);
        return;
      }
      std::erase_if(work->second.untold, [&](const RemoteOutcome& each) {
        return std::any_of(outcomes.begin(), outcomes.end(),
                           [&](const auto& told) { return told.index == each.index; });
      });
    });
  }

  // ---- what the book wants ----

  void carry_out() {
    for (auto actions = book_.take_actions(); !actions.empty(); actions = book_.take_actions()) {
      for (auto& action : actions) std::visit([this](auto& each) { act(each); }, action);
    }
  }
  void act(PollMachine& poll) { poll_ = poll; }
  void act(GiveUpPoll&) {
    if (std::exchange(poll_, {})) later(1ms, [this] { book_.handed_out(0, {}, now_); });
  }
  void act(OpenStream&) {}
  void act(SeeWorker&) {}
  void act(ForgetWorker&) {}
  void act(AskForOwners&) { FAIL("there is one server"); }
  /// It changes nothing but what is shown. Whoever is named has read the entry, and has not lost it since.
  void act(NoteHolders& note) {
    for (const auto& [worker, held] : note.leases) {
      for (const auto lease : held) {
        CHECK(readers_[lease.value].contains(worker));
        if (const auto found = leases_.find(lease.value); found != leases_.end()) found->second.holder = worker;
      }
    }
  }
  void act(AddEntry& add) {
    if (!up_) return;
    const auto lease = add.hand_out.lease;
    for (const auto& task : add.hand_out.tasks) {
      contents_[lease.value].push_back(task.index);
      attempt_of_[{lease.value, task.index}] = task.attempt;
    }
    auto id = std::to_string(++ids_) + "-0";
    if (!chance(30)) entries_.push_back({id, lease, the_job, "me"});
    if (chance(30)) entries_.push_back({std::to_string(++ids_) + "-0", lease, the_job, "me"});
    if (chance(20)) return cut();
    if (chance(10)) return reply([this, lease] { book_.not_added(lease, now_); });
    reply([this, lease, id] { book_.added(0, lease, id); });
  }
  void act(RemoveEntry& remove) {
    if (up_) std::erase_if(entries_, [&](const auto& row) { return row.id == remove.id; });
  }
  void act(TakeBack& take) {
    if (!up_) return;
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const auto& row) { return row.id == take.id; });
    const auto reader = found == entries_.end() ? std::string() : found->worker;
    if (found != entries_.end() && reader.empty()) entries_.erase(found);
    if (chance(30)) return reply([this, lease = take.lease] { book_.not_taken_back(lease); });
    reply([this, lease = take.lease, reader] { book_.taken_back(lease, reader, now_); });
  }
  void act(LookAt& look) {
    if (!up_) return;
    if (chance(30)) return reply([this] { book_.look_failed(0); });
    if (look.is_whole)
      return reply([this, number = look.number, rows = entries_] { book_.looked(0, number, rows, now_); });
    ++glances_;
    Glance glance{entries_.size(), {}};
    for (const auto& row : entries_) {
      if (!row.worker.empty()) glance.read.emplace_back(row.id, row.worker);
    }
    reply([this, number = look.number, glance] { book_.glanced(0, number, glance, now_); });
  }
  void act(TellMachine& tell) {
    later(some(20), [this, told = std::move(tell.report)] { report(told); });
  }
  void act(RenewLeases& renewal) {
    for (const auto& each : renewal.leases) {
      later(some(20), [this, news = renew(each.lease)] { book_.news({news}, now_); });
    }
  }

  std::mt19937_64 random_;
  const std::chrono::microseconds took_;  ///< a task, so that much or little lies in the stream
  bool wild_ = false;
  bool was_wild_ = false;
  Time now_{1h};
  PumpBook book_{"me", quick()};
  std::multimap<Time, std::function<void()>> later_ = {};
  std::deque<std::pair<Time, std::function<void()>>> replies_ = {};
  // Redis.
  bool up_ = false;
  Time up_at_{};
  std::vector<EntryRow> entries_ = {};
  std::optional<std::vector<EntryRow>> saved_ = {};
  std::uint64_t ids_ = 0;
  // The machine.
  std::deque<TaskIndex> ready_ = {};
  std::map<TaskIndex, std::uint32_t> attempts_ = {};
  std::map<std::uint64_t, Lease> leases_ = {};
  std::set<TaskIndex> recorded_ = {};
  std::size_t accepted_ = 0;
  std::uint64_t last_lease_ = 0;
  std::map<std::uint64_t, std::set<std::string>> readers_ = {};
  std::map<std::uint64_t, Time> read_at_ = {};
  std::size_t glances_ = 0;
  std::optional<PollMachine> poll_ = {};
  // Workers.
  std::map<std::string, Member> workers_ = {};
  unsigned names_ = 0;
  std::map<std::uint64_t, std::vector<TaskIndex>> contents_ = {};
  std::map<std::pair<std::uint64_t, TaskIndex>, std::uint32_t> attempt_of_ = {};
};

TEST_CASE("whatever goes wrong, each task has one recorded outcome, and nothing is left behind") {
  std::size_t glances = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    World world(seed);
    world.run(20s, true);
    world.run(120s, false);
    world.check_recorded();
    world.check_empty();
    glances += world.glances();
  }
  CHECK(glances > 0);
}

TEST_CASE("while all is well, nothing runs twice and nobody waits for the end of a lease") {
  std::size_t glances = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    World world(seed);
    world.run(60s, false);
    world.check_recorded();
    world.check_empty();
    glances += world.glances();
  }
  CHECK(glances > 0);
}

}  // namespace
