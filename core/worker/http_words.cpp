#include "core/worker/http_words.hpp"

#include <optional>

#include "core/model/json_reader.hpp"
#include "core/model/json_writer.hpp"

namespace coremachine::worker {
namespace {

std::string in_ms(Milliseconds time) {
  return std::to_string(time.count()) + "ms";
}

void say_worker(JsonWriter& out, const RemoteWorker& worker) {
  out.key("worker");
  out.string(worker.name);
  out.key("task_types");
  out.begin_array();
  for (const auto& type : worker.task_types) out.string(type);
  out.end_array();
  out.key("concurrency");
  out.number(worker.concurrency);
  out.key("resolver_id");
  out.string(worker.resolver_id);
}

void say_failure(JsonWriter& out, const TaskFailure& failure) {
  out.key("error");
  out.begin_object();
  out.key("type");
  out.string(failure.type);
  out.key("message");
  out.string(failure.message);
  out.flag("permanent", failure.kind == TaskFailure::Kind::permanent);
  out.flag("dead", failure.kind == TaskFailure::Kind::dead);
  if (failure.retry_after) {
    out.key("retry_after");
    out.string(in_ms(*failure.retry_after));
  }
  out.end_object();
}

void say_outcome(JsonWriter& out, const std::string& lease, const RemoteOutcome& outcome) {
  out.begin_object();
  out.key("lease");
  out.string(lease);
  out.key("index");
  out.number(outcome.index);
  out.key("attempt");
  out.number(outcome.attempt);
  out.key("status");
  switch (outcome.kind) {
    case RemoteOutcome::Kind::completed:
      out.word("completed");
      out.key("result");
      out.raw(outcome.result);
      break;
    case RemoteOutcome::Kind::failed:
      out.word("failed");
      say_failure(out, outcome.failure);
      if (!outcome.progress.empty()) {
        out.key("progress");
        out.raw(outcome.progress);
      }
      break;
    case RemoteOutcome::Kind::returned: out.word("returned"); break;
  }
  out.key("took_ms");
  out.number(static_cast<double>(outcome.took.count()) / 1000.0);
  out.end_object();
}

RemoteTask read_task(JsonReader& in) {
  RemoteTask task;
  in.object([&](std::string_view name) {
    if (name == "index") {
      in.to(task.index);
    } else if (name == "attempt") {
      in.to(task.attempt);
    } else if (name == "params") {
      task.params = in.raw();
    } else if (name == "progress") {
      task.progress = in.raw();
    } else {
      in.raw();
    }
  });
  return task;
}

template <class Id>
Id read_id(JsonReader& in) {
  const auto id = Id::parse(in.plain_string());
  if (!id) in.mismatch("an id is none");
  return *id;
}

HandOut read_hand_out(JsonReader& in) {
  HandOut out;
  in.object([&](std::string_view name) {
    if (name == "lease") {
      out.lease = read_id<LeaseId>(in);
    } else if (name == "job_id") {
      out.job = read_id<JobId>(in);
    } else if (name == "stage") {
      in.to(out.stage);
    } else if (name == "round") {
      in.to(out.round);
    } else if (name == "defined_in") {
      in.to(out.defined_in);
    } else if (name == "task_type") {
      in.to(out.task_type);
    } else if (name == "resolver_id") {
      in.to(out.resolver_id);
    } else if (name == "timeout_ms") {
      in.to(out.timeout);
    } else if (name == "heartbeat_ms") {
      in.to(out.heartbeat);
    } else if (name == "term_ms") {
      in.to(out.term);
    } else if (name == "alone") {
      in.to(out.alone);
    } else if (name == "traceparent") {
      in.to(out.traceparent);
    } else if (name == "tasks") {
      in.array([&] { out.tasks.push_back(read_task(in)); });
    } else {
      in.raw();
    }
  });
  return out;
}

std::optional<LeaseState> state_from(std::string_view text) {
  for (const auto state : {LeaseState::held, LeaseState::recalled, LeaseState::cancelled, LeaseState::gone}) {
    if (to_string(state) == text) return state;
  }
  return std::nullopt;
}

/// Calls `take` at each element of one array of an object.
template <class Take>
void each_of(JsonReader& in, std::string_view wanted, const Take& take) {
  in.object([&](std::string_view name) {
    if (name == wanted) {
      in.array(take);
    } else {
      in.raw();
    }
  });
}

}  // namespace

std::string poll_body(const RemoteWorker& worker, std::uint32_t max_tasks, Milliseconds wait) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  say_worker(out, worker);
  out.key("max_tasks");
  out.number(max_tasks);
  out.key("wait");
  out.string(in_ms(wait));
  out.flag("grouped", true);
  out.end_object();
  return text;
}

