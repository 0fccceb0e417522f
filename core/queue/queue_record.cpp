#include "core/queue/queue_record.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/json/serialize.hpp>

#include "core/model/json_text.hpp"
#include "core/model/suggest.hpp"
#include "core/model/value_parser.hpp"
#include "core/queue/members.hpp"

namespace coremachine::queue {
namespace {

constexpr std::string_view ready = "ready";
constexpr std::uint64_t any_u32 = std::numeric_limits<std::uint32_t>::max();

json::string text_of(std::string_view text) {
  return json::string(text.data(), text.size());
}

double seconds_of(Timestamp time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1000;
}

template <class N>
std::optional<N> parse_number(std::string_view text) {
  N number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_plain = !text.empty() && (text == "0" || text.front() != '0');
  return fault == std::errc() && end == text.data() + text.size() && is_plain ? std::optional(number) : std::nullopt;
}

/// The schema that an object says; 0: none, as older ones.
int schema_of(Members& members) {
  const auto* schema = members.find("schema");
  if (!schema) return 0;
  if (schema->is_int64() && schema->get_int64() == queue_schema) return queue_schema;
  std::string named;
  append_json(named, *schema);
  members.refuse("unknown schema " + quoted_name(named) + "; this program knows " + std::to_string(queue_schema));
  return queue_schema;
}

void read_task(Members& members, bool is_older, QueueRecord& record) {
  const bool by_old_name = is_older && !members.has("serialized_task");
  const std::string_view name = by_old_name ? "task_data" : "serialized_task";
  const auto* value = members.find(name);
  if (!value) return members.refuse(name, "is missing");
  auto task = serialized_task_from(*value);
  if (!task) return members.refuse(name, "cannot be read: " + task.error().message);
  record.task = std::move(*task);
  const auto strategy = members.text("strategy", is_older ? std::optional(record.task.strategy) : std::nullopt);
  if (!members.fault() && strategy != record.task.strategy) {
    members.refuse("strategy", "is " + quoted_name(strategy) + ", and that of the serialised task is \"" +
                                   record.task.strategy + "\"");
  }
}

void read_status(Members& members, bool is_older) {
  const auto status = members.text("status", is_older ? std::optional(std::string(ready)) : std::nullopt);
  // What an older worker had taken lies in the queue again, so nobody has it.
  const bool is_known = status == ready || (is_older && status == "running");
  if (!members.fault() && !is_known) members.refuse("unknown status " + quoted_name(status) + "; there is ready");
}

/// Each part may be as deep as JSON may be here; the whole is deeper.
std::optional<std::string> fault_of_parts(const QueueRecord& record) {
  auto fault = fault_of_json(record.params);
  if (!fault) fault = fault_of_json(record.progress);
  if (!fault) fault = fault_of_json(record.task.payload);
  return fault ? std::optional("it has what JSON cannot say: " + *fault) : std::nullopt;
}

Result<QueueRecord> read_record_at(const json::value& json, const std::string& place) {
  const auto* object = json.if_object();
  if (!object) return Error{ErrorCode::invalid_argument, place + ": should be an object"};
  Members members(*object, place);
  const bool is_older = schema_of(members) == 0;
  const auto fallback = [&](const char* text) { return is_older ? std::optional<std::string>(text) : std::nullopt; };
  QueueRecord record;
  record.task_id = members.text("task_id");
  if (!members.fault() && record.task_id.empty()) members.refuse("task_id", "is empty");
  read_status(members, is_older);
  read_task(members, is_older, record);
  record.created_at = members.time("created_at", is_older);
  record.resolver_id = members.text("resolver_id", fallback("default"));
  if (!members.fault() && !is_valid_name(record.resolver_id)) {
    members.refuse("resolver_id", "is " + quoted_name(record.resolver_id) + ", and an id is " + std::string(name_rule));
  }
  record.params = members.object("params", is_older);
  record.attempt = is_older && members.has("retry_count")
                       ? static_cast<std::uint32_t>(members.number("retry_count", 0, any_u32 - 1)) + 1
                       : static_cast<std::uint32_t>(members.number(
                             "attempt", 1, any_u32, is_older ? std::optional<std::uint64_t>(1) : std::nullopt));
  record.group_id = members.text("group_id", fallback(""));
  if (const auto* progress = members.find("progress")) record.progress = *progress;
  if (!members.fault()) {
    if (const auto fault = fault_of_parts(record)) members.refuse(*fault);
  }
  if (members.fault()) return *members.fault();
  return record;
}

void read_tasks(Members& members, QueueEntry& entry) {
  const auto* tasks = members.find("tasks");
  if (!tasks || !tasks->is_array()) return members.refuse("tasks", "should be an array of records");
  if (tasks->get_array().empty()) return members.refuse("tasks", "has no record");
  for (std::size_t i = 0; i < tasks->get_array().size(); ++i) {
    auto record = read_record_at(tasks->get_array()[i], "task " + std::to_string(i));
    if (!record) return members.refuse(record.error().message);
    entry.tasks.push_back(std::move(*record));
  }
}

}  // namespace

std::string TaskId::str() const {
  return job.str() + ":" + std::to_string(round) + ":" + std::to_string(index);
}

std::optional<TaskId> TaskId::parse(std::string_view text) {
  const auto first = text.find(':');
  const auto second = text.find(':', std::min(first, text.size() - 1) + 1);
  if (text.empty() || first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  const auto job = JobId::parse(text.substr(0, first));
  const auto round = parse_number<std::uint32_t>(text.substr(first + 1, second - first - 1));
  const auto index = parse_number<TaskIndex>(text.substr(second + 1));
  if (!job || !round || !index) return std::nullopt;
  return TaskId{*job, *round, *index};
}

json::object to_json(const QueueRecord& record) {
  json::object json{{"schema", queue_schema},
                    {"task_id", text_of(record.task_id)},
                    {"status", text_of(ready)},
                    {"created_at", seconds_of(record.created_at)},
                    {"resolver_id", text_of(record.resolver_id)},
                    {"strategy", text_of(record.task.strategy)},
                    {"serialized_task", coremachine::to_json(record.task)},
                    {"params", record.params},
                    {"attempt", record.attempt},
                    {"group_id", text_of(record.group_id)}};
  if (!record.progress.is_null()) json["progress"] = record.progress;
  return json;
}

json::object to_json(const QueueEntry& entry) {
  json::array tasks;
  for (const auto& record : entry.tasks) tasks.push_back(to_json(record));
  return {{"schema", queue_schema},
          {"lease", text_of(entry.lease)},
          {"job_id", text_of(entry.job_id)},
          {"task_type", text_of(entry.task_type)},
          {"stage", entry.stage},
          {"round", entry.round},
          {"defined_in", entry.defined_in},
          {"alone", entry.alone},
          {"term_ms", entry.term.count()},
          {"timeout_ms", entry.timeout.count()},
          {"heartbeat_ms", entry.heartbeat.count()},
          {"offered_at", seconds_of(entry.offered_at)},
          {"reply_to", text_of(entry.reply_to)},
          {"traceparent", text_of(entry.traceparent)},
          {"tasks", std::move(tasks)}};
}

std::string to_text(const QueueEntry& entry) {
  for (const auto& record : entry.tasks) {
    if (const auto fault = fault_of_parts(record)) {
      throw Failure(Error{ErrorCode::invalid_argument, "task " + record.task_id + ": " + *fault});
    }
  }
  return json::serialize(to_json(entry));
}

Result<QueueRecord> read_record(const json::value& json) {
  return read_record_at(json, "the record");
}

Result<QueueEntry> read_entry(const json::value& json) {
  const auto* object = json.if_object();
  if (!object) return Error{ErrorCode::invalid_argument, "an entry should be an object"};
  QueueEntry entry;
  if (!object->contains("tasks") && object->contains("task_id")) {
    auto record = read_record(json);
    if (!record) return record.error();
    entry.tasks.push_back(std::move(*record));
    return entry;
  }
  Members members(*object, "the entry");
  if (schema_of(members) == 0) members.refuse("schema", "is missing");
  if (!members.fault()) read_tasks(members, entry);
  entry.lease = members.text("lease", "");
  entry.job_id = members.text("job_id", "");
  entry.task_type = members.text("task_type", "");
  entry.stage = static_cast<int>(members.number("stage", 0, std::numeric_limits<int>::max(), 0));
  entry.round = static_cast<std::uint32_t>(members.number("round", 0, any_u32, 0));
  entry.defined_in = static_cast<std::uint32_t>(members.number("defined_in", 0, any_u32, 0));
  entry.alone = members.toggle("alone");
  entry.term = members.duration("term_ms");
  entry.timeout = members.duration("timeout_ms");
  entry.heartbeat = members.duration("heartbeat_ms");
  entry.offered_at = members.time("offered_at", true);
  entry.reply_to = members.text("reply_to", "");
  entry.traceparent = members.text("traceparent", "");
  if (members.fault()) return *members.fault();
  return entry;
}

Result<QueueEntry> parse_entry(std::string_view text) {
  const auto refused = [](const std::string& why) {
    return Error{ErrorCode::invalid_argument, "the entry is no JSON: " + why};
  };
  constexpr auto deepest = max_written_depth + 8;  // params as deep as a machine takes them, and what is around them
  json::error_code wrong;
  const auto json = parse_value(text, wrong, deepest);
  if (wrong) return refused(wrong.message());
  return read_entry(json);
}

}  // namespace coremachine::queue
