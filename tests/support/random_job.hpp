#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/model/codec.hpp"
#include "core/model/job.hpp"
#include "core/model/record.hpp"
#include "core/model/segment.hpp"

namespace coremachine::support {

/// Makes jobs, rounds and segments of every shape that the machine can bring about. The same seed, the same ones.
class RandomJobs {
 public:
  explicit RandomJobs(std::uint64_t seed) : dice_(seed) {}

  std::uint64_t number(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(dice_);
  }
  template <class Int>
  Int small(Int high) {
    return static_cast<Int>(number(0, static_cast<std::uint64_t>(high)));
  }
  bool one_in(std::uint64_t n) { return number(1, n) == 1; }
  template <class Items>
  auto pick(const Items& items) {
    return items[number(0, std::size(items) - 1)];
  }

  JobId id() { return JobId{number(1, UINT64_MAX), number(0, UINT64_MAX)}; }
  Timestamp time() { return Timestamp{Milliseconds{number(0, 4'000'000'000'000)}}; }
  std::optional<Timestamp> maybe_time() { return one_in(2) ? std::optional(time()) : std::nullopt; }

  std::string word() {
    static const std::vector<std::string> words{"echo",      "a.b-c_d", "x",    "quo\"te", "back\\slash",
                                                "line\nend", "\x01\t",  "žluť", "日本",    "🙂",
                                                "",          "{[:,]}",  "null", "tab\tab", "\xC2\x80\r"};
    return pick(words);
  }

  /// JSON of any kind, also what a parser would not give back to the letter.
  std::string value(int depth = 3) {
    std::string text;
    JsonWriter out(text);
    switch (number(0, depth > 0 ? 8 : 6)) {
      case 0: return "null";
      case 1: return one_in(2) ? "true" : "false";
      case 2: out.number(static_cast<std::int64_t>(number(0, UINT64_MAX))); return text;
      case 3: out.number(std::uniform_real_distribution<double>(-1, 1)(dice_)); return text;
      case 4: out.number(std::uniform_real_distribution<double>(-1e300, 1e300)(dice_)); return text;
      case 5: return pick(std::vector<std::string>{"1.0", "-0", "1E5", "0.1000", R"("é\/")", "9007199254740993.0"});
      case 6: out.string(word()); return text;
      case 7: return array(small(4), depth);
      default: return object(depth);
    }
  }
  std::string array(std::uint64_t size, int depth = 2) {
    std::string text = "[";
    for (std::uint64_t i = 0; i < size; ++i) text += (i ? "," : "") + value(depth - 1);
    return text + "]";
  }
  std::string object(int depth = 2) {
    std::string text;
    JsonWriter out(text);
    out.begin_object();
    for (auto i = number(0, 3); i > 0; --i) {
      out.string("k" + std::to_string(i) + word());
      text += ':';
      out.raw(value(depth - 1));
    }
    out.end_object();
    return text;
  }
  Text maybe_value() { return one_in(2) ? make_text(value()) : nullptr; }

