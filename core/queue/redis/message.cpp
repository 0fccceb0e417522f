#include "core/queue/redis/message.hpp"

#include <array>
#include <optional>
#include <utility>

#include "core/model/json_reader.hpp"
#include "core/model/json_writer.hpp"

namespace coremachine::redis {
namespace {

constexpr int schema = 1;
constexpr std::array<std::string_view, 6> kinds{"report", "renew", "claim", "refuse", "hello", "leave"};

// ---- writing ----

void text_member(JsonWriter& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out.key(name);
  out.string(text);
}

void write_failure(JsonWriter& out, const TaskFailure& failure) {
  out.begin_object();
  out.key("type");
  out.string(failure.type);
  out.key("message");
  out.string(failure.message);
  out.flag("permanent", failure.kind == TaskFailure::Kind::permanent);
  out.flag("dead", failure.kind == TaskFailure::Kind::dead);
  out.optional_member("retry_after_ms", failure.retry_after);
  out.end_object();
}

void write_outcome(JsonWriter& out, const RemoteOutcome& outcome) {
  out.begin_array();
  out.number(outcome.index);
  out.number(outcome.attempt);
  if (outcome.kind == RemoteOutcome::Kind::returned) return out.end_array();
  out.number(outcome.took.count());
  if (outcome.kind == RemoteOutcome::Kind::completed) {
    out.raw(outcome.result.empty() ? "null" : outcome.result);
  } else {
    write_failure(out, outcome.failure);
    if (!outcome.progress.empty()) out.raw(outcome.progress);
  }
  out.end_array();
}

void write_outcomes(JsonWriter& out, std::string_view name, RemoteOutcome::Kind kind, const LeaseWord& word) {
  bool is_open = false;
  for (const auto& outcome : word.outcomes) {
    if (outcome.kind != kind) continue;
    if (!is_open) {
      out.key(name);
      out.begin_array();
      is_open = true;
    }
    write_outcome(out, outcome);
  }
  if (is_open) out.end_array();
}

void write_word(JsonWriter& out, const LeaseWord& word) {
  out.begin_object();
  out.key("lease");
  out.word(word.lease.str());
  out.key("job");
  out.word(word.job.str());
  write_outcomes(out, "done", RemoteOutcome::Kind::completed, word);
  write_outcomes(out, "failed", RemoteOutcome::Kind::failed, word);
  write_outcomes(out, "returned", RemoteOutcome::Kind::returned, word);
  if (!word.progress.empty()) {
    out.key("progress");
    out.begin_array();
    for (const auto& told : word.progress) {
      out.begin_array();
      out.number(told.index);
      out.number(told.attempt);
      out.raw(told.progress);
      out.end_array();
    }
    out.end_array();
  }
  out.end_object();
}

void write_worker(JsonWriter& out, const RemoteWorker& worker) {
  text_member(out, "worker", worker.name);
  if (worker.task_types.empty() && worker.concurrency == 1) return;
  out.key("concurrency");
  out.number(worker.concurrency);
  text_member(out, "resolver_id", worker.resolver_id);
  out.key("task_types");
  out.begin_array();
  for (const auto& type : worker.task_types) out.string(type);
  out.end_array();
}

// ---- reading ----

/// Calls `take(position)` at each element of an array that has from `least` to `most` of them.
template <class Take>
void tuple(JsonReader& in, int least, int most, const Take& take) {
  int position = 0;
  in.array([&] {
    if (position == most) in.mismatch("an array is too long");
    take(position++);
  });
  if (position < least) in.mismatch("an array is too short");
}

LeaseId lease_of(JsonReader& in) {
  const auto id = LeaseId::parse(in.plain_string());
  if (!id) in.mismatch("a lease is none");
  return *id;
}

void read_failure(JsonReader& in, TaskFailure& failure) {
  in.object([&](std::string_view name) {
    if (name == "type") {
      failure.type = in.string();
    } else if (name == "message") {
      failure.message = in.string();
    } else if (name == "permanent") {
      if (in.boolean()) failure.kind = TaskFailure::Kind::permanent;
    } else if (name == "dead") {
      if (in.boolean()) failure.kind = TaskFailure::Kind::dead;
    } else if (name == "retry_after_ms") {
      in.to(failure.retry_after);
    } else {
      in.raw();
    }
  });
}

RemoteOutcome read_outcome(JsonReader& in, RemoteOutcome::Kind kind) {
  using Kind = RemoteOutcome::Kind;
  RemoteOutcome outcome;
  outcome.kind = kind;
  const int least = kind == Kind::returned ? 2 : 4;
  tuple(in, least, kind == Kind::failed ? 5 : least, [&](int position) {
    switch (position) {
      case 0: return in.to(outcome.index);
      case 1: return in.to(outcome.attempt);
      case 2: outcome.took = std::chrono::microseconds(in.integer<std::int64_t>()); return;
      case 3:
        if (kind == Kind::failed) return read_failure(in, outcome.failure);
        outcome.result = in.raw();
        return;
      default: outcome.progress = in.raw();
    }
  });
  return outcome;
}

RemoteProgress read_progress(JsonReader& in) {
  RemoteProgress told;
  tuple(in, 3, 3, [&](int position) {
    if (position == 0) return in.to(told.index);
    if (position == 1) return in.to(told.attempt);
    told.progress = in.raw();
  });
  return told;
}

LeaseWord read_word(JsonReader& in) {
  LeaseWord word;
  const auto outcomes = [&](RemoteOutcome::Kind kind) {
    in.array([&] { word.outcomes.push_back(read_outcome(in, kind)); });
  };
  in.object([&](std::string_view name) {
    if (name == "lease") {
      word.lease = lease_of(in);
    } else if (name == "job") {
      const auto job = JobId::parse(in.plain_string());
      if (!job) in.mismatch("a job is none");
      word.job = *job;
    } else if (name == "done") {
      outcomes(RemoteOutcome::Kind::completed);
    } else if (name == "failed") {
      outcomes(RemoteOutcome::Kind::failed);
    } else if (name == "returned") {
      outcomes(RemoteOutcome::Kind::returned);
    } else if (name == "progress") {
      in.array([&] { word.progress.push_back(read_progress(in)); });
    } else {
      in.raw();
    }
  });
  if (word.lease.value == 0) in.mismatch("there is no lease");
  return word;
}

bool read_worker_member(JsonReader& in, std::string_view name, RemoteWorker& worker) {
  if (name == "worker") {
    worker.name = in.string();
  } else if (name == "concurrency") {
    in.to(worker.concurrency);
  } else if (name == "resolver_id") {
    worker.resolver_id = in.string();
  } else if (name == "task_types") {
    in.to(worker.task_types);
  } else {
    return false;
  }
  return true;
}

void read_schema(JsonReader& in) {
  const auto said = in.raw();
  if (said != "1") throw JsonMismatch("unknown schema " + std::string(said.substr(0, 40)) + "; this program knows 1");
}

/// What `read` makes of the text, all of it.
template <class Made, class Read>
Result<Made> read_all(std::string_view text, const char* what, const Read& read) try {
  JsonReader in(text);
  Made made;
  in.object([&](std::string_view name) {
    if (name == "schema") return read_schema(in);
    if (!read(in, name, made)) in.raw();
  });
  in.end();
  return made;
} catch (const JsonMismatch& wrong) {
  return Error{ErrorCode::invalid_argument, std::string(what) + ": " + wrong.what()};
}

}  // namespace

std::string to_text(const Message& message) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  out.key("schema");
  out.number(schema);
  out.key("kind");
  out.word(kinds[static_cast<std::size_t>(message.kind)]);
  write_worker(out, message.worker);
  text_member(out, "number", message.number);
  text_member(out, "why", message.why);
  out.member("passed", message.passed, 0U);
  if (!message.leases.empty()) {
    out.key("leases");
    out.begin_array();
    for (const auto& word : message.leases) write_word(out, word);
    out.end_array();
  }
  out.end_object();
  return text;
}

