#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/time.hpp>
#include <coremachine/resolve/serialized_task.hpp>

namespace coremachine::queue {

namespace json = boost::json;

/// Of entries and of records alike. Older records, which say no schema, are read as well; see `read_record`.
inline constexpr int queue_schema = 1;

/// Names one task of one round.
struct TaskId {
  JobId job;
  std::uint32_t round = 0;
  TaskIndex index = 0;

  std::string str() const;  ///< "JOB:ROUND:INDEX"
  static std::optional<TaskId> parse(std::string_view text);
  friend bool operator==(const TaskId&, const TaskId&) = default;
};

/// One task as it lies in a queue.
struct QueueRecord {
  std::string task_id;  ///< TaskId; what an older record says may be any text
  std::string status = "ready";
  Timestamp created_at{};  ///< in JSON a number of seconds
  std::string resolver_id = "default";
  SerializedTask task;
  json::object params = {};  ///< it may be a reference to an artifact in the place of one
  std::uint32_t attempt = 1;
  std::string group_id = {};  ///< the job
  json::value progress = {};  ///< what earlier attempts had come to; null: nothing

  friend bool operator==(const QueueRecord&, const QueueRecord&) = default;
};

/// What is put into a queue at once: the tasks of one hand-out. All but `tasks` may be missing in one that was not put
/// there by a machine.
struct QueueEntry {
  std::string lease = {};
  std::string job_id = {};
  std::string task_type = {};
  int stage = 0;
  std::uint32_t round = 0;
  std::uint32_t defined_in = 0;
  bool alone = false;
  Milliseconds term{0};
  Milliseconds timeout{0};
  Milliseconds heartbeat{0};
  Timestamp offered_at{};
  std::string reply_to = {};
  std::string traceparent = {};
  std::vector<QueueRecord> tasks = {};

  friend bool operator==(const QueueEntry&, const QueueEntry&) = default;
};

json::object to_json(const QueueRecord& record);
json::object to_json(const QueueEntry& entry);
/// The same as text, as it is put into a queue.
std::string to_text(const QueueEntry& entry);

/// A record of this schema, or an older one: without `schema`, with `serialized_task` or
/// with `task_data` in its place, with `retry_count` in the place of `attempt`, and perhaps without `params`.
/// Fails (invalid_argument) naming what it does not know: the schema, the strategy, the status; or what is missing.
/// Members that it does not know are left alone.
Result<QueueRecord> read_record(const json::value& json);
/// An entry, or an older record by itself. Fails likewise; nothing of an entry is read if one record of it cannot be.
Result<QueueEntry> read_entry(const json::value& json);
/// Fails also for what is no JSON.
Result<QueueEntry> parse_entry(std::string_view text);

}  // namespace coremachine::queue
