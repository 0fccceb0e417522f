// What has happened to a job, and what happens to it.

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "core/runtime/mailbox.hpp"
#include "core/runtime/past_events.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {
namespace runtime {
namespace {

/// A retry of the job may come between two looks into the store, and take away what the second was to find.
constexpr int most_tries = 5;

struct Past {
  std::vector<JobEvent> events = {};
  bool over = false;
};

Result<Past> read_past(const Shell& shell, JobId job, std::uint64_t after) {
  return shell.reading([&](const Store& store) {
    for (int i = 1;; ++i) {
      const auto stored = store.read_job(job);
      if (!stored) throw Failure(Error{ErrorCode::unknown_job, "there is no job " + job.str()});
      Past past{past_events(store, *stored, after), is_terminal(stored->job.status)};
      const auto still = store.read_row(job);
      if (i == most_tries || !still || still->attempt == stored->job.attempt) return past;
    }
  });
}

/// Gives a listener first what has happened, then what comes, in order of sequence and each once: what comes too early
/// waits here.
class Follower {
 public:
  Follower(std::function<void(const JobEvent&)> listener, std::uint64_t after)
      : listener_(std::move(listener)), last_(after) {}

  /// On a thread of the machine.
  void happened(const JobEvent& event) {
    {
      const std::lock_guard lock(mutex_);
      if (!caught_up_) return waiting_.push_back(event);
      if (event.sequence <= last_) return;
      last_ = event.sequence;
    }
    listener_(event);
  }

  /// What lies before `live` comes from the store, what lies after it from the machine.
  void catch_up(std::vector<JobEvent> past, std::uint64_t live) {
    // Who has seen more than there is knows another history of this job, that of a store from before it was restored.
    last_ = std::min(last_, live);
    std::erase_if(past, [&](const JobEvent& event) { return event.sequence > live; });
    for (;;) {
      for (const auto& event : past) {
        if (event.sequence <= last_) continue;
        last_ = event.sequence;
        listener_(event);
      }
      const std::lock_guard lock(mutex_);
      past = std::exchange(waiting_, {});
      caught_up_ = past.empty();
      if (caught_up_) return;
    }
  }

 private:
  const std::function<void(const JobEvent&)> listener_;
  std::mutex mutex_;
  std::uint64_t last_;  ///< told; of the one who catches up until that is done
  bool caught_up_ = false;
  std::vector<JobEvent> waiting_ = {};
};

}  // namespace
}  // namespace runtime

Result<std::vector<JobEvent>> CoreMachine::events(JobId job, std::uint64_t after) const {
  // Once this is answered, what the job has come to is on disk.
  runtime::Mailbox mailbox;
  shell_->post(runtime::InspectInput{job, mailbox.then()});
  const auto answer = *mailbox.wait();
  if (answer.error && answer.error->code != ErrorCode::unknown_job) return *answer.error;
  auto past = runtime::read_past(*shell_, job, after);
  if (!past) return past.error();
  return std::move(past->events);
}

Result<Subscription> CoreMachine::follow(JobId job, std::uint64_t after,
                                         std::function<void(const JobEvent&)> listener) const {
  const auto follower = std::make_shared<runtime::Follower>(std::move(listener), after);
  for (int i = 1;; ++i) {
    auto live = std::make_shared<runtime::Listener>([follower](const JobEvent& event) { follower->happened(event); });
    runtime::Mailbox mailbox;
    shell_->post(runtime::CatchUpInput{job, live, mailbox.then()});
    const auto answer = *mailbox.wait();
    if (answer.error && answer.error->code != ErrorCode::unknown_job) return *answer.error;
    auto past = runtime::read_past(*shell_, job, after);
    if (!past) return past.error();
    if (!answer.error) {
      follower->catch_up(std::move(past->events), answer.view->last_event);
      return Subscription(std::move(live));
    }
    // Not live: then it is over, unless it was retried just now.
    if (past->over || i == runtime::most_tries) {
      follower->catch_up(std::move(past->events), UINT64_MAX);
      return Subscription();
    }
  }
}

}  // namespace coremachine
