#include "core/queue/redis/entry_text.hpp"

#include <charconv>
#include <cmath>
#include <utility>

#include <coremachine/resolve/task_spec.hpp>

#include "core/model/json_reader.hpp"
#include "core/model/json_writer.hpp"
#include "core/queue/hand_out_entry.hpp"

namespace coremachine::redis {
namespace {

constexpr std::size_t around_a_record = 320;

template <class Number>
void append_number(std::string& out, Number value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

/// Seconds, to the millisecond.
std::string seconds_text(Timestamp time) {
  const auto ms = time.time_since_epoch().count();
  if (ms < 0) return "0.0";
  auto fraction = std::to_string(ms % 1000);
  return std::to_string(ms / 1000) + "." + std::string(3 - fraction.size(), '0') + fraction;
}

/// What all records of an entry have in common: the texts before the index, before the params, and
/// after the attempt.
struct Mould {
  std::string before_index;
  std::string before_params;
  std::string group;
};

Mould mould_of(const HandOut& hand_out) {
  Mould mould;
  const auto job = hand_out.job.str();
  mould.before_index = R"({"schema":1,"task_id":")" + job + ":" + std::to_string(hand_out.round) + ":";
  mould.before_params =
      R"(","status":"ready","created_at":)" + seconds_text(hand_out.offered_at) + R"(,"resolver_id":)";
  append_json_string(mould.before_params, hand_out.resolver_id);
  mould.before_params +=
      R"(,"strategy":"reference","serialized_task":{"strategy":"reference","payload":{"module":"","name":)";
  append_json_string(mould.before_params, hand_out.task_type);
  mould.before_params += R"(}},"params":)";
  mould.group = R"(,"group_id":")" + job + "\"";
  return mould;
}

void append_record(std::string& out, const Mould& mould, const RemoteTask& task) {
  out += mould.before_index;
  append_number(out, task.index);
  out += mould.before_params;
  out += task.params.empty() ? std::string_view("{}") : std::string_view(task.params);
  out += R"(,"attempt":)";
  append_number(out, task.attempt);
  out += mould.group;
  if (!task.progress.empty()) (out += R"(,"progress":)") += task.progress;
  out += '}';
}

void append_header(JsonWriter& out, const HandOut& hand_out, std::string_view server) {
  out.key("schema");
  out.number(queue::queue_schema);
  out.key("lease");
  out.word(hand_out.lease.str());
  out.key("job_id");
  out.word(hand_out.job.str());
  out.key("task_type");
  out.string(hand_out.task_type);
  out.member("stage", hand_out.stage, 0);
  out.member("round", hand_out.round, 0U);
  out.member("defined_in", hand_out.defined_in, 0U);
  out.flag("alone", hand_out.alone);
  out.member("term_ms", hand_out.term, Milliseconds{0});
  out.member("timeout_ms", hand_out.timeout, Milliseconds{0});
  out.member("heartbeat_ms", hand_out.heartbeat, Milliseconds{0});
  out.key("offered_at");
  out.raw(seconds_text(hand_out.offered_at));
  out.key("reply_to");
  out.string(server);
  if (hand_out.traceparent.empty()) return;
  out.key("traceparent");
  out.string(hand_out.traceparent);
}

/// What the quick way does not take: the long one says why, or takes it.
struct NotPlain {};

