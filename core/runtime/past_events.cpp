#include "core/runtime/past_events.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include <boost/json/serialize.hpp>

#include "core/model/json_text.hpp"
#include "core/runtime/announcement.hpp"
#include "core/runtime/large_values.hpp"

namespace coremachine::runtime {
namespace {

/// Of earlier attempts; it is written with the job's row each time.
constexpr std::size_t most_history_events = 256;
constexpr std::size_t most_history_bytes = 16 * 1024;

class Teller {
 public:
  Teller(const Store& store, const StoredJob& stored, std::uint64_t after)
      : store_(store), stored_(stored), job_(decode_job(stored.job, stored.rounds)), after_(after) {}

  const Job& job() const { return job_; }

  void tell_history() {
    if (!job_.history) return;
    auto history = parse_stored(*job_.history);
    for (auto& each : history.as_array()) {
      auto& told = each.as_object();
      JobEvent event;
      event.job = job_.id;
      event.sequence = told.at("seq").to_number<std::uint64_t>();
      event.name = std::string(told.at("event").as_string());
      event.data["job_id"] = job_.id.str();
      for (auto& [key, value] : told) {
        if (key != "event") event.data[key] = std::move(value);
      }
      if (event.sequence > after_) events_.push_back(std::move(event));
    }
  }

  void tell_attempt() {
    Publish accepted = of_job(PublishedKind::job_accepted, job_.accepted_event);
    accepted.at = job_.accepted_at.value_or(job_.created_at);
    const bool later = job_.run_at && *job_.run_at > job_.created_at;
    accepted.status = later ? JobStatus::scheduled : JobStatus::queued;
    tell(accepted);
    if (job_.started_event > 0) {
      Publish started = of_job(PublishedKind::job_started, job_.started_event);
      started.at = job_.started_at.value_or(accepted.at);
      started.status = JobStatus::running;
      tell(started);
    }
    if (!is_terminal(job_.status)) return;
    Publish ended = of_job(PublishedKind::job_ended, job_.last_event);
    ended.at = job_.finished_at.value_or(accepted.at);
    ended.status = job_.status;
    ended.cause = job_.error;
    tell(ended);
  }

  void tell_rounds(RoundNumber from) {
    for (const auto& row : stored_.rounds) {
      if (row.round >= from) tell_round(decode_round(row), true);
    }
    if (job_.round && job_.round->number >= from) tell_round(*job_.round, job_.round->phase == RoundPhase::closed);
  }

  std::vector<JobEvent> take() {
    // What is younger than the row was read after it, and perhaps not all of it.
    std::erase_if(events_, [&](const JobEvent& event) { return event.sequence > job_.last_event; });
    std::sort(events_.begin(), events_.end(),
              [](const JobEvent& a, const JobEvent& b) { return a.sequence < b.sequence; });
    return std::move(events_);
  }

 private:
  Publish of_job(PublishedKind kind, std::uint64_t sequence) const {
    Publish what;
    what.kind = kind;
    what.sequence = sequence;
    what.attempt = job_.attempt;
    return what;
  }

  void tell(const Publish& what) {
    if (what.sequence > after_) events_.push_back(describe(job_.id, what, job_.traceparent));
  }

  template <class AnyRound>
  void tell_round(const AnyRound& round, bool over) {
    if (over && round.closed_event <= after_) return;
    Publish started;
    started.kind = PublishedKind::stage_started;
    started.sequence = round.started_event;
    started.stage = round.stage;
    started.round = round.number;
    started.at = round.started_at.value_or(job_.created_at);
    const auto [total, completed] = round.opened;
    started.counts = TaskCounts{.total = total, .queued = total - completed, .completed = completed};
    tell(started);
    if (!over || round.counts.failed + round.counts.dead > 0) tell_failures(round);
    if (!over) return;
    Publish closed = started;
    closed.kind = PublishedKind::stage_completed;
    closed.sequence = round.closed_event;
    closed.at = round.finished_at.value_or(started.at);
    closed.stage_status = round.status;
    closed.counts = round.counts;
    tell(closed);
  }

