#include "core/model/codec.hpp"

#include <utility>
#include <variant>

namespace coremachine::codec {
namespace {

// ---- retry policies ----

void write_retry(JsonWriter& out, const RetryPolicy& retry) {
  constexpr RetryPolicy usual;
  out.begin_object();
  out.member("max_attempts", retry.max_attempts, usual.max_attempts);
  out.member("first_delay_ms", retry.first_delay, usual.first_delay);
  out.member("factor", retry.factor, usual.factor);
  out.member("max_delay_ms", retry.max_delay, usual.max_delay);
  if (!retry.jitter) {
    out.key("jitter");
    out.boolean(false);
  }
  out.end_object();
}

RetryPolicy read_retry(JsonReader& in) {
  RetryPolicy retry;
  in.object([&](std::string_view name) {
    if (name == "max_attempts") return in.to(retry.max_attempts);
    if (name == "first_delay_ms") return in.to(retry.first_delay);
    if (name == "factor") return in.to(retry.factor);
    if (name == "max_delay_ms") return in.to(retry.max_delay);
    if (name == "jitter") return in.to(retry.jitter);
    in.mismatch("a retry policy has an unknown member");
  });
  return retry;
}

// ---- joins ----

struct JoinWriter {
  JsonWriter& out;

  template <class Number>
  void single(std::string_view name, Number value) const {
    out.begin_object();
    out.key(name);
    out.number(value);
    out.end_object();
  }
  void operator()(const JoinAll&) const { out.word("strict"); }
  void operator()(const JoinBestEffort&) const { out.word("best_effort"); }
  void operator()(const JoinAtLeast& join) const { single("at_least", join.count); }
  void operator()(const JoinTolerateCount& join) const { single("tolerate_count", join.count); }
  void operator()(const JoinToleratePercent& join) const { single("tolerate_percent", join.percent); }
  void operator()(const JoinCritical&) const { out.word("critical"); }
};

Join read_join(JsonReader& in) {
  Join join = JoinAll{};
  if (in.at_string()) {
    const auto word = in.plain_string();
    if (word == "best_effort") {
      join = JoinBestEffort{};
    } else if (word == "critical") {
      join = JoinCritical{};
    } else if (word != "strict") {
      in.mismatch("a join is unknown");
    }
    return join;
  }
  in.object([&](std::string_view name) {
    if (name == "at_least") return in.to(join.emplace<JoinAtLeast>().count);
    if (name == "tolerate_count") return in.to(join.emplace<JoinTolerateCount>().count);
    if (name == "tolerate_percent") return in.to(join.emplace<JoinToleratePercent>().percent);
    in.mismatch("a join is unknown");
  });
  return join;
}

// ---- gates ----

void write_gate(JsonWriter& out, const Gate& gate) {
  out.begin_object();
  if (!gate.signal.empty()) {
    out.key("signal");
    out.string(gate.signal);
  }
  out.optional_member("wait_ms", gate.wait);
  out.flag("must_come", gate.must_come);
  out.end_object();
}

Gate read_gate(JsonReader& in) {
  Gate gate;
  in.object([&](std::string_view name) {
    if (name == "signal") return in.to(gate.signal);
    if (name == "wait_ms") return in.to(gate.wait);
    if (name == "must_come") return in.to(gate.must_come);
    in.mismatch("a gate has an unknown member");
  });
  return gate;
}

}  // namespace

void write_policy(JsonWriter& out, const StagePolicy& policy) {
  out.begin_object();
  if (!std::holds_alternative<JoinAll>(policy.join)) {
    out.key("join");
    std::visit(JoinWriter{out}, policy.join);
  }
  switch (policy.stragglers) {
    case Stragglers::cancel: break;
    case Stragglers::wait:
      out.key("stragglers");
      out.word("wait");
      break;
  }
  out.member("max_concurrency", policy.max_concurrency, std::uint32_t{0});
  if (policy.retry) {
    out.key("retry");
    write_retry(out, *policy.retry);
  }
  out.optional_member("timeout_ms", policy.timeout);
  out.optional_member("start_timeout_ms", policy.start_timeout);
  out.optional_member("deadline_ms", policy.deadline);
  out.flag("lazy", policy.lazy);
  out.member("max_visits", policy.max_visits, std::uint32_t{0});
  if (policy.gate) {
    out.key("gate");
    write_gate(out, *policy.gate);
  }
  out.end_object();
}

StagePolicy read_policy(JsonReader& in) {
  StagePolicy policy;
  const auto read_stragglers = [&] {
    if (in.plain_string() != "wait") in.mismatch("what becomes of stragglers is unknown");
    policy.stragglers = Stragglers::wait;
  };
  in.object([&](std::string_view name) {
    if (name == "join") return void(policy.join = read_join(in));
    if (name == "stragglers") return read_stragglers();
    if (name == "max_concurrency") return in.to(policy.max_concurrency);
    if (name == "retry") return void(policy.retry = read_retry(in));
    if (name == "timeout_ms") return in.to(policy.timeout);
    if (name == "start_timeout_ms") return in.to(policy.start_timeout);
    if (name == "deadline_ms") return in.to(policy.deadline);
    if (name == "lazy") return in.to(policy.lazy);
    if (name == "max_visits") return in.to(policy.max_visits);
    if (name == "gate") return void(policy.gate = read_gate(in));
    in.mismatch("a policy has an unknown member");
  });
  return policy;
}

void write_spec(JsonWriter& out, const SharedSpec& spec) {
  out.begin_object();
  out.key("task_type");
  out.string(spec.task_type);
  if (spec.retry != RetryPolicy{}) {
    out.key("retry");
    write_retry(out, spec.retry);
  }
  out.member("timeout_ms", spec.timeout, Milliseconds{0});
  out.member("heartbeat_ms", spec.heartbeat, Milliseconds{0});
  out.member("start_timeout_ms", spec.start_timeout, Milliseconds{0});
  out.flag("pure", spec.pure);
  out.flag("critical", spec.critical);
  out.end_object();
}

SharedSpec read_spec(JsonReader& in) {
  SharedSpec spec;
  in.object([&](std::string_view name) {
    if (name == "task_type") return in.to(spec.task_type);
    if (name == "retry") return void(spec.retry = read_retry(in));
    if (name == "timeout_ms") return in.to(spec.timeout);
    if (name == "heartbeat_ms") return in.to(spec.heartbeat);
    if (name == "start_timeout_ms") return in.to(spec.start_timeout);
    if (name == "pure") return in.to(spec.pure);
    if (name == "critical") return in.to(spec.critical);
    in.mismatch("a task's spec has an unknown member");
  });
  return spec;
}

void write_limit(JsonWriter& out, const TypeLimit& limit) {
  out.begin_object();
  out.member("max_concurrency", limit.max_concurrency, std::uint32_t{0});
  out.member("rate", limit.rate, 0.0);
  out.member("burst", limit.burst, std::uint32_t{0});
  out.flag("paused", limit.paused);
  out.end_object();
}

TypeLimit read_limit(JsonReader& in) {
  TypeLimit limit;
  in.object([&](std::string_view name) {
    if (name == "max_concurrency") return in.to(limit.max_concurrency);
    if (name == "rate") return in.to(limit.rate);
    if (name == "burst") return in.to(limit.burst);
    if (name == "paused") return in.to(limit.paused);
    in.mismatch("a limit has an unknown member");
  });
  return limit;
}

void write_counts(JsonWriter& out, const TaskCounts& counts) {
  const auto member = [&](std::string_view name, std::uint64_t count) { out.member(name, count, std::uint64_t{0}); };
  out.begin_object();
  member("total", counts.total);
  member("queued", counts.queued);
  member("running", counts.running);
  member("retrying", counts.retrying);
  member("completed", counts.completed);
  member("failed", counts.failed);
  member("dead", counts.dead);
  member("cancelled", counts.cancelled);
  out.end_object();
}

TaskCounts read_counts(JsonReader& in) {
  TaskCounts counts;
  in.object([&](std::string_view name) {
    if (name == "total") return in.to(counts.total);
    if (name == "queued") return in.to(counts.queued);
    if (name == "running") return in.to(counts.running);
    if (name == "retrying") return in.to(counts.retrying);
    if (name == "completed") return in.to(counts.completed);
    if (name == "failed") return in.to(counts.failed);
    if (name == "dead") return in.to(counts.dead);
    if (name == "cancelled") return in.to(counts.cancelled);
    in.mismatch("counts have an unknown member");
  });
  return counts;
}

void write_signal(JsonWriter& out, const Signal& signal) {
  out.begin_object();
  out.key("name");
  out.string(signal.name);
  if (signal.data) {
    out.key("data");
    out.raw(*signal.data);
  }
  out.end_object();
}

Signal read_signal(JsonReader& in) {
  Signal signal;
  in.object([&](std::string_view name) {
    if (name == "name") return in.to(signal.name);
    if (name == "data") return in.to(signal.data);
    in.mismatch("a signal has an unknown member");
  });
  return signal;
}

void write_source(JsonWriter& out, const TaskSource& source, RoundNumber home) {
  out.begin_object();
  if (source.cursor) {
    out.key("cursor");
    out.raw(*source.cursor);
  }
  out.flag("ended", source.ended);
  if (source.rest) {
    out.key("rest");
    write_segment(out, *source.rest, home);
  }
  out.end_object();
}

TaskSource read_source(JsonReader& in, RoundNumber home) {
  TaskSource source;
  in.object([&](std::string_view name) {
    if (name == "cursor") return in.to(source.cursor);
    if (name == "ended") return in.to(source.ended);
    if (name == "rest") return void(source.rest = read_definition_segment(in, home));
    in.mismatch("the source of a round's tasks has an unknown member");
  });
  return source;
}

std::string_view word_of(StopReason reason) {
  switch (reason) {
    case StopReason::none: return "none";
    case StopReason::join_met: return "join_met";
    case StopReason::join_missed: return "join_missed";
    case StopReason::task_died: return "task_died";
    case StopReason::cancelled: return "cancelled";
    case StopReason::job_timeout: return "job_timeout";
    case StopReason::deadline: return "deadline";
    case StopReason::handler_failed: return "handler_failed";
  }
  return "?";
}

StopReason read_stop(JsonReader& in) {
  const auto word = in.plain_string();
  for (const auto reason :
       {StopReason::none, StopReason::join_met, StopReason::join_missed, StopReason::task_died, StopReason::cancelled,
        StopReason::job_timeout, StopReason::deadline, StopReason::handler_failed}) {
    if (word == word_of(reason)) return reason;
  }
  in.mismatch("a round stops for an unknown reason");
}

void write_error(JsonWriter& out, const Error& error) {
  out.begin_object();
  out.key("code");
  out.word(to_string(error.code));
  out.key("message");
  out.string(error.message);
  out.optional_member("stage", error.stage);
  out.optional_member("task_index", error.task_index);
  if (!error.task_type.empty()) {
    out.key("task_type");
    out.string(error.task_type);
  }
  out.optional_member("attempt", error.attempt);
  out.end_object();
}

Error read_error(JsonReader& in) {
  Error error;
  const auto read_code = [&] {
    const auto code = error_code_from(in.plain_string());
    if (!code) in.mismatch("an error has an unknown code");
    error.code = *code;
  };
  in.object([&](std::string_view name) {
    if (name == "code") return read_code();
    if (name == "message") return in.to(error.message);
    if (name == "stage") return in.to(error.stage);
    if (name == "task_index") return in.to(error.task_index);
    if (name == "task_type") return in.to(error.task_type);
    if (name == "attempt") return in.to(error.attempt);
    in.mismatch("an error has an unknown member");
  });
  return error;
}

}  // namespace coremachine::codec
