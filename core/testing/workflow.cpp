#include <coremachine/testing/workflow.hpp>

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

#include <boost/json/serialize.hpp>

#include <coremachine/params/faults.hpp>

#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/model/value_parser.hpp"
#include "core/runtime/handler_artifacts.hpp"
#include "core/store/memory/memory_artifacts.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/testing/lone_shell.hpp"

namespace coremachine::testing {
namespace {

Text text_of_value(const json::value& value) {
  std::string text;
  if (const auto fault = append_json(text, value)) throw Failure(Error{ErrorCode::handler_contract, *fault});
  return make_text(std::move(text));
}

}  // namespace

struct Workflow::Parts {
  Parts(JobRegistry& with_jobs, TaskRegistry& with_tasks) : jobs(with_jobs) {
    jobs.freeze();
    with_tasks.freeze();
    store = make_memory_store();
    // Some day in 2026; tests that care about the date say so.
    shell = std::make_unique<LoneShell>(jobs, with_tasks, *store, Timestamp{Milliseconds{1'767'225'600'000}});
  }

  void control(JobId job, machine::Control verb) { settle(shell->control(job, verb)); }

  void settle(machine::RequestId request) {
    shell->settle();
    for (const auto& answer : shell->answers) {
      if (answer.request == request && answer.error) throw Failure(*answer.error);
    }
    shell->answers.clear();
  }

  JobRegistry& jobs;
  std::unique_ptr<Store> store;
  std::unique_ptr<LoneShell> shell;
};

Workflow::Workflow(JobRegistry& jobs, TaskRegistry& tasks) : parts_(std::make_unique<Parts>(jobs, tasks)) {}
Workflow::~Workflow() = default;

JobId Workflow::submit(std::string_view job_type, json::object params, SubmitOptions options) {
  const auto info = parts_->jobs.get_info(job_type).value();
  std::string text;
  if (const auto fault = append_json(text, params)) throw Failure(Error{ErrorCode::invalid_params, *fault});
  if (info.validate_params) {
    if (auto faults = info.validate_params(params); !faults.empty())
      throw Failure(params::invalid_params(std::move(faults)));
  }
  Submission submission;
  submission.type = info.name;
  submission.version = info.version;
  submission.params = make_text(std::move(text));
  submission.priority = options.priority;
  submission.tags = std::move(options.tags);
  submission.run_at = options.delay ? std::optional(now() + *options.delay) : options.run_at;
  submission.timeout = options.timeout;
  return parts_->shell->submit(std::move(submission));
}

void Workflow::run() {
  parts_->shell->settle();
}

void Workflow::advance(Milliseconds by) {
  const auto until = now() + by;
  run();
  for (;;) {
    const auto next = parts_->shell->engine().next_deadline();
    if (!next || *next > until) break;
    parts_->shell->advance_to(*next);
    run();
  }
  parts_->shell->advance_to(until);
  run();
}

JobView Workflow::run_to_end(JobId id) {
  for (;;) {
    run();
    auto view = job(id);
    if (is_terminal(view.status)) return view;
    const auto next = parts_->shell->engine().next_deadline();
    if (!next) {
      throw Failure(Error{ErrorCode::not_finished, "job " + id.str() + " is " + std::string(to_string(view.status)) +
                                                       " and waits for nothing that time brings"});
    }
    parts_->shell->advance_to(*next);
  }
}

JobView Workflow::run_to_end(std::string_view job_type, json::object params, SubmitOptions options) {
  return run_to_end(submit(job_type, std::move(params), std::move(options)));
}

JobView Workflow::job(JobId id) const {
  if (const auto* live = parts_->shell->engine().find(id)) return make_view(*machine::snapshot(*live));
  const auto stored = parts_->store->read_job(id);
  if (!stored) throw Failure(Error{ErrorCode::unknown_job, "there is no job " + id.str()});
  return make_view(decode_job(stored->job, stored->rounds));
}

namespace {

json::value value_of(runtime::LargeValues& large, const json::value& reference) {
  const auto parsed = parse_artifact_reference(reference);
  if (!parsed) throw Failure(Error{ErrorCode::invalid_argument, "that is no reference to an artifact"});
  return large.load(*parsed);
}

}  // namespace

json::value Workflow::artifact_value(const json::value& reference) const {
  return value_of(parts_->shell->large_values(), reference);
}

void Workflow::cancel(JobId job) {
  parts_->control(job, machine::Control::cancel);
}
void Workflow::pause(JobId job) {
  parts_->control(job, machine::Control::pause);
}
void Workflow::resume(JobId job) {
  parts_->control(job, machine::Control::resume);
}
void Workflow::retry(JobId job) {
  parts_->control(job, machine::Control::redrive);
}
void Workflow::signal(JobId job, std::string_view name, json::value data) {
  parts_->settle(parts_->shell->signal(job, Signal{std::string(name), text_of_value(data)}));
}
void Workflow::crash() {
  parts_->shell->crash();
}
Timestamp Workflow::now() const {
  return parts_->shell->now();
}

// ---- HandlerProbe ----

namespace {

class GivenResults final : public ResultSource {
 public:
  GivenResults(std::vector<json::value> results, Artifacts& artifacts, int stage)
      : results_(std::move(results)), artifacts_(artifacts), stage_(stage) {}
  json::value load(const ArtifactReference& reference) const override { return artifacts_.load(reference); }
  std::unique_ptr<NewArtifact> new_artifact(std::string_view media_type) const override {
    return artifacts_.begin(media_type);
  }
  json::object seal_output(std::string_view name) const override {
    return artifacts_.seal(static_cast<RoundNumber>(stage_), name);
  }
  std::uint64_t total() const override { return results_.size(); }
  std::uint64_t completed() const override { return results_.size(); }
  std::uint64_t failed() const override { return 0; }
  std::size_t pages() const override { return results_.empty() ? 0 : 1; }
  Page page(std::size_t) const override {
    Page page;
    for (TaskIndex index = 0; index < results_.size(); ++index) page.indexes.push_back(index);
    page.values = results_;
    return page;
  }
  std::vector<TaskFailureRecord> failures(std::size_t) const override { return {}; }

