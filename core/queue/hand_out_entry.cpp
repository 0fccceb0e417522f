#include "core/queue/hand_out_entry.hpp"

#include <utility>

#include <boost/json/parse.hpp>

#include <coremachine/resolve/task_spec.hpp>

#include "core/model/json_text.hpp"

namespace coremachine::queue {
namespace {

Error not_a_hand_out(const std::string& why) {
  return Error{ErrorCode::invalid_argument, "the entry was not made of a hand-out: " + why};
}

json::object object_of(const std::string& text) {
  auto value = text.empty() ? json::value(json::object()) : parse_stored(text);
  return std::move(value.as_object());
}

std::string text_of(const json::value& value) {
  std::string text;
  const auto fault = append_json(text, value);
  if (fault) throw Failure(Error{ErrorCode::invalid_argument, "a value that JSON cannot say: " + *fault});
  return text;
}

QueueRecord record_of(const HandOut& hand_out, const RemoteTask& task, const std::string& module) {
  QueueRecord record;
  record.task_id = TaskId{hand_out.job, hand_out.round, task.index}.str();
  record.created_at = hand_out.offered_at;
  record.resolver_id = hand_out.resolver_id;
  record.attempt = task.attempt;
  record.group_id = hand_out.job.str();
  record.params = object_of(task.params);
  if (!task.progress.empty()) record.progress = parse_stored(task.progress);
  // What was too large to be carried is a reference to it, and shows nothing of what is in it.
  auto envelope = envelope_strategy(hand_out.task_type) ? envelope_from(record.params)
                                                        : Result<Envelope>(not_a_hand_out("no envelope"));
  if (envelope) {
    record.task = std::move(envelope->task);
    record.params = std::move(envelope->params);
    record.resolver_id = std::move(envelope->resolver_id);
  } else {
    record.task = SerializedTask::reference(hand_out.task_type, module);
  }
  return record;
}

Result<RemoteTask> task_of(const QueueRecord& record, const TaskId& id, const std::string& task_type) {
  RemoteTask task;
  task.index = id.index;
  task.attempt = record.attempt;
  const auto strategy = envelope_strategy(task_type);
  if (record.task.strategy == to_string(TaskStrategy::reference)) {
    const auto& name = record.task.payload.at("name").as_string();
    if (std::string_view(name) != task_type) {
      return not_a_hand_out("task " + record.task_id + " refers to " + std::string(name) + ", and the others are of " +
                            task_type);
    }
    task.params = text_of(record.params);
  } else if (strategy && to_string(*strategy) == record.task.strategy) {
    task.params = text_of(to_json(Envelope{record.task, record.resolver_id, record.params}));
  } else {
    return not_a_hand_out("task " + record.task_id + " has the strategy " + record.task.strategy +
                          ", which is not that of " + task_type);
  }
  if (!record.progress.is_null()) task.progress = text_of(record.progress);
  return task;
}

}  // namespace

QueueEntry entry_of(const HandOut& hand_out, std::string reply_to, const std::string& module) {
  QueueEntry entry;
  entry.lease = hand_out.lease.str();
  entry.job_id = hand_out.job.str();
  entry.task_type = hand_out.task_type;
  entry.stage = hand_out.stage;
  entry.round = hand_out.round;
  entry.defined_in = hand_out.defined_in;
  entry.alone = hand_out.alone;
  entry.term = hand_out.term;
  entry.timeout = hand_out.timeout;
  entry.heartbeat = hand_out.heartbeat;
  entry.offered_at = hand_out.offered_at;
  entry.reply_to = std::move(reply_to);
  entry.traceparent = hand_out.traceparent;
  for (const auto& task : hand_out.tasks) entry.tasks.push_back(record_of(hand_out, task, module));
  return entry;
}

Result<HandOut> hand_out_of(const QueueEntry& entry) {
  const auto lease = LeaseId::parse(entry.lease);
  const auto job = JobId::parse(entry.job_id);
  if (!lease) return not_a_hand_out("its lease is \"" + entry.lease + "\"");
  if (!job) return not_a_hand_out("its job is \"" + entry.job_id + "\"");
  if (!is_valid_name(entry.task_type)) return not_a_hand_out("it has no task type");
  HandOut hand_out;
  hand_out.lease = *lease;
  hand_out.job = *job;
  hand_out.stage = entry.stage;
  hand_out.round = entry.round;
  hand_out.defined_in = entry.defined_in;
  hand_out.task_type = entry.task_type;
  hand_out.timeout = entry.timeout;
  hand_out.heartbeat = entry.heartbeat;
  hand_out.term = entry.term;
  hand_out.offered_at = entry.offered_at;
  hand_out.alone = entry.alone;
  hand_out.traceparent = entry.traceparent;
  for (const auto& record : entry.tasks) {
    const auto id = TaskId::parse(record.task_id);
    if (!id || id->job != *job || id->round != entry.round) {
      return not_a_hand_out("task \"" + record.task_id + "\" is none of round " + std::to_string(entry.round) +
                            " of job " + entry.job_id);
    }
    auto task = task_of(record, *id, entry.task_type);
    if (!task) return task.error();
    hand_out.resolver_id = record.resolver_id;
    hand_out.tasks.push_back(std::move(*task));
  }
  return hand_out;
}

}  // namespace coremachine::queue