  Error error() {
    Error error;
    error.code = static_cast<ErrorCode>(number(0, static_cast<std::uint64_t>(ErrorCode::store_missing)));
    error.message = word() + word();
    if (one_in(2)) error.stage = small(9);
    if (one_in(2)) error.task_index = number(0, UINT64_MAX);
    if (one_in(2)) error.task_type = word();
    if (one_in(2)) error.attempt = small(9U);
    return error;
  }
  RetryPolicy retry() {
    RetryPolicy retry;
    if (one_in(2)) retry.max_attempts = small(99U);
    if (one_in(2)) retry.first_delay = Milliseconds{number(0, 100'000)};
    if (one_in(2)) retry.factor = std::uniform_real_distribution<double>(0, 10)(dice_);
    if (one_in(2)) retry.max_delay = Milliseconds{number(0, 1'000'000'000'000)};
    retry.jitter = one_in(2);
    return retry;
  }
  Join join() {
    switch (number(0, 5)) {
      case 0: return JoinAll{};
      case 1: return JoinBestEffort{};
      case 2: return JoinAtLeast{number(0, UINT64_MAX)};
      case 3: return JoinTolerateCount{number(0, 9)};
      case 4: return JoinCritical{};
      default: return JoinToleratePercent{std::uniform_real_distribution<double>(0, 100)(dice_)};
    }
  }
  StagePolicy policy() {
    StagePolicy policy;
    if (one_in(3)) return policy;
    policy.join = join();
    policy.stragglers = one_in(2) ? Stragglers::wait : Stragglers::cancel;
    if (one_in(2)) policy.max_concurrency = small(99U);
    if (one_in(2)) policy.retry = one_in(3) ? RetryPolicy{} : retry();
    if (one_in(2)) policy.timeout = Milliseconds{number(0, 9)};
    if (one_in(2)) policy.deadline = Milliseconds{number(0, 99'999)};
    policy.lazy = one_in(3);
    if (one_in(3)) policy.max_visits = small(99U);
    if (one_in(3)) {
      auto& gate = policy.gate.emplace();
      if (one_in(2)) gate.signal = word();
      if (one_in(2)) gate.wait = Milliseconds{number(0, 99'999)};
      gate.must_come = one_in(2);
    }
    return policy;
  }
  std::vector<SharedSpec> specs() {
    std::vector<SharedSpec> specs(number(1, 3));
    for (auto& spec : specs) {
      spec.task_type = word();
      if (one_in(2)) spec.retry = retry();
      if (one_in(2)) spec.timeout = Milliseconds{number(0, 99'999)};
      if (one_in(3)) spec.heartbeat = Milliseconds{number(0, 99'999)};
      spec.pure = one_in(3);
      spec.critical = one_in(3);
    }
    return specs;
  }
  TaskCounts counts() {
    TaskCounts counts;
    for (auto* count : {&counts.completed, &counts.failed, &counts.dead, &counts.cancelled}) {
      *count = one_in(2) ? 0 : number(0, 10'000'000);
      counts.total += *count;
    }
    return counts;
  }

  DefinitionSegment definitions(RoundNumber round, ChunkNumber chunk, std::uint32_t count, std::size_t spec_count) {
    DefinitionSegment segment;
    segment.round = round;
    segment.chunk = chunk;
    segment.first = TaskIndex{chunk} * chunk_size;
    segment.count = count;
    const auto spec = [&] { return static_cast<SpecNumber>(number(0, spec_count - 1)); };
    if (spec_count > 1 && one_in(2)) {
      for (std::uint32_t i = 0; i < count; ++i) segment.specs.push_back(spec());
    } else {
      segment.spec = spec();
    }
    segment.body = make_text(array(count));
    return segment;
  }

  /// Outcomes of some tasks of a chunk of `tasks` tasks.
  OutcomeSegment outcomes(RoundNumber round, ChunkNumber chunk, std::uint32_t sequence, std::uint32_t tasks) {
    OutcomeSegment segment;
    segment.round = round;
    segment.chunk = chunk;
    segment.sequence = sequence;
    segment.kind = pick(std::array{OutcomeKind::completed, OutcomeKind::completed, OutcomeKind::failed,
                                   OutcomeKind::dead, OutcomeKind::retrying, OutcomeKind::lost, OutcomeKind::progress});
    segment.first = static_cast<ChunkOffset>(number(0, tasks - 1));
    segment.count = static_cast<std::uint32_t>(number(1, tasks - segment.first));
    if (one_in(2)) {
      for (std::uint32_t i = 0; i < segment.count; ++i) segment.offsets.push_back(segment.first + i);
      std::shuffle(segment.offsets.begin(), segment.offsets.end(), dice_);
    }
    if (one_in(2)) segment.attempt = small(9U);
    const auto list = [&](auto& items, std::uint64_t high) {
      for (std::uint32_t i = 0; i < segment.count; ++i) {
        items.push_back(static_cast<typename std::decay_t<decltype(items)>::value_type>(number(0, high)));
      }
    };
    if (one_in(2)) list(segment.attempts, 9);
    segment.started_at = time();
    segment.finished_at = time();
    if (one_in(2)) list(segment.finished_ms, 100'000);
    if (segment.kind == OutcomeKind::retrying) list(segment.due_ms, 4'000'000'000'000);
    if (segment.kind == OutcomeKind::retrying && one_in(2)) segment.due_ms.resize(1);
    segment.worker = word();
    const bool may_be_told = segment.kind == OutcomeKind::failed || segment.kind == OutcomeKind::dead;
    if (may_be_told && one_in(2)) segment.event = number(1, INT64_MAX);
    segment.one_for_all = segment.kind == OutcomeKind::lost || one_in(3);
    segment.body = make_text(segment.one_for_all ? value() : array(segment.count));
    if (one_in(3)) segment.carry = make_text(segment.kind == OutcomeKind::retrying ? array(segment.count) : value());
    return segment;
  }

  Signal signal() { return Signal{word(), maybe_value()}; }
  std::optional<TaskSource> source(RoundNumber home, std::size_t spec_count) {
    if (one_in(2)) return std::nullopt;
    TaskSource source;
    source.cursor = maybe_value();
    source.ended = one_in(2);
    if (one_in(2)) source.rest = definitions(home, small(9U), static_cast<std::uint32_t>(number(1, 5)), spec_count);
    return source;
  }

  Round round(RoundNumber number_of_it) {
    Round round;
    round.number = number_of_it;
    round.stage = small(9);
    if (one_in(3)) round.lineage = {1, 2};
    round.policy = policy();
    round.specs = specs();
    if (one_in(2)) round.first_error = error();
    round.started_at = maybe_time();
    if (one_in(2)) {
      round.phase = RoundPhase::closed;
      round.status = pick(std::array{StageStatus::completed, StageStatus::completed_with_errors, StageStatus::failed,
                                     StageStatus::cancelled});
      round.counts = counts();
      round.result = maybe_value();
      round.finished_at = time();
    }
    round.folds = one_in(3);
    round.source = source(round.number, round.specs.size());
    round.gate_open = one_in(3);
    if (one_in(3)) round.signal = signal();
    fill_inline(round);
    number_events(round, round.phase == RoundPhase::closed);
    return round;
  }

  ClosedRound closed_round(RoundNumber number_of_it) {
    ClosedRound closed;
    closed.number = number_of_it;
    closed.stage = small(9);
    if (one_in(3)) closed.lineage = {1};
    closed.status = pick(std::array{StageStatus::completed, StageStatus::completed_with_errors, StageStatus::failed});
    closed.counts = counts();
    closed.result = maybe_value();
    closed.started_at = maybe_time();
    closed.finished_at = maybe_time();
    closed.policy = policy();
    closed.specs = specs();
    closed.folds = one_in(3);
    closed.source = source(closed.number, closed.specs.size());
    fill_inline(closed);
    number_events(closed, true);
    return closed;
  }

  Job job() { return job(id()); }
  Job job(JobId id_of_it) {
    Job job;
    job.id = id_of_it;
    job.type = word();
    job.version = word();
    job.params = make_text(object());
    job.priority = static_cast<int>(number(0, 200)) - 100;
    for (auto i = number(0, 2); i > 0; --i) job.tags.push_back(word());
    job.status = pick(all_job_statuses);
    job.attempt = small(9U);
    if (one_in(2)) job.error = error();
    job.result = maybe_value();
    job.created_at = time();
    job.run_at = maybe_time();
    if (one_in(2)) job.timeout = Milliseconds{number(0, 99'999)};
    job.deadline = maybe_time();
    if (one_in(3)) job.traceparent = word();
    job.started_at = maybe_time();
    job.finished_at = maybe_time();
    const auto rounds = static_cast<RoundNumber>(number(0, 3));
    for (RoundNumber i = 1; i <= rounds; ++i) job.closed.push_back(closed_round(i));
    job.last_round = rounds;
    if (one_in(2)) job.round = round(++job.last_round);
    for (auto i = one_in(3) ? number(1, 3) : 0; i > 0; --i) job.signals.push_back(signal());
    job.had_failures = one_in(2);
    job.last_boundary = small(99U);
    job.boundary_losses = static_cast<std::uint8_t>(number(0, 255));
    job.last_event = one_in(2) ? 0 : number(0, UINT64_MAX);
    if (one_in(3)) job.accepted_event = number(0, UINT64_MAX);
    if (job.started_at) job.started_event = job.accepted_event + small(2U);
    if (one_in(3)) job.started_event = number(0, UINT64_MAX);
    if (one_in(3)) job.accepted_at = time();
    if (one_in(3)) job.history = make_text(array(2));
    return job;
  }

 private:
  template <class AnyRound>
  void fill_inline(AnyRound& round) {
    round.is_inline = one_in(2);
    if (!round.is_inline || one_in(4)) return;
    const auto tasks = static_cast<std::uint32_t>(number(1, 16));
    round.inline_definitions.push_back(definitions(round.number, 0, tasks, round.specs.size()));
    for (std::uint32_t i = 0, end = small(4U); i < end; ++i) {
      round.inline_outcomes.push_back(outcomes(round.number, 0, i, tasks));
    }
  }

  template <class AnyRound>
  void number_events(AnyRound& round, bool over) {
    round.started_event = one_in(2) ? 1 + 2 * round.number : number(0, UINT32_MAX);
    if (over) round.closed_event = round.started_event + small(2U);
    round.opened.total = one_in(2) ? round.counts.total : number(0, UINT64_MAX);
    if (one_in(3)) round.opened.completed = number(0, UINT64_MAX);
  }

  std::mt19937_64 dice_;
};

}  // namespace coremachine::support
