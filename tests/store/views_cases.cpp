#include "tests/store/views_cases.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "core/model/codec.hpp"
#include "core/model/json_text.hpp"
#include "tests/conformance/store_fixture.hpp"

namespace coremachine::store_tests {
namespace {

using Row = ViewReader::Row;

std::vector<std::string> elements(const std::string& array) {
  std::vector<std::string> found;
  std::size_t begin = 1;
  for (const auto end : element_ends(array)) {
    found.push_back(array.substr(begin, end - begin));
    begin = end + 1;
  }
  return found;
}

void add_rows(std::set<Row>& rows, JobId job, const DefinitionSegment& segment) {
  const auto params = elements(*segment.body);
  REQUIRE(params.size() == segment.count);
  for (std::uint32_t i = 0; i < segment.count; ++i) {
    rows.insert({job.str(), std::to_string(segment.round), std::to_string(segment.first + i),
                 std::to_string(segment.spec_of(i)), params[i]});
  }
}

void add_rows(std::set<Row>& rows, JobId job, const OutcomeSegment& segment) {
  const auto values =
      segment.one_for_all ? std::vector<std::string>(segment.count, *segment.body) : elements(*segment.body);
  if (segment.kind == OutcomeKind::progress) return;  // no attempt has ended
  REQUIRE(values.size() == segment.count);
  const bool completed = segment.kind == OutcomeKind::completed;
  for (std::uint32_t i = 0; i < segment.count; ++i) {
    const auto finished =
        segment.finished_ms.empty() ? segment.finished_at : segment.started_at + Milliseconds{segment.finished_ms[i]};
    rows.insert({job.str(), std::to_string(segment.round),
                 std::to_string(TaskIndex{segment.chunk} * chunk_size + segment.offset_at(i)),
                 std::string(codec::to_string(segment.kind)), std::to_string(segment.attempt_at(i)),
                 std::to_string(segment.started_at.time_since_epoch().count()),
                 std::to_string(finished.time_since_epoch().count()), segment.worker, completed ? values[i] : "NULL",
                 completed ? "NULL" : values[i], segment.due_ms.empty() ? "NULL" : std::to_string(segment.due_at(i)),
                 std::to_string(segment.sequence)});
  }
}

std::set<Row> as_set(std::vector<Row> rows) {
  std::set<Row> set(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  return set;
}

SharedSpec spec_of(const std::string& task_type) {
  SharedSpec spec;
  spec.task_type = task_type;
  return spec;
}

constexpr auto all_results =
    "SELECT job, round, task, kind, attempt, started_at, finished_at, worker, result, error, due_at, sequence "
    "FROM task_result";

}  // namespace

void check_tasks_in_views(ViewReader& person) {
  RandomJobs random(8);
  std::set<Row> defined;
  std::set<Row> ended;
  {
    const auto store = person.open();
    Batch batch{.sequence = 1, .incarnation = store->begin_incarnation()};
    for (std::uint64_t n = 0; n < 60; ++n) {
      const auto job = random.job(id_of(n));
      batch.jobs.push_back(encode_job(job));
      const auto add_inline = [&](const auto& round) {
        for (const auto& segment : round.inline_definitions) add_rows(defined, job.id, segment);
        for (const auto& segment : round.inline_outcomes) add_rows(ended, job.id, segment);
      };
      for (const auto& closed : job.closed) {
        batch.rounds.push_back(encode_round(job.id, closed));
        add_inline(closed);
      }
      if (job.round) add_inline(*job.round);
      for (ChunkNumber chunk = 0; chunk < 3; ++chunk) {
        batch.definitions.emplace_back(job.id, random.definitions(9, chunk, 6, 3));
        add_rows(defined, job.id, batch.definitions.back().second);
        batch.outcomes.emplace_back(job.id, random.outcomes(9, chunk, chunk, 12));
        add_rows(ended, job.id, batch.outcomes.back().second);
      }
    }
    REQUIRE(store->commit(batch).has_value());
  }
  CHECK(as_set(person.rows("SELECT job, round, task, spec, params FROM definition_task")) == defined);
  CHECK(as_set(person.rows(all_results)) == ended);
  std::erase_if(ended, [](const Row& row) { return row[3] == "retrying" || row[3] == "lost"; });
  CHECK(as_set(person.rows(std::string(all_results) + " WHERE kind IN ('completed', 'failed', 'dead')")) == ended);
  CHECK(person.rows("SELECT job, round, task, kind, attempt, result, error FROM task").size() == ended.size());
  CHECK(person.rows("SELECT * FROM task WHERE job = '" + id_of(3).str() + "'").size() ==
        static_cast<std::size_t>(
            std::count_if(ended.begin(), ended.end(), [](const Row& row) { return row[0] == id_of(3).str(); })));
}

void check_specs_and_rounds_in_views(ViewReader& person) {
  Job job;
  job.id = id_of(1);
  job.params = make_text("{}");
  job.round.emplace();
  job.round->number = 2;
  job.round->stage = 5;
  job.round->specs = {spec_of("echo"), spec_of("greet")};
  ClosedRound closed;
  closed.number = 1;
  closed.stage = 4;
  closed.specs = {spec_of("plan")};
  {
    const auto store = person.open();
    Batch batch{.sequence = 1, .incarnation = store->begin_incarnation()};
    batch.jobs = {encode_job(job)};
    batch.rounds = {encode_round(job.id, closed)};
    REQUIRE(store->commit(batch).has_value());
  }
  CHECK(person.rows("SELECT round, spec, task_type FROM task_spec ORDER BY 1, 2") ==
        std::vector<Row>{{"1", "0", "plan"}, {"2", "0", "echo"}, {"2", "1", "greet"}});
  CHECK(person.rows("SELECT round, stage, status FROM round_state ORDER BY 1") ==
        std::vector<Row>{{"1", "4", "completed"}, {"2", "5", "running"}});
}

void check_full_chunk_in_views(ViewReader& person) {
  {
    const auto store = person.open();
    Batch batch{.sequence = 1, .incarnation = store->begin_incarnation()};
    batch.jobs = {job_row(id_of(1), JobStatus::running)};
    OutcomeSegment segment;
    segment.round = 1;
    segment.chunk = 3;
    segment.count = chunk_size;
    segment.one_for_all = true;
    segment.kind = OutcomeKind::failed;
    segment.body = make_text(R"({"type":"t","message":"m"})");
    batch.outcomes = {{id_of(1), segment}};
    REQUIRE(store->commit(batch).has_value());
  }
  CHECK(person.rows("SELECT count(*), min(task), max(task), count(DISTINCT CAST(error AS text)) FROM task") ==
        std::vector<Row>{{"1024", "3072", "4095", "1"}});
}

}  // namespace coremachine::store_tests
