#include "tests/golden/transcript.hpp"

#include <sstream>
#include <stdexcept>
#include <utility>
#include <variant>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "core/model/codec.hpp"
#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/runtime/announcement.hpp"
#include "core/store/memory/memory_store.hpp"
#include "jobs/builtin.hpp"
#include "tests/support/sim_jobs.hpp"

namespace coremachine::golden {
namespace {

constexpr Timestamp noon{Milliseconds{1'767'268'800'000}};

template <class Segment>
std::string tasks_of(const Segment& segment) {
  std::string text;
  for (std::uint32_t i = 0; i < segment.count; ++i) {
    if (i == 3 && segment.count > 4) {
      text += " … " + std::to_string(segment.offset_at(segment.count - 1));
      break;
    }
    text += ' ' + std::to_string(segment.offset_at(i));
  }
  return text;
}

std::string counts_of(const TaskCounts& counts) {
  std::string text;
  const auto add = [&](const char* name, std::uint64_t count) {
    if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + ' ' + name;
  };
  add("queued", counts.queued);
  add("running", counts.running);
  add("retrying", counts.retrying);
  add("completed", counts.completed);
  add("failed", counts.failed);
  add("dead", counts.dead);
  add("cancelled", counts.cancelled);
  return text.empty() ? "no tasks" : text;
}

/// Asks for a task that nobody has.
struct LostJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {{"nobody.knows"}}; }
  json::object aggregate_stage_results(int, const StageResults&) const override { return {}; }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext&) const override { return {}; }
};

}  // namespace

struct Transcript::State {
  State() {
    register_builtin_jobs(jobs, tasks);
    support::register_sim_jobs(jobs, tasks);
    jobs.add<LostJob>("lost");
    store = make_memory_store();
    shell = std::make_unique<testing::LoneShell>(jobs, tasks, *store, noon);
    shell->observe = [this](const machine::Action& action) {
      std::visit([this](const auto& each) { describe(each); }, action);
    };
  }

  std::string name(JobId id) const {
    const auto found = names.find(id);
    return found == names.end() ? "j" + std::to_string(names.size() + 1) : found->second;
  }
  JobId id_of(const std::string& called) const {
    for (const auto& [id, own] : names) {
      if (own == called) return id;
    }
    throw std::runtime_error("no job is called " + called);
  }
  void say(std::string line) { lines.push_back(std::move(line)); }

  // ---- actions ----
  void describe(const machine::RunBoundary& run) {
    const auto& boundary = run.call->boundary;
    const bool first = boundary.kind == BoundaryKind::open_first;
    say("RunBoundary " + name(run.call->job) +
        (first ? " create stage 1" : " close stage " + std::to_string(boundary.stage)) + (run.alone ? ", alone" : ""));
  }
  void describe(const machine::StopBoundary& stop) { say("StopBoundary " + name(stop.job)); }
  void describe(const machine::RecallBoundary& recall) { say("RecallBoundary " + name(recall.job)); }
  void describe(const machine::RunSlice& run) {
    const auto attempt = run.slice.attempt_at(0);
    say("RunSlice " + name(run.slice.job) + " round " + std::to_string(run.slice.round) + " tasks" +
        tasks_of(run.slice) + (attempt > 1 ? ", attempt " + std::to_string(attempt) : "") +
        (run.alone ? ", alone" : ""));
  }
  void describe(const machine::RecallSlice&) { say("RecallSlice"); }
  void describe(const machine::StopSlice&) { say("StopSlice"); }
  void describe(const machine::Answer& answer) {
    if (answer.error) return say("Answer " + std::string(to_string(answer.error->code)));
    say("Answer " + name(answer.job) +
        (answer.view ? " is " + std::string(to_string(answer.view->status)) : " is accepted"));
  }
  void describe(const machine::LoadJob& load) { say("LoadJob " + name(load.job)); }
  void describe(const machine::Announce& announce) {
    const auto event = runtime::describe(announce.job, announce.what, announce.traceparent);
    const auto* counts = event.data.if_contains("tasks");
    say("Announce " + name(announce.job) + " " + event.name + (counts ? ": " + counts_of(announce.what.counts) : ""));
  }

  // ---- writes ----
  void describe(const Batch& batch) {
    say("batch " + std::to_string(batch.sequence));
    for (const auto& [job, from] : batch.discards)
      say("  " + name(job) + " discards rounds from " + std::to_string(from));
    for (const auto& row : batch.jobs) {
      const auto job = decode_job(row, {});
      std::string line = "  " + name(row.id) + " " + std::string(to_string(row.status));
      if (job.round) {
        line += ", round " + std::to_string(job.round->number);
        if (job.round->is_inline)
          line += " with its " +
                  std::to_string(job.round->inline_definitions.empty() ? 0 : job.round->inline_definitions[0].count) +
                  " tasks";
        for (const auto& outcome : job.round->inline_outcomes)
          line += ", " + std::string(codec::to_string(outcome.kind)) + tasks_of(outcome);
      }
      if (row.result) line += ", result " + *row.result;
      if (job.error) line += ", " + std::string(to_string(job.error->code));
      say(std::move(line));
    }
    for (const auto& row : batch.rounds)
      say("  " + name(row.job) + " round " + std::to_string(row.round) + " " + std::string(to_string(row.status)));
    for (const auto& [job, segment] : batch.definitions) {
      say("  " + name(job) + " defines " + std::to_string(segment.count) + " tasks of chunk " +
          std::to_string(segment.chunk));
    }
    constexpr std::size_t shown = 6;
    for (std::size_t i = 0; i < batch.outcomes.size(); ++i) {
      if (i == shown && batch.outcomes.size() > shown + 1)
        return say("  and " + std::to_string(batch.outcomes.size() - shown) + " more outcomes");
      const auto& [job, segment] = batch.outcomes[i];
      say("  " + name(job) + " " + std::string(codec::to_string(segment.kind)) + tasks_of(segment) + " of chunk " +
          std::to_string(segment.chunk));
    }
  }

