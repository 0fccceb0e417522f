#include "core/model/record.hpp"

#include <exception>
#include <utility>

#include "core/model/codec.hpp"

namespace coremachine {
namespace {

bool same_text(const Text& a, const Text& b) {
  return a == b || (a && b && *a == *b);
}

// ---- what is left out where it is as usual ----

/// Of the beginning of a round, in a job of which nothing failed and that nobody followed.
std::uint64_t usual_event(RoundNumber round) {
  return 1 + std::uint64_t{2} * round;
}

std::uint64_t usual_total(const ClosedRound& round) {
  return round.counts.total;
}
std::uint64_t usual_total(const Round& round) {
  if (round.phase == RoundPhase::closed) return round.counts.total;
  std::uint64_t total = 0;
  for (const auto& segment : round.inline_definitions) total += segment.count;
  return total;
}

std::uint64_t usual_start(const Job& job) {
  return job.started_at ? job.accepted_event + 1 : 0;
}

// ---- writing ----

/// What rounds of both kinds have in common.
template <class AnyRound>
void write_plan(JsonWriter& out, const AnyRound& round) {
  out.numbers_member("lineage", round.lineage);
  if (round.policy != StagePolicy{}) {
    out.key("policy");
    codec::write_policy(out, round.policy);
  }
  if (!round.specs.empty()) {
    out.key("specs");
    out.begin_array();
    for (const auto& spec : round.specs) codec::write_spec(out, spec);
    out.end_array();
  }
  out.flag("folds", round.folds);
  out.member("event", round.started_event, usual_event(round.number));
  out.member("opened", round.opened.total, usual_total(round));
  out.member("opened_completed", round.opened.completed, std::uint64_t{0});
  if (round.source) {
    out.key("source");
    codec::write_source(out, *round.source, round.number);
  }
}

template <class Segment>
void write_segments(JsonWriter& out, std::string_view name, const std::vector<Segment>& segments, RoundNumber home) {
  if (segments.empty()) return;
  out.key(name);
  out.begin_array();
  for (const auto& segment : segments) codec::write_segment(out, segment, home);
  out.end_array();
}

template <class AnyRound>
void write_inline(JsonWriter& out, const AnyRound& round) {
  out.flag("inline", round.is_inline);
  write_segments(out, "inline_definitions", round.inline_definitions, round.number);
  write_segments(out, "inline_outcomes", round.inline_outcomes, round.number);
}

void write_round(JsonWriter& out, const Round& round) {
  const bool closed = round.phase == RoundPhase::closed;
  out.begin_object();
  out.key("number");
  out.number(round.number);
  out.key("stage");
  out.number(round.stage);
  write_plan(out, round);
  if (closed) {
    out.flag("closed", true);
    out.key("status");
    out.word(to_string(round.status));
    out.key("counts");
    codec::write_counts(out, round.counts);
    out.member("closed_event", round.closed_event, round.started_event + 1);
  }
  out.flag("gate_open", round.gate_open);
  if (round.signal) {
    out.key("signal");
    codec::write_signal(out, *round.signal);
  }
  if (round.phase == RoundPhase::stopping) {
    out.key("stop");
    out.word(codec::word_of(round.stop));
  }
  if (round.first_error) {
    out.key("first_error");
    codec::write_error(out, *round.first_error);
  }
  if (round.result) {
    out.key("result");
    out.raw(*round.result);
  }
  out.optional_member("started_at", round.started_at);
  out.optional_member("finished_at", round.finished_at);
  write_inline(out, round);
  out.end_object();
}

std::string state_of(const Job& job) {
  std::string text;
  text.reserve(512);  // that of a small job is not much shorter
  JsonWriter out(text);
  out.begin_object();
  out.member("last_round", job.last_round, RoundNumber{0});
  out.member("last_boundary", job.last_boundary, BoundaryNumber{0});
  out.flag("had_failures", job.had_failures);
  out.member("boundary_losses", job.boundary_losses, std::uint8_t{0});
  out.member("last_event", job.last_event, std::uint64_t{0});
  out.member("accepted_event", job.accepted_event, std::uint64_t{1});
  out.member("started_event", job.started_event, usual_start(job));
  out.optional_member("accepted_at", job.accepted_at);
  if (job.history) {
    out.key("history");
    out.raw(*job.history);
  }
  out.optional_member("timeout_ms", job.timeout);
  out.optional_member("deadline", job.deadline);
  if (!job.traceparent.empty()) {
    out.key("traceparent");
    out.string(job.traceparent);
  }
  if (!job.signals.empty()) {
    out.key("signals");
    out.begin_array();
    for (const auto& signal : job.signals) codec::write_signal(out, signal);
    out.end_array();
  }
  if (job.round) {
    out.key("round");
    write_round(out, *job.round);
  }
  out.end_object();
  return text;
}

// ---- reading ----

/// Runs `read`; names the job if a text is not what it should be.
template <class Read>
auto named(JobId job, const Read& read) {
  try {
    return read();
  } catch (const JsonMismatch& mismatch) {
    throw Failure(Error{ErrorCode::store_damaged, "the store is damaged: job " + job.str() + ": " + mismatch.what()});
  }
}

/// The text must be one JSON value that opens with `bracket`.
void check_text(std::string_view text, char bracket, const char* what) {
  JsonReader in(text);
  const auto value = in.raw();
  in.end();
  if (bracket != 0 && value.front() != bracket) throw JsonMismatch(std::string(what) + " are of the wrong kind");
}

StageStatus read_stage_status(JsonReader& in) {
  const auto status = stage_status_from(in.plain_string());
  if (!status) in.mismatch("a round has an unknown status");
  return *status;
}

template <class Item, class Read>
void read_list(JsonReader& in, std::vector<Item>& items, const Read& read) {
  items.clear();
  in.array([&] { items.push_back(read(in)); });
}

void skip(JsonReader& in) {
  in.raw();
}

template <class AnyRound>
void check_inline(JsonReader& in, const AnyRound& round) {
  const auto fault = codec::fault_of(round.specs, round.inline_definitions, round.inline_outcomes);
  if (fault) in.mismatch(*fault);
}

/// Members that are left out where they are as usual, which is known only at the end.
struct EventNumbers {
  std::optional<std::uint64_t> started = {};
  std::optional<std::uint64_t> closed = {};
  std::optional<std::uint64_t> total = {};
  std::uint64_t completed = 0;

