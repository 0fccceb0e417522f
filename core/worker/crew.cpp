#include "core/worker/crew.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <random>
#include <utility>

#include <pthread.h>
#include <unistd.h>
#include <boost/assert.hpp>

namespace coremachine {
namespace {

using worker::Attempt;
using worker::Lane;

constexpr unsigned most_lost = 64;

Failure bad(std::string why) {
  return Failure(Error{ErrorCode::invalid_argument, std::move(why)});
}

/// `host-4711-1f2e3d4c`.
std::string made_up_name() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::array<char, 16> chance{};
  std::snprintf(chance.data(), chance.size(), "%08x", static_cast<unsigned>(std::random_device()()));
  std::string name = host[0] ? host.data() : "worker";
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; }, '-');
  return name.substr(0, 80) + "-" + std::to_string(::getpid()) + "-" + chance.data();
}

void check_name(const std::string& name) {
  constexpr std::size_t longest = 128;
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (name.empty() || name.size() > longest || !printable) {
    throw bad("the name of a worker has 1 to 128 printable ASCII characters without blanks; \"" + name + "\" has not");
  }
}

void check_needs(const TaskInfo& info, const Services& services) {
  for (const auto& needed : info.needs) {
    if (services.has(needed)) continue;
    throw bad("the task type \"" + info.name + "\" needs a service of type " + needed.name() +
              ", and this worker has none");
  }
}

}  // namespace

Worker::Crew::Crew(WorkerOptions options)
    : options_(std::move(options)), tasks_(options_.tasks ? *options_.tasks : TaskRegistry::instance()) {
  if (!options_.transport) throw bad("a worker needs a transport");
  about_.name = options_.name.empty() ? made_up_name() : options_.name;
  check_name(about_.name);
  if (options_.concurrency == 0U) throw bad("a worker runs at least one task at a time");
  about_.concurrency = options_.concurrency.value_or(std::max(1U, std::thread::hardware_concurrency()));
  about_.resolver_id = options_.resolver_id;
  tasks_.freeze();
  offer(options_.task_types);
  world_ = {.services = &options_.services,
            .log = options_.logger.get(),
            .worker = about_.name,
            .artifacts = options_.artifacts.get(),
            .large_value = options_.large_value};
  book_.emplace(worker::LeaseBook::Setup{.threads = about_.concurrency,
                                         .coroutines = coroutine_types_.empty() ? 0 : options_.coroutines,
                                         .grace = options_.grace,
                                         .lane_of = [this](const std::string& type) { return lane_of(type); }});
}

Worker::Crew::~Crew() {
  for (auto& hand : hands_) hand.join();
}

worker::Lane Worker::Crew::lane_of(const std::string& task_type) const {
  const auto* callable = tasks_.find_callable(task_type);
  return callable && callable->coroutine ? Lane::coroutine : Lane::thread;
}

void Worker::Crew::offer(const std::vector<std::string>& wanted) {
  std::vector<std::string> types = wanted;
  if (types.empty()) {
    for (const auto& info : tasks_.list_all_info()) {
      if (info.enabled && tasks_.find_callable(info.name)) types.push_back(info.name);
    }
  }
  for (const auto& type : types) {
    const auto info = tasks_.get_info(type);
    if (!info) throw Failure(info.error());
    if (!tasks_.find_callable(type)) throw bad("the task type \"" + type + "\" has no handler here");
    check_needs(*info, options_.services);
    (lane_of(type) == Lane::coroutine ? coroutine_types_ : thread_types_).push_back(type);
  }
  if (types.empty()) throw bad("there is no task type with a handler, so that this worker could do nothing");
  about_.task_types = std::move(types);
}

WorkerCounts Worker::Crew::counts() const {
  const std::lock_guard lock(mutex_);
  return {.waiting = book_->waiting(),
          .running = book_->running(),
          .threads = static_cast<unsigned>(hands_.size()),
          .lost_threads = lost_,
          .taken = taken_,
          .reported = told_,
          .connected = connected_};
}

