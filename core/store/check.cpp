#include "core/store/check.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/model/value_parser.hpp"

namespace coremachine {
namespace {

/// Checks one job and everything that belongs to it.
class JobCheck {
 public:
  JobCheck(const Store& store, const StoredJob& stored, const ArtifactStore* artifacts, CheckFindings& findings)
      : store_(store), stored_(stored), artifacts_(artifacts), findings_(findings) {}

  void run() {
    Job job;
    std::vector<ClosedRound> closed;
    try {
      job = decode_job(stored_.job, stored_.rounds);
      for (const auto& row : stored_.rounds) closed.push_back(decode_round(row));
    } catch (const std::exception& error) {
      problem(error.what());
      return;
    }
    for (const auto& round : closed) {
      check_round(round.number, round.lineage, round.counts, true, round.is_inline, round.inline_definitions,
                  round.inline_outcomes);
    }
    if (job.round) {
      const auto& round = *job.round;
      check_round(round.number, round.lineage, round.counts, round.phase == RoundPhase::closed, round.is_inline,
                  round.inline_definitions, round.inline_outcomes);
    }
    check_end(job);
    check_numbers(job, closed);
    check_references();
  }

 private:
  /// Rounds are numbered without gaps but for those that a redrive discarded, which lie between the rounds of a
  /// lineage, and nothing lies beyond the last.
  void check_numbers(const Job& job, const std::vector<ClosedRound>& closed) {
    std::set<RoundNumber> known;
    RoundNumber last = 0;
    const auto add = [&](RoundNumber number, const std::vector<RoundNumber>& lineage) {
      known.insert(number);
      known.insert(lineage.begin(), lineage.end());
      check_follows(last, lineage.empty() ? number : lineage.front());
      last = number;
    };
    for (const auto& round : closed) add(round.number, round.lineage);
    if (job.round) add(job.round->number, job.round->lineage);
    if (last > job.last_round) problem("has a round beyond its last one");
    if (last < job.last_round) check_follows(last, job.last_round + 1);
    for (RoundNumber number = 1; number <= job.last_round + 2; ++number) {
      if (known.contains(number)) continue;
      OutcomeQuery query;
      query.job = job.id;
      query.rounds = {number};
      query.bodies = false;
      query.limit = 1;
      const bool left_behind = !store_.definition_heads(job.id, number).empty() || !store_.read_outcomes(query).empty();
      if (left_behind) problem("has tasks of round " + std::to_string(number) + ", which it does not know");
    }
  }

  void check_follows(RoundNumber last, RoundNumber next) {
    if (next == last + 1) return;
    const auto first = std::to_string(last + 1);
    if (next <= last) return problem("its round " + std::to_string(next) + " comes twice");
    if (next == last + 2) return problem("its round " + first + " is missing");
    problem("its rounds " + first + " to " + std::to_string(next - 1) + " are missing");
  }

  /// What a text names has to be known as named by this job: else it could be collected. An artifact that is not there
  /// is none of this store, unless it is known as one, and then it is missed by whoever looks through those.
  void check_references() {
    if (!artifacts_) return;
    note_names(stored_.job.params);
    note_names(stored_.job.result);
    note_names(stored_.job.state);
    for (const auto& round : stored_.rounds) {
      note_names(round.result);
      note_names(round.state);
    }
    const auto known = store_.references_of(stored_.job.id);
    for (const auto& id : named_) {
      if (std::binary_search(known.begin(), known.end(), id) || !artifacts_->info(id)) continue;
      problem("names the artifact " + id.str() + ", and nothing keeps that from being collected");
    }
  }

  void note_names(std::string_view text) {
    if (!artifacts_) return;
    try {
      for (const auto& id : find_references(text)) named_.insert(id);
    } catch (const Failure& failure) {
      problem(failure.error().message);
    }
  }
  void note_names(const Text& text) {
    if (text) note_names(std::string_view(*text));
  }

  void problem(const std::string& what) { findings_.problems.push_back("job " + stored_.job.id.str() + ": " + what); }

