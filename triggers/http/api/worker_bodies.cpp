#include "triggers/http/api/worker_bodies.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/model/json_reader.hpp"
#include "core/model/json_text.hpp"
#include "core/model/json_writer.hpp"
#include "core/queue/hand_out_entry.hpp"
#include "core/worker/http_words.hpp"

namespace coremachine::http {
namespace {

constexpr std::size_t longest_name = 128;
constexpr Milliseconds usual_wait{20'000};

bool is_worker_name(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}
constexpr auto worker_name_in_words = "printable ASCII characters without blanks";

bool is_duration(const std::string& text) {
  return parse_duration(text).has_value();
}
bool is_wait(const std::string& text) {
  return parse_wait(text).has_value();
}
constexpr auto duration_in_words = "a duration as 500ms, 30s or 5m";

bool is_lease(const std::string& text) {
  return LeaseId::parse(text).has_value();
}
constexpr auto lease_in_words = "a lease as $poll gave it out";

template <class Member>
void worker_rules(Member member) {
  member.doc("its name, which no other worker has")
      .max_length(longest_name)
      .check(is_worker_name, worker_name_in_words);
}

/// The text of each result and progress as it was sent: a parser would give numbers back that differ in their last
/// bit. Empty where it cannot be told; then the parsed value will do.
struct SentText {
  std::string result;
  std::string progress;
};
std::vector<SentText> sent_texts(std::string_view body) {
  std::vector<SentText> texts;
  try {
    JsonReader in(body);
    in.object([&](std::string_view name) {
      if (name != "outcomes") return void(in.raw());
      in.array([&] {
        auto& text = texts.emplace_back();
        in.object([&](std::string_view member) {
          if (member == "result") {
            text.result = in.raw();
          } else if (member == "progress") {
            text.progress = in.raw();
          } else {
            in.raw();
          }
        });
      });
    });
  } catch (const JsonMismatch&) {
    texts.clear();
  }
  return texts;
}

std::string text_of(const json::value& value) {
  std::string text;
  append_json(text, value);
  return text;
}

TaskFailure failure_of(OutcomeErrorBody error) {
  TaskFailure failure;
  failure.type = std::move(error.type);
  failure.message = std::move(error.message);
  failure.kind = error.dead        ? TaskFailure::Kind::dead
                 : error.permanent ? TaskFailure::Kind::permanent
                                   : TaskFailure::Kind::retry;
  if (error.retry_after) failure.retry_after = parse_duration(*error.retry_after);
  return failure;
}

RemoteOutcome outcome_of(OutcomeBody body, SentText sent) {
  RemoteOutcome outcome;
  outcome.index = static_cast<TaskIndex>(body.index);
  outcome.attempt = body.attempt;
  outcome.took = std::chrono::microseconds(static_cast<std::int64_t>(body.took_ms * 1000));
  switch (body.status) {
    case OutcomeStatus::completed:
      outcome.kind = RemoteOutcome::Kind::completed;
      outcome.result = sent.result.empty() ? text_of(body.result) : std::move(sent.result);
      break;
    case OutcomeStatus::failed:
      outcome.kind = RemoteOutcome::Kind::failed;
      outcome.failure = failure_of(std::move(body.error).value_or(OutcomeErrorBody{}));
      if (!body.progress.is_null())
        outcome.progress = sent.progress.empty() ? text_of(body.progress) : std::move(sent.progress);
      break;
    case OutcomeStatus::returned: outcome.kind = RemoteOutcome::Kind::returned; break;
  }
  return outcome;
}

std::string idempotency_key(const HandOut& hand_out, TaskIndex index) {
  return hand_out.job.str() + "/" + std::to_string(hand_out.defined_in) + "/" + std::to_string(index);
}

/// A task by itself: its record, and beside that what it has in common with the others of its lease.
json::object task_view(const HandOut& hand_out, const RemoteTask& task, const queue::QueueRecord& record) {
  auto out = queue::to_json(record);
  out["lease"] = hand_out.lease.str();
  out["job_id"] = hand_out.job.str();
  out["task_type"] = hand_out.task_type;
  out["stage"] = hand_out.stage;
  out["round"] = hand_out.round;
  out["index"] = task.index;
  out["idempotency_key"] = idempotency_key(hand_out, task.index);
  out["timeout_ms"] = hand_out.timeout.count();
  out["heartbeat_ms"] = hand_out.heartbeat.count();
  out["term_ms"] = hand_out.term.count();
  out["alone"] = hand_out.alone;
  if (!hand_out.traceparent.empty()) out["traceparent"] = hand_out.traceparent;
  return out;
}

}  // namespace

void WorkerBody::rules(params::Fields<WorkerBody>& fields) {
  using B = WorkerBody;
  worker_rules(fields[&B::worker]);
  fields[&B::task_types]
      .doc("the task types that it can run")
      .min_items(1)
      .each()
      .check([](const std::string& name) { return is_valid_name(name); }, std::string(name_rule));
  fields[&B::concurrency].doc("how many tasks it runs at a time").range(1, 100'000).by_default();
  fields[&B::resolver_id]
      .doc("it takes task types that are resolved by this one")
      .check([](const std::string& name) { return is_valid_name(name); }, std::string(name_rule))
      .by_default();
}

void PollBody::rules(params::Fields<PollBody>& fields) {
  using B = PollBody;
  fields.doc("Who asks for tasks, and for how many");
  fields[&B::max_tasks]
      .doc("it takes no more than so many now; 0: as many as it runs at a time")
      .at_most(10'000)
      .by_default();
  fields[&B::wait].doc("how long it waits for some; at most 60s count").check(is_wait, duration_in_words).by_default();
  fields[&B::grouped].doc("the answer has hand_outs in the place of tasks").by_default();
}

void OutcomeErrorBody::rules(params::Fields<OutcomeErrorBody>& fields) {
  using B = OutcomeErrorBody;
  fields.doc("Why an attempt failed");
  fields[&B::type].doc("a name for the kind of error").max_length(256).by_default();
  fields[&B::message].doc("what happened, for people").by_default();
  fields[&B::permanent].doc("no further attempt would help").by_default();
  fields[&B::dead].doc("nothing that is there can run it: the task is dead, whatever the join").by_default();
  fields[&B::retry_after]
      .doc("when to try again, in place of what the retry policy says")
      .check(is_duration, duration_in_words)
      .by_default();
}

void OutcomeBody::rules(params::Fields<OutcomeBody>& fields) {
  using B = OutcomeBody;
  fields.doc("What became of one attempt of a task");
  fields[&B::lease].doc("the lease of the task").check(is_lease, lease_in_words);
  fields[&B::index].doc("the index of the task");
  fields[&B::attempt].doc("the attempt, as the task said it").at_least(1);
  fields[&B::status].doc("returned: it was never begun, and the attempt does not count");
  fields[&B::result].doc("of one that completed: any JSON").by_default();
  fields[&B::error].doc("of one that failed").by_default();
  fields[&B::progress].doc("of one that failed: how far it had come, for the next attempt").by_default();
  fields[&B::took_ms].doc("how long it ran: by that tasks are shared out").range(0, 1e12).by_default();
}

void CompleteBody::rules(params::Fields<CompleteBody>& fields) {
  fields.doc("What became of tasks, of one lease or several, all of them or some");
  worker_rules(fields[&CompleteBody::worker]);
  fields[&CompleteBody::outcomes].max_items(10'000);
}

void ProgressBody::rules(params::Fields<ProgressBody>& fields) {
  using B = ProgressBody;
  fields.doc("How far an attempt has come");
  fields[&B::lease].doc("the lease of the task").check(is_lease, lease_in_words);
  fields[&B::attempt].at_least(1);
  fields[&B::progress].doc("any JSON: the next attempt is given the last of it");
}

void HeartbeatBody::rules(params::Fields<HeartbeatBody>& fields) {
  using B = HeartbeatBody;
  fields.doc("A worker is there, and these leases are to go on");
  fields[&B::leases].doc("all that it has").max_items(100'000).by_default().each().check(is_lease, lease_in_words);
  fields[&B::progress].doc("of attempts that run").max_items(10'000).by_default();
}

void LeaveBody::rules(params::Fields<LeaveBody>& fields) {
  fields.doc("A worker that takes no more");
  worker_rules(fields[&LeaveBody::worker]);
}

Milliseconds wait_of(const PollBody& body) {
  const auto said = body.wait ? parse_wait(*body.wait) : std::nullopt;
  return std::min(said.value_or(usual_wait), Call::longest_wait);
}

RemoteWorker worker_of(WorkerBody body) {
  RemoteWorker worker;
  worker.name = std::move(body.worker);
  worker.concurrency = body.concurrency;
  worker.task_types = std::move(body.task_types);
  worker.resolver_id = std::move(body.resolver_id);
  return worker;
}

std::vector<RemoteReport> reports_of(std::vector<OutcomeBody> outcomes, std::string_view request_body) {
  auto sent = sent_texts(request_body);
  sent.resize(outcomes.size());
  std::vector<RemoteReport> reports;
  std::map<LeaseId, std::size_t> places;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const auto lease = *LeaseId::parse(outcomes[i].lease);
    const auto [at, fresh] = places.emplace(lease, reports.size());
    if (fresh) reports.push_back({lease, {}});
    reports[at->second].outcomes.push_back(outcome_of(std::move(outcomes[i]), std::move(sent[i])));
  }
  return reports;
}

std::vector<LeaseRenewal> renewals_of(HeartbeatBody body) {
  std::vector<LeaseRenewal> renewals;
  std::map<LeaseId, std::size_t> places;
  const auto place = [&](const std::string& text) -> LeaseRenewal& {
    const auto lease = *LeaseId::parse(text);
    const auto [at, fresh] = places.emplace(lease, renewals.size());
    if (fresh) renewals.push_back({lease, {}});
    return renewals[at->second];
  };
  for (const auto& lease : body.leases) place(lease);
  for (auto& said : body.progress) {
    place(said.lease).progress.push_back({static_cast<TaskIndex>(said.index), said.attempt, text_of(said.progress)});
  }
  return renewals;
}

std::string tasks_text(const std::vector<HandOut>& hand_outs) {
  json::array tasks;
  for (const auto& hand_out : hand_outs) {
    const auto entry = queue::entry_of(hand_out);
    for (std::size_t i = 0; i < hand_out.tasks.size(); ++i) {
      tasks.push_back(task_view(hand_out, hand_out.tasks[i], entry.tasks[i]));
    }
  }
  json::object body;
  body["tasks"] = std::move(tasks);
  return text_of(body);
}

std::string hand_outs_text(const std::vector<HandOut>& hand_outs) {
  std::string text = R"({"hand_outs":[)";
  for (const auto& hand_out : hand_outs) worker::append_hand_out(text, hand_out);
  return text += "]}";
}

std::string news_text(const std::vector<LeaseNews>& news) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  out.key("leases");
  out.begin_array();
  for (const auto& each : news) {
    out.begin_object();
    out.key("lease");
    out.string(each.lease.str());
    out.key("state");
    out.word(to_string(each.state));
    out.end_object();
  }
  out.end_array();
  out.end_object();
  return text;
}

}  // namespace coremachine::http