 private:
  std::vector<json::value> results_;
  Artifacts& artifacts_;
  int stage_;
};

Text text_of(const json::object& object) {
  return text_of_value(object);
}

}  // namespace

struct HandlerProbe::Kept {
  runtime::LargeValues large{{.open = open_memory_artifacts}};
  runtime::HandlerArtifacts artifacts{large, JobId{1, 1}};
};

HandlerProbe::HandlerProbe(const JobHandler& handler, json::object params)
    : handler_(handler), params_(std::move(params)), kept_(std::make_shared<Kept>()) {}

json::value HandlerProbe::artifact_value(const json::value& reference) const {
  return value_of(kept_->large, reference);
}

JobContext::State HandlerProbe::state() const {
  JobContext::State state;
  state.job_type = "probe";
  state.params = text_of(params_);
  for (const auto& [stage, result] : results_) {
    state.stage_results[stage] = text_of(result);
    state.defined_in[stage] = static_cast<RoundNumber>(stage);
    state.stage = stage;
  }
  state.artifacts = &kept_->artifacts;
  return state;
}

std::vector<TaskDefinition> HandlerProbe::tasks(int stage) const {
  const JobContext context(state());
  return handler_.create_stage_tasks(stage, context);
}

json::object HandlerProbe::aggregate(int stage, const std::vector<json::value>& results) {
  const StageResults given(std::make_shared<GivenResults>(results, kept_->artifacts, stage));
  return results_[stage] = handler_.aggregate_stage_results(stage, given);
}

namespace {

class GivenOutcome final : public StageOutcome {
 public:
  GivenOutcome(std::uint64_t completed, std::vector<TaskFailureRecord> failures)
      : completed_(completed), failures_(std::move(failures)) {}
  std::uint64_t total() const override { return completed_ + failures_.size(); }
  std::uint64_t completed() const override { return completed_; }
  std::uint64_t failed() const override { return failures_.size(); }
  std::vector<TaskFailureRecord> failures(std::size_t limit) const override {
    return {failures_.begin(), failures_.begin() + static_cast<std::ptrdiff_t>(std::min(limit, failures_.size()))};
  }

