#include "core/runtime/boundary_runner.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/model/json_text.hpp"
#include "core/runtime/stored_results.hpp"

namespace coremachine::runtime {
namespace {

/// What a handler may not do: no further try can mend it.
struct BrokenContract {
  Error error;
};

Text text_of(const json::object& value, const std::string& what, int stage) {
  std::string text;
  if (const auto fault = append_json(text, value)) {
    Error error{ErrorCode::handler_contract, what + " is not valid JSON: " + *fault};
    error.stage = stage;
    throw BrokenContract{std::move(error)};
  }
  return make_text(std::move(text));
}

JobContext::State context_state(const machine::HandlerCall& call, std::function<bool()> cancelled) {
  JobContext::State state;
  state.job_id = call.job;
  state.job_type = call.job_type;
  state.round = call.boundary.round;
  state.attempt = call.attempt;
  state.params = call.params;
  state.stage_results = call.stage_results;
  state.cancelled = std::move(cancelled);
  return state;
}

/// Turns definitions into chunks: serialised once, tasks alike under one spec.
class ChunkWriter {
 public:
  ChunkWriter(const TaskRegistry& tasks, int stage, NextStage& next) : tasks_(tasks), stage_(stage), next_(next) {}

  void add(const TaskDefinition& task) {
    const auto spec = spec_of(task);
    if (open_.count == 0) {
      open_.spec = spec;
      body_ = "[";
    } else {
      body_ += ',';
      if (open_.specs.empty() && spec != open_.spec) open_.specs.assign(open_.count, open_.spec);
    }
    if (!open_.specs.empty()) open_.specs.push_back(spec);
    if (const auto fault = append_json(body_, task.parameters)) {
      fail(ErrorCode::handler_contract, "the parameters of a task are not valid JSON: " + *fault, task);
    }
    ++open_.count;
    ++total_;
    if (open_.count == chunk_size) close();
  }

  void close() {
    if (open_.count == 0) return;
    body_ += ']';
    open_.chunk = static_cast<ChunkNumber>(next_.chunks.size());
    open_.first = TaskIndex{open_.chunk} * chunk_size;
    open_.body = make_text(std::exchange(body_, std::string()));
    const auto room = open_.body->size();
    next_.chunks.push_back(std::exchange(open_, DefinitionSegment{}));
    body_.reserve(room + room / 8);
  }

 private:
  [[noreturn]] void fail(ErrorCode code, std::string message, const TaskDefinition& task) const {
    Error error{code, std::move(message)};
    error.stage = stage_;
    error.task_index = total_;
    error.task_type = task.task_type;
    throw BrokenContract{std::move(error)};
  }

  SpecNumber spec_of(const TaskDefinition& task) {
    const auto same = [&](std::size_t i) {
      const auto& source = sources_[i];
      return source.task_type == task.task_type && source.retry == task.retry && source.timeout == task.timeout;
    };
    if (!sources_.empty() && same(latest_)) return static_cast<SpecNumber>(latest_);
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      if (same(i)) return static_cast<SpecNumber>(latest_ = i);
    }
    auto info = tasks_.get_info(task.task_type);
    if (!info) fail(ErrorCode::unknown_task, info.error().message, task);
    if (sources_.size() >= UINT16_MAX) {
      fail(ErrorCode::handler_contract, "a stage may have at most 65535 different kinds of tasks", task);
    }
    TaskSpec spec;
    spec.task_type = task.task_type;
    spec.retry = task.retry ? *task.retry : next_.policy.retry ? *next_.policy.retry : info->retry.value_or(RetryPolicy{});
    spec.timeout = task.timeout     ? *task.timeout
                   : next_.policy.timeout ? *next_.policy.timeout
                                          : info->timeout.value_or(Milliseconds{0});
    spec.pure = info->pure;
    next_.specs.push_back(std::move(spec));
    sources_.push_back(TaskDefinition{task.task_type, {}, task.retry, task.timeout});
    latest_ = sources_.size() - 1;
    return static_cast<SpecNumber>(latest_);
  }

  const TaskRegistry& tasks_;
  int stage_;
  NextStage& next_;
  std::vector<TaskDefinition> sources_;  ///< of each spec
  std::size_t latest_ = 0;
  DefinitionSegment open_;
  std::string body_;
  TaskIndex total_ = 0;
};

/// Calls one function of the handler; what it throws becomes an Error that names the function.
template <class Call>
auto guarded(const std::string& function, int stage, const Call& call) {
  const auto failure = [&](const std::string& why) {
    Error error{ErrorCode::handler_threw, function + " of stage " + std::to_string(stage) + " threw: " + why};
    error.stage = stage;
    return Failure(std::move(error));
  };
  try {
    return call();
  } catch (const std::exception& error) {
    throw failure(error.what());
  } catch (...) {
    throw failure("something that is not an exception");
  }
}

}  // namespace

NextStage BoundaryRunner::plan_stage(const machine::HandlerCall& call, int stage, JobContext& context) const {
  NextStage next;
  next.stage = stage;
  next.policy = guarded("stage_policy", stage, [&] { return jobs_.make(call.job_type).value()->stage_policy(stage, context); });
  const auto tasks =
      guarded("create_stage_tasks", stage, [&] { return jobs_.make(call.job_type).value()->create_stage_tasks(stage, context); });
  ChunkWriter writer(tasks_, stage, next);
  for (const auto& task : tasks) writer.add(task);
  writer.close();
  return next;
}

BoundaryDecided BoundaryRunner::run(const machine::HandlerCall& call, std::function<bool()> cancelled) const {
  BoundaryDecided decided;
  decided.boundary = call.boundary.number;
  const auto stage = call.boundary.stage;
  const auto fresh = [&] { return jobs_.make(call.job_type).value(); };
  try {
    auto state = context_state(call, std::move(cancelled));
    if (call.boundary.kind == BoundaryKind::open_first) {
      JobContext context(std::move(state));
      decided.next = plan_stage(call, stage, context);
      return decided;
    }
    auto result = guarded("aggregate_stage_results", stage, [&] {
      const StageResults results(make_result_source(call, store_));
      return fresh()->aggregate_stage_results(stage, results);
    });
    decided.stage_result = text_of(result, "the result of aggregate_stage_results", stage);
    state.stage_results[stage] = decided.stage_result;
    JobContext context(std::move(state));
    const bool goes_on = guarded("should_advance_stage", stage, [&] { return fresh()->should_advance_stage(stage, context); });
    if (goes_on) {
      decided.next = plan_stage(call, stage + 1, context);
    } else {
      const auto final_result = guarded("get_final_result", stage, [&] { return fresh()->get_final_result(context); });
      decided.next = Finished{text_of(final_result, "the result of get_final_result", stage)};
    }
  } catch (const BrokenContract& broken) {
    decided.next = HandlerFailed{broken.error, true};
  } catch (const Failure& failure) {
    decided.next = HandlerFailed{failure.error(), false};
  } catch (const std::exception& error) {
    decided.next = HandlerFailed{Error{ErrorCode::handler_threw, error.what()}, false};
  }
  return decided;
}

}  // namespace coremachine::runtime