Result<Message> read_message(std::string_view text) {
  bool has_kind = false;
  auto message = read_all<Message>(text, "a message", [&](JsonReader& in, std::string_view name, Message& made) {
    if (name == "kind") {
      const auto said = in.plain_string();
      const auto known = std::find(kinds.begin(), kinds.end(), said);
      if (known == kinds.end()) in.mismatch("the kind \"" + std::string(said) + "\" is not known");
      made.kind = static_cast<Message::Kind>(known - kinds.begin());
      has_kind = true;
    } else if (name == "number") {
      made.number = in.string();
    } else if (name == "why") {
      made.why = in.string();
    } else if (name == "passed") {
      in.to(made.passed);
    } else if (name == "leases") {
      in.array([&] { made.leases.push_back(read_word(in)); });
    } else {
      return read_worker_member(in, name, made.worker);
    }
    return true;
  });
  if (message && (!has_kind || message->worker.name.empty()))
    return Error{ErrorCode::invalid_argument, "a message: it does not say who says what"};
  return message;
}

std::string to_text(const Answer& answer) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  out.key("schema");
  out.number(schema);
  out.key("number");
  out.string(answer.number);
  out.key("server");
  out.string(answer.server);
  text_member(out, "fault", answer.fault);
  out.flag("busy", answer.is_busy);
  out.key("news");
  out.begin_array();
  for (const auto& news : answer.news) {
    out.begin_array();
    out.word(news.lease.str());
    out.word(to_string(news.state));
    out.end_array();
  }
  out.end_array();
  if (!answer.elsewhere.empty()) {
    out.key("elsewhere");
    out.begin_array();
    for (const auto lease : answer.elsewhere) out.word(lease.str());
    out.end_array();
  }
  out.end_object();
  return text;
}

namespace {

LeaseNews read_news(JsonReader& in) {
  LeaseNews news;
  tuple(in, 2, 2, [&](int position) {
    if (position == 0) {
      news.lease = lease_of(in);
      return;
    }
    const auto said = in.plain_string();
    for (const auto state : {LeaseState::held, LeaseState::recalled, LeaseState::cancelled, LeaseState::gone}) {
      if (said != to_string(state)) continue;
      news.state = state;
      return;
    }
    in.mismatch("the state of a lease is not known");
  });
  return news;
}

}  // namespace

Result<Answer> read_answer(std::string_view text) {
  return read_all<Answer>(text, "an answer", [](JsonReader& in, std::string_view name, Answer& made) {
    if (name == "number") {
      made.number = in.string();
    } else if (name == "server") {
      made.server = in.string();
    } else if (name == "fault") {
      made.fault = in.string();
    } else if (name == "busy") {
      in.to(made.is_busy);
    } else if (name == "news") {
      in.array([&] { made.news.push_back(read_news(in)); });
    } else if (name == "elsewhere") {
      in.array([&] { made.elsewhere.push_back(lease_of(in)); });
    } else {
      return false;
    }
    return true;
  });
}

std::string worker_text(const RemoteWorker& worker) {
  std::string text;
  JsonWriter out(text);
  out.begin_object();
  out.key("schema");
  out.number(schema);
  write_worker(out, worker);
  out.end_object();
  return text;
}

Result<RemoteWorker> read_worker(std::string_view text) {
  auto worker = read_all<RemoteWorker>(text, "a worker", read_worker_member);
  if (worker) worker->kind = "redis";
  return worker;
}

}  // namespace coremachine::redis
