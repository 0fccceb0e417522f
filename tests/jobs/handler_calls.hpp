#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json/serialize.hpp>
#include <coremachine/params/faults.hpp>
#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>

#include "core/registry/task_callable.hpp"
#include "jobs/builtin.hpp"

// Calls the functions of the built-in handlers one by one, as a machine would, without a machine.

namespace coremachine::tests {

/// The results of a stage in one page.
class PlainResults : public ResultSource {
 public:
  std::vector<TaskIndex> indexes = {};
  std::vector<json::value> values = {};
  std::uint64_t failures_count = 0;

  std::uint64_t total() const override { return values.size() + failures_count; }
  std::uint64_t completed() const override { return values.size(); }
  std::uint64_t failed() const override { return failures_count; }
  std::size_t pages() const override { return values.empty() ? 0 : 1; }
  Page page(std::size_t) const override { return {indexes, values}; }
  std::vector<TaskFailureRecord> failures(std::size_t) const override { return {}; }
};

class HandlerCalls {
 public:
  HandlerCalls() { register_builtin_jobs(jobs, tasks); }

  TaskResult run_task(const std::string& name, const json::object& params, std::uint32_t attempt = 1) const {
    TaskContext::State state;
    state.attempt = attempt;
    state.task_type = &name;
    state.cancelled = &cancelled;
    TaskContext context(state);
    const auto* callable = tasks.find_callable(name);
    REQUIRE(callable != nullptr);
    return callable->function(params, context);
  }

  /// What a task returns or throws to refuse its attempt.
  TaskFailure refusal_of_task(const std::string& name, const json::object& params) const {
    try {
      const auto result = run_task(name, params);
      if (!result.ok()) return result.failure();
    } catch (const TaskFailure& failure) {
      return failure;
    }
    return TaskFailure{.type = "nothing", .message = "it was not refused"};
  }

  /// Runs every task of a stage until it succeeds or is out of attempts.
  std::shared_ptr<PlainResults> run_stage(const std::vector<TaskDefinition>& definitions,
                                          std::uint32_t attempts) const {
    auto results = std::make_shared<PlainResults>();
    for (TaskIndex index = 0; index < definitions.size(); ++index) {
      auto result = TaskResult(TaskFailure{});
      for (std::uint32_t attempt = 1; attempt <= attempts && !result.ok(); ++attempt) {
        result = run_task(definitions[index].task_type, definitions[index].parameters, attempt);
      }
      if (result.ok()) {
        results->indexes.push_back(index);
        results->values.push_back(result.value());
      } else {
        ++results->failures_count;
      }
    }
    return results;
  }

  static json::object close(const JobHandler& handler, int stage, const PlainResults& given,
                            const StageResults& results) {
    const auto fold = handler.make_fold(stage);
    if (!fold) return handler.aggregate_stage_results(stage, results);
    auto folded = fold->init();
    for (std::size_t i = 0; i < given.values.size(); ++i) fold->step(folded, given.indexes[i], given.values[i]);
    return fold->finish(folded, given);
  }

  /// The result of a whole job, every stage of it.
  json::object run_job(const std::string& type, const json::object& params) const {
    JobContext::State state;
    state.job_type = type;
    state.params = std::make_shared<const std::string>(json::serialize(params));
    for (int stage = 1;; ++stage) {
      const auto handler = jobs.make(type).value();
      const JobContext before(state);
      const auto policy = handler->stage_policy(stage, before);
      const auto definitions = handler->create_stage_tasks(stage, before);
      for (const auto& definition : definitions) CHECK(tasks.contains(definition.task_type));
      const auto attempts = policy.retry.value_or(RetryPolicy{}).max_attempts;
      const auto given = run_stage(definitions, attempts);
      const StageResults results(given);
      const auto result = close(*handler, stage, *given, results);
      state.stage_results[stage] = std::make_shared<const std::string>(json::serialize(result));
      const JobContext after(state);
      if (!handler->should_advance_stage(stage, after)) return handler->get_final_result(after);
    }
  }

  /// The tasks and the policy of one stage.
  std::vector<TaskDefinition> tasks_of(const std::string& type, int stage, const json::object& params,
                                       const std::map<int, json::object>& stage_results = {}) const {
    const JobContext context(state_of(params, stage_results));
    return jobs.make(type).value()->create_stage_tasks(stage, context);
  }
  StagePolicy policy_of(const std::string& type, int stage, const json::object& params) const {
    const JobContext context(state_of(params, {}));
    return jobs.make(type).value()->stage_policy(stage, context);
  }

  /// What is said of params that do not fit: by the registry, and by the handler if they come to it all the same.
  std::string refusal_of_job(const std::string& type, const json::object& params) const {
    const auto faults = jobs.get_info(type).value().validate_params(params);
    try {
      tasks_of(type, 1, params);
    } catch (const Failure& refusal) {
      CHECK(refusal.error().code == ErrorCode::invalid_params);
      CHECK(refusal.error().faults == faults);
      return params::describe_faults(faults);
    }
    CHECK(faults.empty());
    return "it was not refused";
  }

  JobRegistry jobs;
  TaskRegistry tasks;
  std::atomic<bool> cancelled = false;

 private:
  static JobContext::State state_of(const json::object& params, const std::map<int, json::object>& stage_results) {
    JobContext::State state;
    state.params = std::make_shared<const std::string>(json::serialize(params));
    for (const auto& [stage, result] : stage_results) {
      state.stage_results[stage] = std::make_shared<const std::string>(json::serialize(result));
    }
    return state;
  }
};

}  // namespace coremachine::tests
