// Submissions that may have been made before, what is kept in settings and artifacts, and jobs that have been kept long
// enough.

#include <string>
#include <utility>

#include "core/model/codec.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine::runtime {
namespace {

/// A reference has some 150 bytes itself; and a row must not become too large for the store.
constexpr std::size_t smallest_large_value = 1024;
constexpr std::size_t largest_large_value = std::size_t{16} << 20U;
constexpr Milliseconds between_slices{100};
constexpr Milliseconds between_rounds{60'000};

bool released(JobStatus status) {
  return is_terminal(status) && status != JobStatus::completed;
}

}  // namespace

LargeValues::Setup Shell::large_values_setup() {
  const auto limit = setup_.options.large_value;
  if (limit < smallest_large_value || limit > largest_large_value) {
    throw Failure(Error{ErrorCode::invalid_argument,
                        "MachineOptions::large_value is " + std::to_string(limit) + " bytes; it goes from " +
                            std::to_string(smallest_large_value) + " to " + std::to_string(largest_large_value)});
  }
  LargeValues::Setup large;
  large.open = setup_.open_artifacts;
  large.limit = limit;
  large.opened = [this] { collector_->start(); };
  large.broke = [this](const Error& error) { post(StoreFailedInput{error}); };
  large.fault_point = setup_.fault_point;
  return large;
}

void Shell::open_artifacts() {
  ArtifactCollector::Setup collector;
  collector.large = &large_values_;
  collector.store = setup_.store.get();
  if (setup_.store->peers() != nullptr) collector.is_first = [this] { return is_first_.load(); };
  collector.log = [this](const std::string& message) { log(message); };
  collector.fault_point = setup_.fault_point;
  collector_ = std::make_unique<ArtifactCollector>(std::move(collector));
  try {
    large_values_.store_if_there();
  } catch (const Failure& failure) {
    log("the artifacts cannot be used: " + failure.error().message);  // whoever needs one will be told as well
  }
}

void Shell::load_settings() {
  for (const auto& setting : setup_.store->read_settings("limit")) {
    JsonReader in(*setting.value);
    engine_->load_limit(draw(), setting.name, codec::read_limit(in));
  }
  engine_->set_garbage(setup_.store->has_garbage());
}

std::optional<SubmissionKey> Shell::find_key(const std::string& key) const {
  if (const auto* pending = engine_->pending_key(key)) return *pending;
  return setup_.store->find_key(key);
}

/// The job that this submission is already, if it is one.
Result<std::optional<JobId>> Shell::submitted_before(const Submission& submission) const {
  for (const auto& wanted : machine::keys_of(submission)) {
    const auto known = find_key(wanted.key);
    if (!known) continue;
    const auto* live = engine_->find(known->job);
    const auto stored = live ? std::nullopt : setup_.store->read_job(known->job);
    if (!live && !stored) continue;  // it was deleted
    if (wanted.key.starts_with("i:")) {
      if (known->fingerprint == submission.fingerprint) return std::optional(known->job);
      return Error{ErrorCode::key_conflict, "the idempotency key \"" + submission.idempotency_key +
                                                "\" was given with another job type or other params before, for job " +
                                                known->job.str()};
    }
    if (!released(live ? live->status : stored->job.status)) return std::optional(known->job);
  }
  return std::optional<JobId>();
}

void Shell::submit(const Now& now, SubmitInput& input, machine::RequestId request) {
  auto& submission = input.submission;
  if (!submission.fingerprint.empty()) {
    machine::Answer answer;
    answer.request = request;
    try {
      const auto before = submitted_before(submission);
      if (!before) {
        answer.error = before.error();
        return finish(request, std::move(answer));
      }
      if (*before) {
        const auto job = **before;
        if (input.ticket) *input.ticket = Ticket{request, job, true};
        // Found by its params, the job is from now on found by the key as well.
        for (auto& key : machine::keys_of(submission)) {
          key.job = job;
          if (!find_key(key.key)) engine_->add_key(std::move(key));
        }
        if (engine_->find(job)) return engine_->submitted_before(job, request, input.until);
        answer.job = job;
        answer.existing = true;
        const auto stored = setup_.store->read_job(job);
        answer.view = machine::snapshot(decode_job(stored->job, stored->rounds));
        return engine_->answer_after_commit(std::move(answer));
      }
    } catch (const Failure& failure) {
      answer.error = failure.error();
      return finish(request, std::move(answer));
    }
  }
  submission.id = make_id(now.time);
  const auto id = submission.id;
  if (input.ticket) *input.ticket = Ticket{request, id};
  engine_->submit(now, std::move(submission), request, input.until, input.listener != nullptr);
  if (!input.listener || !engine_->find(id)) return;
  listeners_[id].push_back(input.listener);
  own_listeners_[id] = std::move(input.listener);
}

void Shell::look_for_old_jobs() {
  const auto look = [this] {
    Milliseconds pause = between_rounds;
    try {
      auto slice = retention_.next(*setup_.store, now());
      for (const auto job : slice.due) post(RemoveInput{job, [](machine::Answer&&) {}});
      if (!slice.round_ended) pause = between_slices;
    } catch (const Failure& failure) {
      log_->warn("looking for old jobs: " + failure.error().message);
    }
    io_->execute_after(pause, [this] { look_for_old_jobs(); });
  };
  io_->execute(look);
}

}  // namespace coremachine::runtime