 private:
  std::uint64_t completed_;
  std::vector<TaskFailureRecord> failures_;
};

/// Folds the results in this order, in parts of a drawn size, and the parts in the order in which they lie then.
json::value fold_parts(const StageFold& fold, const std::vector<json::value>& results,
                       const std::vector<std::size_t>& order, std::mt19937& dice) {
  std::vector<json::value> parts;
  for (std::size_t at = 0; at < order.size();) {
    const auto end = std::min(order.size(), at + 1 + dice() % 8);
    auto part = fold.init();
    for (; at < end; ++at) fold.step(part, order[at], results[order[at]]);
    parts.push_back(parse_value(*text_of_value(part)));
  }
  std::shuffle(parts.begin(), parts.end(), dice);
  auto folded = fold.init();
  for (const auto& part : parts) fold.merge(folded, part);
  return folded;
}

}  // namespace

json::object HandlerProbe::fold(int stage, const std::vector<json::value>& results,
                                std::vector<TaskFailureRecord> failures) {
  const auto fold = handler_.make_fold(stage);
  if (!fold) throw Failure(Error{ErrorCode::handler_contract, "stage " + std::to_string(stage) + " does not fold"});
  const GivenOutcome outcome(results.size(), std::move(failures));
  std::vector<std::size_t> order(results.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 dice(20260101);  // always the same, so that a failure repeats
  std::optional<json::object> first;
  for (int way = 0; way < 20; ++way) {
    auto result = fold->finish(fold_parts(*fold, results, order, dice), outcome);
    if (first && *first != result) {
      throw Failure(Error{ErrorCode::handler_contract,
                          "the fold of stage " + std::to_string(stage) + " depends on the order of the results: " +
                              json::serialize(*first) + " is not " + json::serialize(result)});
    }
    first = std::move(result);
    std::shuffle(order.begin(), order.end(), dice);
  }
  return results_[stage] = std::move(*first);
}

namespace {

class GatheringSink final : public TaskSink {
 public:
  GatheringSink(std::vector<TaskDefinition>& tasks, std::size_t at_once)
      : tasks_(tasks), enough_(tasks.size() + at_once) {}
  void add(const TaskDefinition& task) override { tasks_.push_back(task); }
  bool full() const override { return tasks_.size() >= enough_; }

 private:
  std::vector<TaskDefinition>& tasks_;
  std::size_t enough_;
};

}  // namespace

std::vector<TaskDefinition> HandlerProbe::pulled(int stage, std::size_t at_once) const {
  std::vector<TaskDefinition> tasks;
  json::value cursor;
  for (;;) {
    const JobContext context(state());
    const auto before = tasks.size();
    GatheringSink sink(tasks, at_once);
    auto next = handler_.pull_stage_tasks(stage, context, cursor, sink);
    if (!next) return tasks;
    if (tasks.size() == before && *next == cursor) {
      throw Failure(Error{ErrorCode::handler_contract, "pull_stage_tasks brought no task and did not move its cursor"});
    }
    cursor = parse_value(*text_of_value(*next));
  }
}

std::optional<int> HandlerProbe::next(int stage) const {
  const JobContext context(state());
  return handler_.next_stage(stage, context);
}

bool HandlerProbe::advances(int stage) const {
  const JobContext context(state());
  return handler_.should_advance_stage(stage, context);
}

json::object HandlerProbe::final_result() const {
  const JobContext context(state());
  return handler_.get_final_result(context);
}

}  // namespace coremachine::testing
