// What is asked of a machine by those who watch over it.

#include <chrono>
#include <future>
#include <memory>
#include <utility>

#include <boost/json/array.hpp>

#include <coremachine/runtime/core_machine.hpp>

#include "core/runtime/shell.hpp"
#include "core/telemetry/build_info.hpp"

namespace coremachine {
namespace {

/// How long counts of the moment are waited for: they are left out of the metrics rather than hold those up.
constexpr std::chrono::seconds patience{1};

struct Status {
  std::vector<QueueStatus> queues;
  std::vector<WorkerStatus> workers;
};

/// Blocks until the machine has told, or for so long.
Result<Status> ask(runtime::Shell& shell, std::optional<std::chrono::seconds> at_most = {}) {
  auto status = std::make_shared<Status>();
  auto answered = std::make_shared<std::promise<std::optional<Error>>>();
  auto answer = answered->get_future();
  runtime::StatusInput input;
  input.look = [status](std::vector<QueueStatus> queues, std::vector<WorkerStatus> workers) {
    *status = Status{std::move(queues), std::move(workers)};
  };
  input.then = [answered](machine::Answer&& told) { answered->set_value(std::move(told.error)); };
  shell.post(std::move(input));
  if (at_most && answer.wait_for(*at_most) != std::future_status::ready)
    return Error{ErrorCode::timed_out, "the machine did not answer in time"};
  if (auto error = answer.get()) return std::move(*error);
  return std::move(*status);
}

void add_queue_metrics(std::vector<Metric>& metrics, const std::vector<QueueStatus>& queues) {
  Metric queued{"coremachine_tasks_queued", "Tasks that may run and were not handed out yet.", MetricKind::gauge, {}};
  Metric running{"coremachine_tasks_running", "Tasks that were handed out.", MetricKind::gauge, {}};
  Metric oldest{"coremachine_queue_oldest_age_seconds",
                "How long the task that waits longest has been allowed to run.",
                MetricKind::gauge,
                {}};
  // Types that this program does not have come from stored jobs: their names are not labels of ours.
  QueueStatus others;
  others.name = "other";
  const auto add = [&](const QueueStatus& queue) {
    const MetricLabels labels{{"task_type", queue.name}};
    const auto age = queue.oldest_age.value_or(Milliseconds{0});
    queued.samples.push_back({.labels = labels, .value = static_cast<double>(queue.depth)});
    running.samples.push_back({.labels = labels, .value = static_cast<double>(queue.running)});
    oldest.samples.push_back({.labels = labels, .value = std::chrono::duration<double>(age).count()});
  };
  for (const auto& queue : queues) {
    if (queue.declared) {
      add(queue);
      continue;
    }
    others.depth += queue.depth;
    others.running += queue.running;
    if (queue.oldest_age) others.oldest_age = std::max(others.oldest_age.value_or(Milliseconds{0}), *queue.oldest_age);
  }
  const bool named = std::any_of(queues.begin(), queues.end(),
                                 [&](const QueueStatus& queue) { return queue.declared && queue.name == others.name; });
  if (!named) add(others);
  metrics.insert(metrics.end(), {std::move(queued), std::move(running), std::move(oldest)});
}

}  // namespace

Result<std::vector<QueueStatus>> CoreMachine::queues() const {
  auto status = ask(*shell_);
  if (!status) return status.error();
  return std::move(status->queues);
}

Result<std::vector<WorkerStatus>> CoreMachine::workers() const {
  auto status = ask(*shell_);
  if (!status) return status.error();
  return std::move(status->workers);
}

std::vector<Metric> CoreMachine::metrics() const {
  auto metrics = shell_->metrics().metrics();
  if (const auto status = ask(*shell_, patience)) add_queue_metrics(metrics, status->queues);
  Metric dropped{"coremachine_log_records_dropped_total",
                 "Log records that were lost, because there was no room or they could not be written.",
                 MetricKind::counter,
                 {}};
  dropped.samples.push_back({.value = static_cast<double>(shell_->logger().dropped())});
  metrics.push_back(std::move(dropped));
  metrics.push_back(telemetry::build_info());
  for (auto& metric : process_metrics()) metrics.push_back(std::move(metric));
  return metrics;
}

}  // namespace coremachine
