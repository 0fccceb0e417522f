#include <coremachine/testing/workflow.hpp>

#include <utility>

#include <coremachine/params/faults.hpp>

#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/testing/lone_shell.hpp"

namespace coremachine::testing {

struct Workflow::Parts {
  Parts(JobRegistry& with_jobs, TaskRegistry& with_tasks) : jobs(with_jobs) {
    jobs.freeze();
    with_tasks.freeze();
    store = make_memory_store();
    // Some day in 2026; tests that care about the date say so.
    shell = std::make_unique<LoneShell>(jobs, with_tasks, *store, Timestamp{Milliseconds{1'767'225'600'000}});
  }

  void control(JobId job, machine::Control verb) {
    const auto request = shell->control(job, verb);
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
    if (auto faults = info.validate_params(params); !faults.empty()) throw Failure(params::invalid_params(std::move(faults)));
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

void Workflow::run() { parts_->shell->settle(); }

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
      throw Failure(Error{ErrorCode::not_finished,
                          "job " + id.str() + " is " + std::string(to_string(view.status)) + " and waits for nothing that time brings"});
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

void Workflow::cancel(JobId job) { parts_->control(job, machine::Control::cancel); }
void Workflow::pause(JobId job) { parts_->control(job, machine::Control::pause); }
void Workflow::resume(JobId job) { parts_->control(job, machine::Control::resume); }
void Workflow::retry(JobId job) { parts_->control(job, machine::Control::redrive); }
void Workflow::crash() { parts_->shell->crash(); }
Timestamp Workflow::now() const { return parts_->shell->now(); }

// ---- HandlerProbe ----

namespace {

class GivenResults final : public ResultSource {
 public:
  explicit GivenResults(std::vector<json::value> results) : results_(std::move(results)) {}
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
};

Text text_of(const json::object& object) {
  std::string text;
  if (const auto fault = append_json(text, object)) throw Failure(Error{ErrorCode::handler_contract, *fault});
  return make_text(std::move(text));
}

}  // namespace

HandlerProbe::HandlerProbe(const JobHandler& handler, json::object params) : handler_(handler), params_(std::move(params)) {}

JobContext::State HandlerProbe::state() const {
  JobContext::State state;
  state.job_type = "probe";
  state.params = text_of(params_);
  for (const auto& [stage, result] : results_) state.stage_results[stage] = text_of(result);
  return state;
}

std::vector<TaskDefinition> HandlerProbe::tasks(int stage) const {
  const JobContext context(state());
  return handler_.create_stage_tasks(stage, context);
}

json::object HandlerProbe::aggregate(int stage, const std::vector<json::value>& results) {
  const StageResults given(std::make_shared<GivenResults>(results));
  return results_[stage] = handler_.aggregate_stage_results(stage, given);
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