std::string complete_body(const RemoteWorker& worker, const std::vector<RemoteReport>& reports) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  out.key("worker");
  out.string(worker.name);
  out.key("outcomes");
  out.begin_array();
  for (const auto& report : reports) {
    const auto lease = report.lease.str();
    for (const auto& outcome : report.outcomes) say_outcome(out, lease, outcome);
  }
  out.end_array();
  out.end_object();
  return text;
}

std::string heartbeat_body(const RemoteWorker& worker, const std::vector<LeaseRenewal>& leases) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  say_worker(out, worker);
  out.key("leases");
  out.begin_array();
  for (const auto& lease : leases) out.string(lease.lease.str());
  out.end_array();
  out.key("progress");
  out.begin_array();
  for (const auto& lease : leases) {
    for (const auto& said : lease.progress) {
      out.begin_object();
      out.key("lease");
      out.string(lease.lease.str());
      out.key("index");
      out.number(said.index);
      out.key("attempt");
      out.number(said.attempt);
      out.key("progress");
      out.raw(said.progress);
      out.end_object();
    }
  }
  out.end_array();
  out.end_object();
  return text;
}

std::string leave_body(const RemoteWorker& worker) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  out.key("worker");
  out.string(worker.name);
  out.end_object();
  return text;
}

std::vector<HandOut> read_hand_outs(std::string_view body) {
  std::vector<HandOut> hand_outs;
  JsonReader in(body);
  each_of(in, "hand_outs", [&] { hand_outs.push_back(read_hand_out(in)); });
  in.end();
  return hand_outs;
}

std::vector<LeaseNews> read_news(std::string_view body) {
  std::vector<LeaseNews> news;
  JsonReader in(body);
  each_of(in, "leases", [&] {
    auto& each = news.emplace_back();
    in.object([&](std::string_view name) {
      if (name == "lease") {
        each.lease = read_id<LeaseId>(in);
      } else if (name == "state") {
        const auto state = state_from(in.plain_string());
        if (!state) in.mismatch("the state of a lease is none");
        each.state = *state;
      } else {
        in.raw();
      }
    });
  });
  in.end();
  return news;
}

void append_hand_out(std::string& text, const HandOut& hand_out) {
  JsonWriter out(text);
  out.begin_object();
  out.key("lease");
  out.string(hand_out.lease.str());
  out.key("job_id");
  out.string(hand_out.job.str());
  out.key("stage");
  out.number(hand_out.stage);
  out.key("round");
  out.number(hand_out.round);
  out.key("defined_in");
  out.number(hand_out.defined_in);
  out.key("task_type");
  out.string(hand_out.task_type);
  out.key("resolver_id");
  out.string(hand_out.resolver_id);
  out.key("timeout_ms");
  out.number(hand_out.timeout);
  out.key("heartbeat_ms");
  out.number(hand_out.heartbeat);
  out.key("term_ms");
  out.number(hand_out.term);
  out.key("alone");
  out.boolean(hand_out.alone);
  if (!hand_out.traceparent.empty()) {
    out.key("traceparent");
    out.string(hand_out.traceparent);
  }
  out.key("tasks");
  out.begin_array();
  for (const auto& task : hand_out.tasks) {
    out.begin_object();
    out.key("index");
    out.number(task.index);
    out.key("attempt");
    out.number(task.attempt);
    out.key("params");
    out.raw(task.params);
    if (!task.progress.empty()) {
      out.key("progress");
      out.raw(task.progress);
    }
    out.end_object();
  }
  out.end_array();
  out.end_object();
}

}  // namespace coremachine::worker
