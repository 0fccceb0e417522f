#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/runtime/remote.hpp>

#include "core/worker/attempt.hpp"

namespace coremachine::worker {

/// How the tasks of a type are run.
enum class Lane : std::uint8_t {
  thread,     ///< each has a thread while it runs
  coroutine,  ///< they wait beside each other
};

/// What a worker holds: the leases, which of their tasks wait, run and have ended, and what of that the machine has
/// been told. No clock, no threads, no I/O: the time comes in, and who owns it sees to it that one thread at a time is
/// in it.
///
/// Every task that was taken is told of exactly once, however often a report has to be sent, unless its lease is gone.
class LeaseBook {
 public:
  using Time = Clock::time_point;
  struct Setup {
    unsigned threads = 1;        ///< tasks that run at a time, each on a thread
    unsigned coroutines = 0;     ///< tasks in flight besides; 0: there are none of that kind
    Milliseconds grace{10'000};  ///< for attempts that are over their time
    std::function<Lane(const std::string& task_type)> lane_of;
  };
  explicit LeaseBook(Setup setup) : setup_(std::move(setup)) {}

  // ---- taking and running ----

  /// How many more tasks it wants now. What is short is queued ahead of the threads, what is long is not.
  std::uint32_t room(Lane lane) const;
  /// A hand-out that it has or had already is passed over. Once it is closing, everything goes back as it came.
  void take(std::vector<HandOut> hand_outs, Time now);
  /// The next task, which begins now; null: none may.
  std::shared_ptr<Attempt> next(Lane lane, Time now);
  /// False: nobody waits for this outcome any more.
  bool ended(Attempt& attempt, RemoteOutcome outcome, Time now);

  // ---- watching ----

  /// Decides about attempts that are over their time; their handlers are cancelled, and their threads are lost.
  std::vector<std::shared_ptr<Attempt>> give_up_overdue(Time now);
  /// Tells attempts to end that should have ended by now.
  void cancel_overdue(Time now);
  /// Attempts that were told to end since the last time, for whatever reason.
  std::vector<std::shared_ptr<Attempt>> take_cancelled() { return std::exchange(cancelled_, {}); }
  /// When one of the two may find something, as far as can be told now.
  std::optional<Time> next_look(Time now) const;

  // ---- telling ----

  /// When there is something that should be told.
  std::optional<Time> report_due() const;
  /// What is to be told next: the same again until it is answered or refused. Null: nothing.
  std::shared_ptr<const std::vector<RemoteReport>> reports();
  /// They were heard, and are on disk.
  void reported(const std::vector<LeaseNews>& news, Time now);
  /// They cannot be had. Several are told one by one from now on. What is refused by itself is told once more as
  /// failures, for good, with the reason; if that is refused too it is dropped, and its lease with it.
  /// Returns the lease whose outcomes are concerned.
  std::optional<LeaseId> refused(const std::string& why);

  /// All leases, with what is new of their attempts.
  std::vector<LeaseRenewal> renewals();
  /// They were heard after `asked`. A lease of which there is no news is held.
  void renewed(const std::vector<LeaseRenewal>& renewals, const std::vector<LeaseNews>& news, Time asked, Time now);
  void not_renewed(const std::vector<LeaseRenewal>& renewals);
  std::optional<Milliseconds> shortest_term() const;

  // ---- ending ----

  /// What has not begun goes back, and so does what comes from now on.
  void close(Time now);
  /// What runs is told to end, and goes back unless it completes.
  void cancel_all();

  bool empty() const { return leases_.empty(); }
  std::size_t waiting(Lane lane) const { return of(lane).waiting; }
  std::size_t waiting() const { return of(Lane::thread).waiting + of(Lane::coroutine).waiting; }
  std::size_t running() const { return of(Lane::thread).running + of(Lane::coroutine).running; }
  /// Tasks of which the machine has not heard.
  std::size_t untold() const;
  /// Attempts that run and whose end somebody waits for.
  std::vector<std::shared_ptr<Attempt>> attempts() const;

 private:
  struct Lease {
    Errand errand;
    std::vector<RemoteTask> tasks;  ///< those from `next` on wait
    std::size_t next = 0;
    Lane lane = Lane::thread;
    Time renewed{};
    std::vector<std::shared_ptr<Attempt>> running = {};
    std::vector<RemoteOutcome> outcomes = {};  ///< to be told
    std::size_t told = 0;                      ///< tasks of which the machine has heard
    bool is_over() const { return told == tasks.size(); }
    bool has_waiting() const { return next < tasks.size(); }
    bool is_out_of_touch(Time now) const { return errand->term.count() > 0 && now >= renewed + errand->term; }
  };
  struct Load {
    std::deque<LeaseId> queue = {};  ///< leases with tasks that wait, those that run alone first
    std::size_t waiting = 0;
    std::size_t running = 0;
    double mean_us = -1;  ///< how long a task takes; below 0: nobody knows
  };
  using Leases = std::map<LeaseId, Lease>;

  Load& of(Lane lane) { return loads_[static_cast<std::size_t>(lane)]; }
  const Load& of(Lane lane) const { return loads_[static_cast<std::size_t>(lane)]; }
  Lease* find(LeaseId id);
  bool may_begin(const Lease& lease, Time now) const;
  bool has_alone() const;
  void return_waiting(Lease& lease, Time now);
  void add_outcome(Lease& lease, RemoteOutcome outcome, Time now);
  void hear(const std::vector<LeaseNews>& news, Time now);
  void tell_to_end(const std::shared_ptr<Attempt>& attempt);
  void drop(Leases::iterator at);
  void forget(Leases::iterator at);
  std::vector<RemoteReport> make_batch();
  void end_of(Attempt& attempt, RemoteOutcome outcome, Time now);
  TaskFailure overdue_failure(const Attempt& attempt, Time now) const;
  std::optional<Time> give_up_at(const Attempt& attempt) const;

  const Setup setup_;
  Leases leases_ = {};
  Load loads_[2] = {};
  std::vector<std::shared_ptr<Attempt>> cancelled_ = {};
  bool alone_runs_ = false;
  bool closing_ = false;
  bool cancelling_ = false;

  std::shared_ptr<const std::vector<RemoteReport>> batch_ = {};  ///< told, and not answered yet
  bool one_by_one_ = false;
  bool told_refusal_ = false;  ///< the batch says what was refused before
  std::size_t untold_ = 0;     ///< outcomes outside the batch
  std::size_t untold_bytes_ = 0;
  std::optional<Time> oldest_untold_ = {};
  bool hurry_ = false;

  std::deque<LeaseId> forgotten_ = {};  ///< the latest, so that a late copy of a hand-out is known
  std::set<LeaseId> known_ = {};
};

}  // namespace coremachine::worker
