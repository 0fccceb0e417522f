// What a worker says to its machine.

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include <pthread.h>

#include "core/worker/crew.hpp"

namespace coremachine {
namespace {

using worker::Backoff;
using worker::Lane;

/// How long a poll waits for something.
constexpr Milliseconds poll_wait{20'000};
/// The same while only coroutines have room: a thread may be free any moment.
constexpr Milliseconds short_wait{500};
/// How often a worker that holds nothing is heard of.
constexpr Milliseconds seen_every{10'000};
constexpr std::uint32_t most_asked = 8192;

Backoff make_backoff() {
  return {Milliseconds{100}, Milliseconds{10'000}, std::random_device()()};
}

std::string_view in_words(WorkerFault::Kind kind) {
  switch (kind) {
    case WorkerFault::Kind::unreachable: return "the machine cannot be reached";
    case WorkerFault::Kind::busy: return "the machine asks to come again later";
    case WorkerFault::Kind::not_allowed: return "the machine does not allow it";
    case WorkerFault::Kind::refused: return "the machine refuses it";
  }
  return "";
}

bool is_final(const WorkerFault& fault) {
  return fault.kind == WorkerFault::Kind::not_allowed || fault.kind == WorkerFault::Kind::refused;
}

}  // namespace

void Worker::Crew::heard() {
  if (!connected_) log(LogLevel::info, ever_heard_ ? "connected again" : "connected");
  connected_ = ever_heard_ = true;
}

/// After a call that came to nothing: what is to be thought of it, and a pause.
void Worker::Crew::mind(Lock& lock, const WorkerFault& fault, Backoff& backoff, std::condition_variable& wake) {
  if (phase_ == Phase::over) return;
  if (is_final(fault) && !ever_heard_) {
    fault_ = fault;
    phase_ = std::max(phase_, Phase::draining);
    run_wake_.notify_all();
  }
  if (connected_ || !ever_warned_) {
    log(is_final(fault) ? LogLevel::error : LogLevel::warn, in_words(fault.kind), {{"error", fault.what}});
    ever_warned_ = true;
  }
  if (fault.kind != WorkerFault::Kind::busy) connected_ = false;
  const auto until = now() + std::max(backoff.next(), fault.retry_after.value_or(Milliseconds{0}));
  wake.wait_until(lock, until, [&] { return phase_ == Phase::over || now() >= until; });
}

// ---- polling ----

/// Who asks, and for what. Nobody: there is no room.
std::optional<Worker::Crew::Question> Worker::Crew::question() const {
  const auto threads = thread_types_.empty() ? 0 : book_->room(Lane::thread);
  const auto coroutines = coroutine_types_.empty() ? 0 : book_->room(Lane::coroutine);
  if (threads == 0 && coroutines == 0) return std::nullopt;
  Question question{.worker = about_, .most = threads > 0 ? threads : coroutines, .wait = poll_wait};
  if (threads > 0 && coroutines > 0) {
    question.most = std::min(threads, coroutines);
  } else if (threads > 0) {
    question.worker.task_types = thread_types_;
  } else {
    question.worker.task_types = coroutine_types_;
  }
  if (question.worker.task_types.size() < about_.task_types.size()) question.wait = short_wait;
  question.most = std::min(question.most, most_asked);
  return question;
}

void Worker::Crew::poll() {
  ::pthread_setname_np(::pthread_self(), "cm-poll");
  auto backoff = make_backoff();
  Lock lock(mutex_);
  while (phase_ == Phase::working) {
    const auto asked = question();
    if (!asked) {
      poll_wake_.wait(lock);
      continue;
    }
    polls_ = true;
    lock.unlock();
    auto answer = options_.transport->poll(asked->worker, asked->most, asked->wait);
    lock.lock();
    polls_ = false;
    if (!answer) {
      if (phase_ == Phase::working) mind(lock, answer.error(), backoff, poll_wake_);
      continue;
    }
    backoff.reset();
    heard();
    for (const auto& hand_out : *answer) taken_ += hand_out.tasks.size();
    book_->take(std::move(*answer), now());
    begin_coroutines(lock);
    run_wake_.notify_one();
    renew_wake_.notify_one();
    changed();
  }
}

// ---- reporting ----

void Worker::Crew::report() {
  ::pthread_setname_np(::pthread_self(), "cm-report");
  auto backoff = make_backoff();
  Lock lock(mutex_);
  while (phase_ != Phase::over) {
    report_at_ = book_->report_due();
    if (!report_at_) {
      report_wake_.wait(lock);
      continue;
    }
    if (*report_at_ > now()) {
      const auto until = *report_at_;
      report_wake_.wait_until(lock, until);
      continue;
    }
    report_at_ = Time::min();  // it need not be woken
    const auto reports = book_->reports();
    lock.unlock();
    const auto answer = options_.transport->report(about_, *reports);
    lock.lock();
    if (answer) {
      backoff.reset();
      heard();
      for (const auto& report : *reports) told_ += report.outcomes.size();
      book_->reported(*answer, now());
    } else if (answer.error().kind == WorkerFault::Kind::refused) {
      if (const auto lease = book_->refused(answer.error().what)) {
        log(LogLevel::error, "the machine refuses a report; its results count as failures",
            {{"lease", lease->str()}, {"error", answer.error().what}});
      }
    } else {
      mind(lock, answer.error(), backoff, report_wake_);
    }
    changed();
  }
}

// ---- renewing ----

Milliseconds Worker::Crew::renewal_pause() const {
  const auto term = book_->shortest_term();
  return term ? std::min(std::max(*term / 3, Milliseconds{1}), seen_every) : seen_every;
}

void Worker::Crew::renew() {
  ::pthread_setname_np(::pthread_self(), "cm-renew");
  Backoff backoff(Milliseconds{100}, Milliseconds{2'000}, std::random_device()());
  Lock lock(mutex_);
  auto last = now();
  while (phase_ != Phase::over) {
    const auto due = last + renewal_pause();
    if (due > now()) {
      renew_wake_.wait_until(lock, due);
      continue;
    }
    const auto asked = now();
    const auto renewals = book_->renewals();
    lock.unlock();
    const auto answer = options_.transport->renew(about_, renewals);
    lock.lock();
    if (!answer) {
      book_->not_renewed(renewals);
      mind(lock, answer.error(), backoff, renew_wake_);
      continue;
    }
    last = asked;
    backoff.reset();
    heard();
    book_->renewed(renewals, *answer, asked, now());
    begin_coroutines(lock);
    changed();
  }
}

/// Tries until it is heard, or there is no time for it. What a poll that is under way brings yet goes back as well.
void Worker::Crew::leave(Lock& lock) {
  Backoff backoff(Milliseconds{50}, Milliseconds{1'000}, std::random_device()());
  constexpr Milliseconds at_most{2'000};
  const auto until = now() + std::min(options_.drain_limit, at_most);
  bool heard = false;
  while (!heard && !fault_ && now() < until && phase_ < Phase::cancelling) {
    lock.unlock();
    const auto left = options_.transport->leave(about_);
    lock.lock();
    heard = left || is_final(left.error());
    if (!heard) run_wake_.wait_for(lock, backoff.next());
  }
  if (heard) run_wake_.wait_until(lock, until, [this] { return !polls_; });
}

}  // namespace coremachine