  // ---- commands ----
  void submit(std::istringstream& words, machine::Engine::Until until) {
    std::string type, params;
    words >> type;
    std::getline(words, params);
    Submission submission;
    submission.type = type;
    std::string text;
    append_json(text, json::parse(params.empty() ? "{}" : params));
    submission.params = make_text(std::move(text));
    const auto called = "j" + std::to_string(names.size() + 1);
    names.emplace(shell->submit(std::move(submission), until), called);
  }

  void commit() {
    if (!shell->batch && !shell->close_batch()) return say("nothing to write");
    if (full) return say("the disk is full: the batch is kept");
    describe(*shell->batch);
    shell->write_batch();
    shell->acknowledge();
  }

  void show(JobId id) {
    const auto* live = shell->engine().find(id);
    const auto stored = live ? std::nullopt : store->read_job(id);
    if (!live && !stored) return say(name(id) + " is not there");
    const auto view = live ? make_view(*live) : make_view(decode_job(stored->job, stored->rounds));
    say(name(id) + " " + std::string(to_string(view.status)) + (live ? "" : ", on disk") + ", attempt " +
        std::to_string(view.attempt));
    for (const auto& stage : view.stages) {
      say("  stage " + std::to_string(stage.stage) + ", round " + std::to_string(stage.round) + " " +
          std::string(to_string(stage.status)) + ": " + counts_of(stage.tasks));
    }
    if (view.result) say("  result " + json::serialize(*view.result));
    if (view.error) say("  error " + std::string(to_string(view.error->code)) + ": " + view.error->message);
  }

  void crash(std::istringstream& words) {
    std::vector<machine::Suspect> suspects;
    TaskIndex task = 0;
    if (words >> task) {
      std::string alone;
      words >> alone;
      const auto id = id_of("j1");
      const auto* job = shell->engine().find(id);
      suspects.push_back({id, false, job && job->round ? job->round->number : 1, task, alone == "alone"});
    }
    shell->crash(suspects);
  }

  JobRegistry jobs;
  TaskRegistry tasks;
  std::unique_ptr<Store> store;
  std::unique_ptr<testing::LoneShell> shell;
  std::map<JobId, std::string> names;
  std::vector<testing::LoneShell::PendingReport> kept;
  std::vector<std::string> lines;
  bool full = false;
};

Transcript::Transcript() : state_(std::make_unique<State>()) {}
Transcript::~Transcript() = default;

std::vector<std::string> Transcript::play(const std::string& command) {
  auto& state = *state_;
  auto& shell = *state.shell;
  state.lines.clear();
  std::istringstream words(command);
  std::string verb;
  words >> verb;
  const auto job = [&] {
    std::string called;
    words >> called;
    return state.id_of(called);
  };
  const auto late = [&] {
    std::string word;
    return words >> word && word == "late";
  };
  if (verb == "submit") {
    state.submit(words, machine::Engine::Until::accepted);
  } else if (verb == "run") {
    state.submit(words, machine::Engine::Until::ended);
  } else if (verb == "follow") {
    shell.follow(job());
  } else if (verb == "await") {
    shell.await_end(job());
  } else if (verb == "cancel") {
    shell.control(job(), machine::Control::cancel);
  } else if (verb == "pause") {
    shell.control(job(), machine::Control::pause);
  } else if (verb == "resume") {
    shell.control(job(), machine::Control::resume);
  } else if (verb == "redrive") {
    shell.control(job(), machine::Control::redrive);
  } else if (verb == "boundary") {
    if (shell.boundaries.empty()) return {"no boundary is out"};
    shell.run_boundary(0);
    shell.deliver_decision(0);
  } else if (verb == "slice") {
    if (shell.slices.empty()) return {"no slice is out"};
    shell.run_slice(0);
    if (late()) {
      state.kept.push_back(std::move(shell.reports.front()));
      shell.reports.clear();
    } else {
      shell.deliver_report(0);
    }
  } else if (verb == "slices") {
    std::size_t slices = 0, ran = 0;
    for (; !shell.slices.empty(); ++slices) {
      ran += shell.slices.front().slice.count;
      shell.run_slice(0);
      shell.deliver_report(0);
    }
    std::erase_if(state.lines, [](const std::string& line) { return line.starts_with("RunSlice"); });
    state.lines.insert(state.lines.begin(),
                       std::to_string(slices) + " slices with " + std::to_string(ran) + " tasks ran");
  } else if (verb == "deliver") {
    shell.reports.push_back(state.kept.at(0));
    shell.deliver_report(0);
  } else if (verb == "commit") {
    state.commit();
  } else if (verb == "full" || verb == "space") {
    state.full = verb == "full";
    shell.engine().store_is_full(state.full);
  } else if (verb == "tick") {
    Milliseconds::rep time = 0;
    words >> time;
    shell.advance_to(shell.now() + Milliseconds{time});
  } else if (verb == "crash") {
    state.crash(words);
  } else if (verb == "show") {
    state.show(job());
  } else {
    throw std::runtime_error("a transcript has no command " + verb);
  }
  return state.lines;
}

}  // namespace coremachine::golden