  void check_end(const Job& job) {
    if (!is_valid_name(job.type)) problem("has a job type that is no name");
    if (job.attempt == 0) problem("has no attempt, and the first is 1");
    if (job.priority < -100 || job.priority > 100) problem("has the priority " + std::to_string(job.priority));
    const bool over = is_terminal(job.status);
    if (over != job.finished_at.has_value())
      problem(over ? "is over without a time of its end" : "is not over and has a time of its end");
    const bool completed = job.status == JobStatus::completed || job.status == JobStatus::completed_with_errors;
    if (completed && !job.result) problem("completed without a result");
    if (over && !completed && !job.error) problem("is " + std::string(to_string(job.status)) + " without an error");
    if (over && job.round && job.round->status == StageStatus::running) problem("is over with a stage that runs");
    if (completed && job.round && job.round->phase != RoundPhase::closed)
      problem("completed with a round that is open");
  }

  void check_round(RoundNumber number, const std::vector<RoundNumber>& lineage, const TaskCounts& counts, bool closed,
                   bool is_inline, const std::vector<DefinitionSegment>& inline_definitions,
                   const std::vector<OutcomeSegment>& inline_outcomes) {
    const auto name = "round " + std::to_string(number) + ": ";
    const auto definitions = is_inline
                                 ? inline_definitions
                                 : store_.definition_heads(stored_.job.id, lineage.empty() ? number : lineage.front());
    TaskIndex total = 0;
    for (std::size_t chunk = 0; chunk < definitions.size(); ++chunk) {
      const auto& segment = definitions[chunk];
      if (segment.chunk != chunk || segment.first != total) problem(name + "its chunks do not follow each other");
      total += segment.count;
      check_definitions(name, lineage.empty() ? number : lineage.front(), segment, is_inline);
    }
    findings_.tasks += total;
    if (closed && counts.total != total) {
      problem(name + "counts " + std::to_string(counts.total) + " tasks and defines " + std::to_string(total));
    }
    if (closed && counts.completed + counts.failed + counts.dead + counts.cancelled != counts.total) {
      problem(name + "its counts do not add up");
    }
    check_outcomes(name, number, lineage, definitions, is_inline ? &inline_outcomes : nullptr, counts, closed);
  }

  void check_definitions(const std::string& name, RoundNumber round, const DefinitionSegment& head, bool is_inline) {
    const auto whole = is_inline ? std::optional(head) : store_.read_definitions(stored_.job.id, round, head.chunk);
    if (!whole || !whole->body) return problem(name + "chunk " + std::to_string(head.chunk) + " has no definitions");
    note_names(whole->body);
    boost::system::error_code bad;
    const auto value = parse_value(*whole->body, bad);
    const bool fits = !bad && value.is_array() && value.as_array().size() == head.count;
    if (!fits) problem(name + "the definitions of chunk " + std::to_string(head.chunk) + " do not match their count");
  }

  void check_outcomes(const std::string& name, RoundNumber number, const std::vector<RoundNumber>& lineage,
                      const std::vector<DefinitionSegment>& definitions,
                      const std::vector<OutcomeSegment>* inline_outcomes, const TaskCounts& counts, bool closed) {
    std::uint64_t completed = 0;
    for (const auto& definition : definitions) {
      std::vector<bool> final_seen(definition.count, false);
      const auto segments = inline_outcomes ? *inline_outcomes : outcomes_of(number, lineage, definition.chunk);
      for (const auto& segment : segments) {
        if (segment.chunk != definition.chunk) continue;
        check_body(name, segment);
        for (std::uint32_t i = 0; i < segment.count; ++i) {
          if (segment.attempt_at(i) == 0 && segment.kind != OutcomeKind::failed)
            problem(name + "an outcome has no attempt");
        }
        const bool counts_here =
            segment.kind == OutcomeKind::completed || (segment.round == number && is_final(segment.kind));
        for (std::uint32_t i = 0; i < segment.count; ++i) {
          const auto offset = segment.offset_at(i);
          if (offset >= definition.count) {
            problem(name + "an outcome belongs to no task");
            continue;
          }
          if (!counts_here) continue;
          if (final_seen[offset]) problem(name + "task " + std::to_string(definition.first + offset) + " ended twice");
          final_seen[offset] = true;
          if (segment.kind == OutcomeKind::completed) ++completed;
        }
      }
    }
    if (closed && completed != counts.completed) {
      problem(name + "counts " + std::to_string(counts.completed) + " completed tasks and has results of " +
              std::to_string(completed));
    }
  }