void Worker::Crew::log(LogLevel level, std::string_view message, LogFields fields) const {
  if (!options_.logger) return;
  fields.emplace_back("worker", about_.name);
  options_.logger->write(level, message, std::move(fields));
}

// ---- running handlers ----

/// Something is different: whoever may have something to do now looks.
void Worker::Crew::changed() {
  for (const auto& attempt : book_->take_cancelled()) {
    if (coroutines_ && lane_of(attempt->errand().task_type) == Lane::coroutine) coroutines_->cancel(attempt);
  }
  if (idle_hands_ > 0 && book_->waiting(Lane::thread) > 0) hands_wake_.notify_all();
  if (book_->room(Lane::thread) > 0 || book_->room(Lane::coroutine) > 0) poll_wake_.notify_one();
  const auto due = book_->report_due();
  if (due && (!report_at_ || *due < *report_at_)) {
    report_at_ = due;
    report_wake_.notify_one();
  }
  if (phase_ != Phase::working) run_wake_.notify_one();
}

void Worker::Crew::work() {
  ::pthread_setname_np(::pthread_self(), "cm-tasks");
  Lock lock(mutex_);
  for (;;) {
    const auto attempt = book_->next(Lane::thread, now());
    if (!attempt) {
      if (hands_over_) return;
      ++idle_hands_;
      hands_wake_.wait(lock);
      --idle_hands_;
      continue;
    }
    const bool is_timed = attempt->errand().timeout.count() > 0 || attempt->errand().heartbeat.count() > 0;
    if (is_timed) run_wake_.notify_one();
    lock.unlock();
    auto outcome =
        worker::HandlerCall(attempt, world_).run(tasks_.find_callable(attempt->errand().task_type)->function);
    lock.lock();
    if (attempt->is_given_up) {
      --lost_;
      if (!has_too_many_hands()) continue;
      spare_hands_.push_back(std::this_thread::get_id());
      run_wake_.notify_one();
      return;
    }
    book_->ended(*attempt, std::move(outcome), now());
    changed();
  }
}

void Worker::Crew::begin_coroutines(Lock& lock) {
  BOOST_ASSERT(lock.owns_lock());
  if (!coroutines_) return;
  while (auto attempt = book_->next(Lane::coroutine, now())) {
    const auto* callable = tasks_.find_callable(attempt->errand().task_type);
    coroutines_->start(std::move(attempt), callable->coroutine);
  }
}

/// Whether others have the places of threads that were lost and are back.
bool Worker::Crew::has_too_many_hands() const {
  return hands_.size() - spare_hands_.size() - lost_ > about_.concurrency;
}

/// So that a worker which goes on for months does not gather what is left of threads.
void Worker::Crew::join_spare_hands(Lock& lock) {
  std::vector<std::thread> spare;
  for (auto& hand : hands_) {
    if (std::find(spare_hands_.begin(), spare_hands_.end(), hand.get_id()) != spare_hands_.end())
      spare.push_back(std::move(hand));
  }
  std::erase_if(hands_, [](const std::thread& hand) { return !hand.joinable(); });
  spare_hands_.clear();
  lock.unlock();
  for (auto& hand : spare) hand.join();
  lock.lock();
}

/// A handler ignores that it is to end.
void Worker::Crew::hand_lost(Lock& lock, const Attempt& attempt) {
  BOOST_ASSERT(lock.owns_lock());
  const auto& errand = attempt.errand();
  LogFields fields{{"job_id", errand.job.str()},
                   {"round", errand.round},
                   {"task_index", attempt.task().index},
                   {"task_type", errand.task_type},
                   {"attempt", attempt.task().attempt}};
  std::string message = "a handler of \"" + errand.task_type + "\" ignores that it is to end; ";
  ++lost_;
  if (lost_ <= most_lost) {
    hands_.emplace_back([this] { work(); });
    message += "its thread is replaced";
  } else {
    message += "too many threads are lost this way for this one to be replaced";
  }
  log(LogLevel::warn, message, std::move(fields));
}