  bool read(JsonReader& in, std::string_view name) {
    if (name == "event") return in.to(started), true;
    if (name == "closed_event") return in.to(closed), true;
    if (name == "opened") return in.to(total), true;
    if (name == "opened_completed") return in.to(completed), true;
    return false;
  }
  template <class AnyRound>
  void give(AnyRound& round, bool over) const {
    round.started_event = started.value_or(usual_event(round.number));
    round.closed_event = closed.value_or(over ? round.started_event + 1 : 0);
    round.opened = {total.value_or(usual_total(round)), completed};
  }
};

Round read_round(JsonReader& in) {
  Round round;
  EventNumbers numbers;
  const auto definition = [&](JsonReader& list) { return codec::read_definition_segment(list, round.number); };
  const auto outcome = [&](JsonReader& list) { return codec::read_outcome_segment(list, round.number); };
  const auto read_closed = [&] {
    if (in.boolean()) round.phase = RoundPhase::closed;
  };
  in.object([&](std::string_view name) {
    if (name == "number") return in.to(round.number);
    if (name == "stage") return in.to(round.stage);
    if (name == "lineage") return in.to(round.lineage);
    if (name == "policy") return void(round.policy = codec::read_policy(in));
    if (name == "specs") return read_list(in, round.specs, codec::read_spec);
    if (name == "closed") return read_closed();
    if (name == "status") return void(round.status = read_stage_status(in));
    if (name == "counts") return void(round.counts = codec::read_counts(in));
    if (name == "folds") return in.to(round.folds);
    if (numbers.read(in, name)) return;
    if (name == "source") return void(round.source = codec::read_source(in, round.number));
    if (name == "gate_open") return in.to(round.gate_open);
    if (name == "signal") return void(round.signal = codec::read_signal(in));
    if (name == "stop") return void(round.stop = codec::read_stop(in));
    if (name == "first_error") return void(round.first_error = codec::read_error(in));
    if (name == "result") return in.to(round.result);
    if (name == "started_at") return in.to(round.started_at);
    if (name == "finished_at") return in.to(round.finished_at);
    if (name == "inline") return in.to(round.is_inline);
    if (name == "inline_definitions") return read_list(in, round.inline_definitions, definition);
    if (name == "inline_outcomes") return read_list(in, round.inline_outcomes, outcome);
    in.mismatch("a round has an unknown member");
  });
  check_inline(in, round);
  numbers.give(round, round.phase == RoundPhase::closed);
  for (const auto& segment : round.inline_definitions) round.inline_bytes += segment.body ? segment.body->size() : 0;
  for (const auto& segment : round.inline_outcomes) round.inline_bytes += segment.body ? segment.body->size() : 0;
  return round;
}

enum class Detail : bool { whole, outline };

ClosedRound read_closed_round(const RoundRow& row, Detail detail) {
  ClosedRound round;
  round.number = row.round;
  round.stage = row.stage;
  round.status = row.status;
  round.started_at = row.started_at;
  round.finished_at = row.finished_at;
  round.result = row.result;
  if (row.result) check_text(*row.result, 0, "results");

  JsonReader in(row.state);
  EventNumbers numbers;
  const bool whole = detail == Detail::whole;
  const auto definition = [&](JsonReader& list) { return codec::read_definition_segment(list, row.round); };
  const auto outcome = [&](JsonReader& list) { return codec::read_outcome_segment(list, row.round); };
  in.object([&](std::string_view name) {
    if (name == "lineage") return in.to(round.lineage);
    if (name == "policy") return void(round.policy = codec::read_policy(in));
    if (name == "counts") return void(round.counts = codec::read_counts(in));
    if (name == "inline") return in.to(round.is_inline);
    if (name == "folds") return in.to(round.folds);
    if (numbers.read(in, name)) return;
    if (name == "source") return void(round.source = codec::read_source(in, row.round));
    if (name == "specs") return whole ? read_list(in, round.specs, codec::read_spec) : skip(in);
    if (name == "inline_definitions") return whole ? read_list(in, round.inline_definitions, definition) : skip(in);
    if (name == "inline_outcomes") return whole ? read_list(in, round.inline_outcomes, outcome) : skip(in);
    in.mismatch("a round has an unknown member");
  });
  in.end();
  if (whole) check_inline(in, round);
  numbers.give(round, true);
  return round;
}

void read_state(const std::string& state, Job& job) {
  JsonReader in(state);
  std::optional<std::uint64_t> started;
  in.object([&](std::string_view name) {
    if (name == "last_round") return in.to(job.last_round);
    if (name == "last_boundary") return in.to(job.last_boundary);
    if (name == "had_failures") return in.to(job.had_failures);
    if (name == "boundary_losses") return in.to(job.boundary_losses);
    if (name == "last_event") return in.to(job.last_event);
    if (name == "accepted_event") return in.to(job.accepted_event);
    if (name == "started_event") return in.to(started);
    if (name == "accepted_at") return in.to(job.accepted_at);
    if (name == "history") return in.to(job.history);
    if (name == "timeout_ms") return in.to(job.timeout);
    if (name == "deadline") return in.to(job.deadline);
    if (name == "traceparent") return in.to(job.traceparent);
    if (name == "signals") return read_list(in, job.signals, codec::read_signal);
    if (name == "round") return void(job.round = read_round(in));
    in.mismatch("the state has an unknown member");
  });
  in.end();
  job.started_event = started.value_or(usual_start(job));
}

}  // namespace

bool operator==(const JobRow& a, const JobRow& b) {
  return a.id == b.id && a.type == b.type && a.version == b.version && a.status == b.status &&
         a.priority == b.priority && a.tags == b.tags && a.attempt == b.attempt && a.created_at == b.created_at &&
         a.run_at == b.run_at && a.started_at == b.started_at && a.finished_at == b.finished_at &&
         same_text(a.params, b.params) && same_text(a.result, b.result) && a.error == b.error && a.state == b.state;
}

bool operator==(const RoundRow& a, const RoundRow& b) {
  return a.job == b.job && a.round == b.round && a.stage == b.stage && a.status == b.status &&
         a.started_at == b.started_at && a.finished_at == b.finished_at && same_text(a.result, b.result) &&
         a.state == b.state;
}

JobRow encode_job(const Job& job) {
  JobRow row;
  row.id = job.id;
  row.type = job.type;
  row.version = job.version;
  row.status = job.status;
  row.priority = job.priority;
  row.attempt = job.attempt;
  row.created_at = job.created_at;
  row.run_at = job.run_at;
  row.started_at = job.started_at;
  row.finished_at = job.finished_at;
  row.params = job.params;
  row.result = job.result;
  if (!job.tags.empty()) {
    row.tags.clear();
    JsonWriter tags(row.tags);
    tags.begin_array();
    for (const auto& tag : job.tags) tags.string(tag);
    tags.end_array();
  }
  if (job.error) {
    JsonWriter error(row.error.emplace());
    codec::write_error(error, *job.error);
  }
  row.state = state_of(job);
  return row;
}

RoundRow encode_round(JobId job, const ClosedRound& round) {
  RoundRow row;
  row.job = job;
  row.round = round.number;
  row.stage = round.stage;
  row.status = round.status;
  row.started_at = round.started_at;
  row.finished_at = round.finished_at;
  row.result = round.result;
  row.state.clear();
  JsonWriter out(row.state);
  out.begin_object();
  write_plan(out, round);
  out.key("counts");
  codec::write_counts(out, round.counts);
  out.member("closed_event", round.closed_event, round.started_event + 1);
  write_inline(out, round);
  out.end_object();
  return row;
}

Job decode_job(const JobRow& row, const std::vector<RoundRow>& rounds) {
  return named(row.id, [&] {
    Job job;
    job.id = row.id;
    job.type = row.type;
    job.version = row.version;
    job.status = row.status;
    job.priority = row.priority;
    job.attempt = row.attempt;
    job.created_at = row.created_at;
    job.run_at = row.run_at;
    job.started_at = row.started_at;
    job.finished_at = row.finished_at;
    job.params = row.params;
    job.result = row.result;
    if (!row.params) throw JsonMismatch("it has no params");
    check_text(*row.params, '{', "params");
    if (row.result) check_text(*row.result, 0, "results");
    JsonReader tags(row.tags);
    tags.to(job.tags);
    tags.end();
    if (row.error) {
      JsonReader error(*row.error);
      job.error = codec::read_error(error);
      error.end();
    }
    read_state(row.state, job);
    job.closed.reserve(rounds.size());
    for (const auto& round : rounds) job.closed.push_back(read_closed_round(round, Detail::outline));
    return job;
  });
}

ClosedRound decode_round(const RoundRow& row) {
  return named(row.job, [&] { return read_closed_round(row, Detail::whole); });
}

}  // namespace coremachine