/// Reads the records that `entry_text` writes.
class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : in_(text) {}

  HandOut read() {
    in_.object([this](std::string_view name) { member(name); });
    in_.end();
    if (out_.tasks.empty() || !lease_) throw NotPlain{};
    return std::move(out_);
  }

 private:
  void member(std::string_view name) {
    if (name == "tasks") return in_.array([this] { record(); });
    if (name == "schema") return schema();
    if (name == "lease") return lease();
    if (name == "job_id") return job();
    if (name == "task_type") return text_to(out_.task_type);
    if (name == "stage") return in_.to(out_.stage);
    if (name == "round") return in_.to(out_.round);
    if (name == "defined_in") return in_.to(out_.defined_in);
    if (name == "alone") return in_.to(out_.alone);
    if (name == "term_ms") return in_.to(out_.term);
    if (name == "timeout_ms") return in_.to(out_.timeout);
    if (name == "heartbeat_ms") return in_.to(out_.heartbeat);
    if (name == "offered_at") {
      out_.offered_at = Timestamp{Milliseconds{std::llround(in_.real() * 1000)}};
    } else if (name == "traceparent") {
      out_.traceparent = in_.string();
    } else {
      in_.raw();
    }
  }
  void schema() {
    if (in_.integer<int>() != queue::queue_schema) throw NotPlain{};
  }
  void lease() {
    const auto id = LeaseId::parse(in_.plain_string());
    if (!id) throw NotPlain{};
    out_.lease = *id;
    lease_ = true;
  }
  void job() {
    job_text_ = in_.plain_string();
    const auto id = JobId::parse(job_text_);
    if (!id) throw NotPlain{};
    out_.job = *id;
  }
  void text_to(std::string& to) { to = in_.plain_string(); }

  /// The header comes first; the tasks are of its type and round.
  void record() {
    if (!lease_ || job_text_.empty() || out_.task_type.empty()) throw NotPlain{};
    auto& task = out_.tasks.emplace_back();
    unsigned seen = 0;
    in_.object([&](std::string_view name) {
      if (name == "task_id") {
        task.index = index_of(in_.plain_string());
        seen |= 1U;
      } else if (name == "params") {
        task.params = in_.raw();
        if (task.params.front() != '{') throw NotPlain{};
        seen |= 2U;
      } else if (name == "serialized_task") {
        serialized_task();
        seen |= 4U;
      } else if (name == "attempt") {
        in_.to(task.attempt);
        if (task.attempt == 0) throw NotPlain{};
        seen |= 8U;
      } else if (name == "schema") {
        schema();
        seen |= 16U;
      } else if (name == "status") {
        if (in_.plain_string() != "ready") throw NotPlain{};
        seen |= 32U;
      } else if (name == "strategy") {
        if (in_.plain_string() != "reference") throw NotPlain{};
        seen |= 64U;
      } else if (name == "resolver_id") {
        resolver_id();
        seen |= 128U;
      } else if (name == "progress") {
        task.progress = in_.raw();
        if (task.progress == "null") task.progress.clear();
      } else {
        in_.raw();
      }
    });
    if (seen != 255U) throw NotPlain{};
  }
  void resolver_id() {
    const auto id = in_.plain_string();
    if (out_.tasks.size() > 1 && id != out_.resolver_id) throw NotPlain{};
    if (id == out_.resolver_id) return;
    if (!is_valid_name(id)) throw NotPlain{};
    out_.resolver_id = id;
  }
  TaskIndex index_of(std::string_view id) const {
    const auto colon = id.rfind(':');
    if (colon == std::string_view::npos) throw NotPlain{};
    if (id.substr(0, colon) != round_text()) throw NotPlain{};
    TaskIndex index = 0;
    const auto [end, code] = std::from_chars(id.data() + colon + 1, id.data() + id.size(), index);
    if (code != std::errc{} || end != id.data() + id.size()) throw NotPlain{};
    return index;
  }
  /// "JOB:ROUND", which all ids begin with.
  std::string_view round_text() const {
    if (round_text_.empty()) round_text_ = std::string(job_text_) + ":" + std::to_string(out_.round);
    return round_text_;
  }
  /// All of an entry are the same text, so only the first is looked into.
  void serialized_task() {
    const auto text = in_.raw();
    if (text == serialized_) return;
    JsonReader inner(text);
    std::string_view name;
    inner.object([&](std::string_view member) {
      if (member == "strategy") {
        if (inner.plain_string() != "reference") throw NotPlain{};
      } else if (member == "payload") {
        inner.object([&](std::string_view part) {
          const auto value = inner.plain_string();
          if (part == "name") name = value;
        });
      } else {
        inner.raw();
      }
    });
    if (name != out_.task_type) throw NotPlain{};
    serialized_ = text;
  }

  JsonReader in_;
  HandOut out_;
  bool lease_ = false;
  std::string_view job_text_;
  std::string_view serialized_;
  mutable std::string round_text_;
};

}  // namespace

std::string entry_text(const HandOut& hand_out, std::string_view server) {
  if (envelope_strategy(hand_out.task_type)) return queue::to_text(queue::entry_of(hand_out, std::string(server)));
  std::string out;
  std::size_t size = 512;
  for (const auto& task : hand_out.tasks) size += around_a_record + task.params.size() + task.progress.size();
  out.reserve(size);
  JsonWriter writer(out);
  writer.begin_object();
  append_header(writer, hand_out, server);
  writer.key("tasks");
  out += '[';
  const auto mould = mould_of(hand_out);
  for (const auto& task : hand_out.tasks) {
    if (out.back() != '[') out += ',';
    append_record(out, mould, task);
  }
  out += "]}";
  return out;
}

Result<HandOut> read_entry_text(std::string_view text) {
  try {
    return PlainReader(text).read();
  } catch (const NotPlain&) {
  } catch (const JsonMismatch&) {
  }
  const auto entry = queue::parse_entry(text);
  if (!entry) return entry.error();
  return queue::hand_out_of(*entry);
}

}  // namespace coremachine::redis