/// Attempts that are over their time.
void Worker::Crew::look_after(Lock& lock) {
  book_->cancel_overdue(now());
  const auto given_up = book_->give_up_overdue(now());
  for (const auto& attempt : given_up) {
    if (lane_of(attempt->errand().task_type) == Lane::thread) hand_lost(lock, *attempt);
  }
  changed();
}

// ---- the whole of it ----

WorkerEnd Worker::Crew::run() {
  if (!coroutine_types_.empty()) {
    coroutines_ = std::make_unique<worker::CoroutineLane>(
        world_, [this](const std::shared_ptr<Attempt>& attempt, RemoteOutcome outcome) {
          Lock lock(mutex_);
          book_->ended(*attempt, std::move(outcome), now());
          begin_coroutines(lock);
          changed();
        });
  }
  Lock lock(mutex_);
  for (unsigned i = 0; i < about_.concurrency; ++i) hands_.emplace_back([this] { work(); });
  duties_.emplace_back([this] { poll(); });
  duties_.emplace_back([this] { report(); });
  duties_.emplace_back([this] { renew(); });
  while (phase_ == Phase::working) {
    if (!spare_hands_.empty()) {
      join_spare_hands(lock);
      continue;  // much may have happened meanwhile
    }
    look_after(lock);
    if (const auto at = book_->next_look(now())) {
      run_wake_.wait_until(lock, *at);
    } else {
      run_wake_.wait(lock);
    }
  }
  return wind_up(lock);
}

WorkerEnd Worker::Crew::wind_up(Lock& lock) {
  log(LogLevel::info, "draining: nothing more is taken",
      {{"running", book_->running()}, {"returned", book_->waiting()}});
  book_->close(now());
  changed();
  const auto limit = now() + options_.drain_limit;
  leave(lock);
  constexpr Milliseconds for_reports{5'000};
  if (!settle(lock, limit, Phase::draining)) {
    log(LogLevel::warn, "the drain limit is over: what still runs is told to end", {{"running", book_->running()}});
    phase_ = std::max(phase_, Phase::cancelling);
    book_->cancel_all();
    changed();
    settle(lock, now() + options_.grace + for_reports, Phase::cancelling);
  }
  return end(lock);
}

/// Waits until the machine has been told of everything. False: that takes longer, or there is no time for it any more.
bool Worker::Crew::settle(Lock& lock, Time until, Phase phase) {
  while (!book_->empty()) {
    if (now() >= until || phase_ > phase) return false;
    look_after(lock);
    const auto look = book_->next_look(now());
    run_wake_.wait_until(lock, look ? std::min(*look, until) : until);
  }
  return true;
}

WorkerEnd Worker::Crew::end(Lock& lock) {
  WorkerEnd end;
  end.fault = fault_;
  end.still_running = lost_ + static_cast<unsigned>(book_->running());
  end.untold = book_->untold();
  phase_ = Phase::over;
  hands_over_ = true;
  for (auto* wake : {&hands_wake_, &poll_wake_, &report_wake_, &renew_wake_}) wake->notify_all();
  lock.unlock();
  if (!end.fault && end.untold == 0) options_.transport->leave(about_);
  options_.transport->interrupt();
  for (auto& duty : duties_) duty.join();
  if (coroutines_) coroutines_->stop();
  log(LogLevel::info, "the worker has ended", {{"reported", told_}, {"untold", end.untold}});
  return end;
}

void Worker::Crew::drain() {
  const std::lock_guard lock(mutex_);
  phase_ = std::max(phase_, Phase::draining);
  run_wake_.notify_all();
  poll_wake_.notify_all();
}

void Worker::Crew::hurry() {
  const std::lock_guard lock(mutex_);
  phase_ = std::max(phase_, Phase::cancelling);
  run_wake_.notify_all();
}

}  // namespace coremachine