  template <class AnyRound>
  void tell_failures(const AnyRound& round) {
    std::vector<OutcomeSegment> segments;
    if (round.is_inline) {
      std::copy_if(round.inline_outcomes.begin(), round.inline_outcomes.end(), std::back_inserter(segments),
                   [&](const auto& segment) { return segment.event != 0 && segment.round == round.number; });
      std::sort(segments.begin(), segments.end(), [](const auto& a, const auto& b) { return a.event < b.event; });
    } else {
      segments = store_.told_failures(job_.id, round.number);
    }
    std::uint32_t told = 0;
    for (const auto& segment : segments) {
      const auto specs = specs_of(round, segment.chunk);
      const auto ends = segment.one_for_all ? std::vector<std::uint32_t>() : element_ends(*segment.body);
      for (std::uint32_t i = 0; i < segment.count && told < max_told_failures; ++i, ++told) {
        Publish failed;
        failed.kind = PublishedKind::task_failed;
        failed.sequence = segment.event + i;
        failed.at = segment.finished_at_of(i);
        failed.stage = round.stage;
        failed.round = round.number;
        failed.index = TaskIndex{segment.chunk} * chunk_size + segment.offset_at(i);
        failed.task_type = round.specs.at(specs ? specs->spec_of(segment.offset_at(i)) : SpecNumber{0}).task_type;
        failed.dead = segment.kind == OutcomeKind::dead;
        failed.attempt = segment.attempt_at(i);
        failed.error = segment.one_for_all ? segment.body : make_text(std::string(element_at(*segment.body, ends, i)));
        tell(failed);
      }
    }
  }

  /// Which tasks of the chunk are of which type; nothing if all of the round are of one.
  template <class AnyRound>
  std::optional<DefinitionSegment> specs_of(const AnyRound& round, ChunkNumber chunk) const {
    if (round.specs.size() < 2) return std::nullopt;
    if (round.is_inline) return round.inline_definitions.at(chunk);
    const auto defined_in = round.lineage.empty() ? round.number : round.lineage.front();
    return store_.read_definitions(job_.id, defined_in, chunk);
  }

  const Store& store_;
  const StoredJob& stored_;
  const Job job_;
  const std::uint64_t after_;
  std::vector<JobEvent> events_ = {};
};

std::string history_text(const JobEvent& event) {
  json::object told = event.data;
  told.erase("job_id");
  told["event"] = event.name;
  return json::serialize(told);
}

}  // namespace

std::vector<JobEvent> past_events(const Store& store, const StoredJob& stored, std::uint64_t after) {
  Teller teller(store, stored, after);
  teller.tell_history();
  teller.tell_attempt();
  teller.tell_rounds(0);
  return teller.take();
}

Text history_before_redrive(const Store& store, const StoredJob& stored, RoundNumber target) {
  Teller teller(store, stored, 0);
  teller.tell_history();
  teller.tell_attempt();
  teller.tell_rounds(target);
  std::vector<std::pair<bool, std::string>> texts;  // whether it is the failure of a task
  std::size_t bytes = 0;
  for (const auto& event : teller.take()) {
    texts.emplace_back(event.name == "task.failed", history_text(event));
    bytes += texts.back().second.size() + 1;
  }
  while (texts.size() > most_history_events || bytes > most_history_bytes) {
    auto dropped = std::find_if(texts.begin(), texts.end(), [](const auto& text) { return text.first; });
    if (dropped == texts.end()) dropped = texts.begin();
    bytes -= dropped->second.size() + 1;
    texts.erase(dropped);
  }
  std::string all = "[";
  for (const auto& [failure, text] : texts) {
    if (all.size() > 1) all += ',';
    all += text;
  }
  return make_text(all + "]");
}

}  // namespace coremachine::runtime