  std::vector<OutcomeSegment> outcomes_of(RoundNumber number, const std::vector<RoundNumber>& lineage,
                                          ChunkNumber chunk) const {
    OutcomeQuery query;
    query.job = stored_.job.id;
    query.rounds = lineage;
    query.rounds.push_back(number);
    query.from = chunk;
    query.to = chunk + 1;
    return store_.read_outcomes(query);
  }

  void check_body(const std::string& name, const OutcomeSegment& segment) {
    if (!segment.body) return problem(name + "an outcome has no body");
    note_names(segment.body);
    note_names(segment.carry);
    boost::system::error_code bad;
    const auto value = parse_value(*segment.body, bad);
    if (bad) return problem(name + "the body of an outcome is not JSON: " + bad.message());
    if (segment.one_for_all) return;
    if (!value.is_array() || value.as_array().size() != segment.count)
      problem(name + "the body of an outcome does not match its count");
  }

  const Store& store_;
  const StoredJob& stored_;
  const ArtifactStore* artifacts_;
  CheckFindings& findings_;
  std::set<ArtifactId> named_ = {};
};

std::optional<std::string> fault_of(const ArtifactStore& artifacts, const ArtifactId& id) {
  auto reader = artifacts.open(id);
  if (!reader) return reader.error().message;
  std::string piece(std::size_t{256} << 10U, '\0');
  for (std::uint64_t at = 0; at < (*reader)->size();) {
    const auto got = (*reader)->read(at, piece.data(), piece.size());
    if (!got) return got.error().message;
    at += *got;
  }
  return std::nullopt;
}

void check_artifacts(const Store& store, const ArtifactStore* artifacts, CheckFindings& findings) {
  std::optional<ArtifactId> after;
  for (;;) {
    const auto page = store.read_referenced(after, 1000);
    if (page.empty()) return;
    for (const auto& id : page) {
      ++findings.artifacts;
      if (!artifacts) {
        findings.problems.push_back("there is no artifact store, and jobs name the artifact " + id.str());
      } else if (auto fault = fault_of(*artifacts, id)) {
        findings.problems.push_back("jobs name the artifact " + id.str() + ": " + *fault);
      }
    }
    after = page.back();
  }
}

}  // namespace

CheckFindings check_store(Store& store, bool repair, const ArtifactStore* artifacts) {
  CheckFindings findings;
  for (auto& fault : store.check_format()) findings.problems.push_back(std::move(fault));
  if (!findings.problems.empty()) return findings;  // nothing that is read from it can be relied on
  JobFilter filter;
  filter.limit = 1000;
  filter.columns = JobColumns::heads;
  for (;;) {
    const auto slice = store.list_jobs(filter);
    for (const auto& row : slice.rows) {
      ++findings.jobs;
      if (const auto stored = store.read_job(row.id)) JobCheck(store, *stored, artifacts, findings).run();
    }
    if (!slice.next) break;
    filter.before = slice.next;
  }
  if (findings.jobs > 0 && store.stats().incarnation == 0)
    findings.problems.emplace_back("there are jobs, and no server ever started: the fencing token is lost");
  check_artifacts(store, artifacts, findings);
  if (const auto orphans = store.orphans(false); orphans > 0) {
    const auto what = std::to_string(orphans) + " rows that belong to no job, artifact or output";
    if (repair && store.orphans(true) == orphans) {
      findings.repairs.push_back("took away " + what);
    } else {
      findings.problems.push_back(what);
    }
  }
  return findings;
}

}  // namespace coremachine
