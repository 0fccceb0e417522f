#include "core/runtime/boundary_runner.hpp"

#include <string>
#include <utility>

#include "core/model/json_text.hpp"
#include "core/runtime/chunk_writer.hpp"
#include "core/runtime/fold_stage.hpp"
#include "core/runtime/handler_artifacts.hpp"
#include "core/runtime/large_values.hpp"
#include "core/runtime/stored_results.hpp"

namespace coremachine::runtime {
namespace {

JobContext::State context_state(const machine::HandlerCall& call, std::function<bool()> cancelled) {
  JobContext::State state;
  state.job_id = call.job;
  state.job_type = call.job_type;
  state.round = call.boundary.round;
  state.attempt = call.attempt;
  state.params = call.params;
  state.stage = call.boundary.kind == BoundaryKind::close ? call.boundary.stage : 0;
  state.defined_in.insert(call.defined_in.begin(), call.defined_in.end());
  state.stage_results = call.stage_results;
  state.cancelled = std::move(cancelled);
  return state;
}

bool is_of_store(const Error& error) {
  return error.code == ErrorCode::store_damaged || error.code == ErrorCode::store_failed;
}

/// Calls one function of the handler; what it throws becomes an Error that names the function.
template <class Call>
auto guarded(const char* function, int stage, const Call& call) {
  const auto failure = [&](const std::string& why) {
    Error error{ErrorCode::handler_threw,
                std::string(function) + " of stage " + std::to_string(stage) + " threw: " + why};
    error.stage = stage;
    return Failure(std::move(error));
  };
  try {
    return call();
  } catch (const BrokenContract&) {
    throw;
  } catch (const ArtifactFailure&) {
    throw;  // the handler met it, and did not make it
  } catch (const Failure& thrown) {
    if (is_of_store(thrown.error())) throw;  // likewise
    if (thrown.error().code == ErrorCode::unresolvable) {
      auto error = thrown.error();
      error.stage = stage;
      throw Failure(std::move(error));
    }
    throw failure(thrown.what());
  } catch (const std::exception& error) {
    throw failure(error.what());
  } catch (...) {
    throw failure("something that is not an exception");
  }
}

}  // namespace

namespace {

Error broken(const std::string& message, int stage) {
  Error error{ErrorCode::handler_contract, message};
  error.stage = stage;
  return error;
}

json::value cursor_of(const TaskSource& source) {
  return source.cursor ? parse_stored(*source.cursor) : json::value();
}

/// One call of `pull_stage_tasks`: its tasks are in the writer, and the source is where the next one goes on.
void pull(const JobHandler& handler, int stage, const JobContext& context, ChunkWriter& writer, TaskSource& source) {
  const auto before = cursor_of(source);
  const auto next =
      guarded("pull_stage_tasks", stage, [&] { return handler.pull_stage_tasks(stage, context, before, writer); });
  source.ended = !next;
  source.cursor.reset();
  if (!next) {
    writer.close();
    return;
  }
  if (writer.added() == 0 && *next == before) {
    throw BrokenContract{broken("pull_stage_tasks of stage " + std::to_string(stage) +
                                    " brought no task and did not move its cursor: it would be asked for ever",
                                stage)};
  }
  std::string text;
  if (const auto fault = append_json(text, *next))
    throw BrokenContract{broken("the cursor of pull_stage_tasks is not valid JSON: " + *fault, stage)};
  source.cursor = make_text(std::move(text));
  source.rest = writer.take_rest();
}

void check_gate(const StagePolicy& policy, int stage) {
  if (!policy.gate) return;
  if (policy.gate->signal.empty() && !policy.gate->wait)
    throw BrokenContract{
        broken("the gate of stage " + std::to_string(stage) + " waits neither for a signal nor for a time", stage)};
  if (policy.gate->signal.empty() && policy.gate->must_come)
    throw BrokenContract{broken(
        "the gate of stage " + std::to_string(stage) + " says that its signal must come, and names none", stage)};
}

}  // namespace

struct BoundaryRunner::Run {
  Run(const machine::HandlerCall& what, LargeValues& large) : call(what), artifacts(large, what.job) {}

  const machine::HandlerCall& call;
  HandlerArtifacts artifacts;
  JobContext::State state = {};
  BoundaryDecided decided = {};
};

/// `what()` says what the value is.
template <class What>
Text BoundaryRunner::text_of(Run& run, const json::object& value, const What& what) const {
  std::string text;
  if (const auto fault = large_.append(text, value, large_.limit(), run.decided.artifacts)) {
    throw BrokenContract{broken(what() + " is not valid JSON: " + *fault, run.call.boundary.stage)};
  }
  return make_text(std::move(text));
}

NextStage BoundaryRunner::plan_stage(Run& run, int stage, const JobContext& context) const {
  const auto handler = jobs_.make(run.call.job_type, run.call.version).value();
  NextStage next;
  next.stage = stage;
  next.policy = guarded("stage_policy", stage, [&] { return handler->stage_policy(stage, context); });
  check_gate(next.policy, stage);
  if (next.policy.gate) return next;
  next.folds = guarded("make_fold", stage, [&] { return handler->make_fold(stage) != nullptr; });

  ChunkWriter::Setup setup;
  setup.tasks = &tasks_;
  setup.stage = stage;
  setup.policy = next.policy;
  setup.large = &large_;
  setup.holds = &run.decided.artifacts;
  if (next.policy.lazy) {
    TaskSource source;
    setup.enough = source.pull_chunks * chunk_size;
    ChunkWriter writer(std::move(setup));
    pull(*handler, stage, context, writer, source);
    next.specs = writer.take_specs();
    next.chunks = writer.take_chunks();
    next.source = std::move(source);
    return next;
  }
  ChunkWriter writer(std::move(setup));
  const auto tasks = guarded("create_stage_tasks", stage, [&] { return handler->create_stage_tasks(stage, context); });
  for (const auto& task : tasks) writer.add(task);
  writer.close();
  next.specs = writer.take_specs();
  next.chunks = writer.take_chunks();
  return next;
}

MoreTasks BoundaryRunner::pull_tasks(Run& run, const JobContext& context) const {
  const auto& call = run.call;
  const auto stage = call.boundary.stage;
  const auto handler = jobs_.make(call.job_type, call.version).value();
  ChunkWriter::Setup setup;
  setup.tasks = &tasks_;
  setup.stage = stage;
  setup.policy = call.policy;
  setup.specs = call.specs;
  setup.chunk = call.chunks;
  setup.rest = call.source.rest;
  setup.enough = std::uint64_t{call.source.pull_chunks} * chunk_size;
  setup.large = &large_;
  setup.holds = &run.decided.artifacts;
  MoreTasks more;
  more.source = call.source;
  more.source.rest.reset();
  ChunkWriter writer(std::move(setup));
  pull(*handler, stage, context, writer, more.source);
  more.specs = writer.take_specs();
  more.chunks = writer.take_chunks();
  return more;
}

json::object BoundaryRunner::close_stage(Run& run) const {
  const auto& call = run.call;
  const auto stage = call.boundary.stage;
  const auto handler = jobs_.make(call.job_type, call.version).value();
  const auto source = make_result_source(call, store_, run.artifacts);
  const auto fold = call.policy.gate ? nullptr : guarded("make_fold", stage, [&] { return handler->make_fold(stage); });
  if (fold) {
    return guarded("the fold", stage, [&] { return fold_stage(*fold, call, store_, large_, *source); });
  }
  return guarded("aggregate_stage_results", stage, [&] {
    const StageResults results(source);
    return handler->aggregate_stage_results(stage, results);
  });
}

void BoundaryRunner::decide(Run& run) const {
  const auto& call = run.call;
  auto& decided = run.decided;
  const auto stage = call.boundary.stage;
  const auto fresh = [&] { return jobs_.make(call.job_type, call.version).value(); };
  if (call.boundary.kind != BoundaryKind::close) {
    const JobContext context(std::move(run.state));
    if (call.boundary.kind == BoundaryKind::pull) {
      decided.next = pull_tasks(run, context);
    } else {
      decided.next = plan_stage(run, stage, context);
    }
    return;
  }
  decided.stage_result = text_of(run, close_stage(run), [&] { return "the result of stage " + std::to_string(stage); });
  run.state.stage_results[stage] = decided.stage_result;
  const JobContext context(std::move(run.state));
  const auto next = guarded("should_advance_stage", stage, [&] { return fresh()->next_stage(stage, context); });
  if (!next) {
    const auto final_result = guarded("get_final_result", stage, [&] { return fresh()->get_final_result(context); });
    decided.next = Finished{text_of(run, final_result, [] { return std::string("the result of get_final_result"); })};
    return;
  }
  if (*next < 1) {
    throw BrokenContract{broken(
        "next_stage of stage " + std::to_string(stage) + " says " + std::to_string(*next) + "; stages count from 1",
        stage)};
  }
  decided.next = plan_stage(run, *next, context);
}

BoundaryRunner::Outcome BoundaryRunner::run(const machine::HandlerCall& call, std::function<bool()> cancelled) const {
  Run run(call, large_);
  run.state = context_state(call, std::move(cancelled));
  run.state.artifacts = &run.artifacts;
  auto& decided = run.decided;
  decided.boundary = call.boundary.number;
  try {
    decide(run);
  } catch (const BrokenContract& broke) {
    decided.next = HandlerFailed{broke.error};
  } catch (const ArtifactFailure& failure) {
    auto error = failure.error();
    if (error.code == ErrorCode::store_full) return NoRoom{};
    error.stage = call.boundary.stage;
    decided.next = HandlerFailed{std::move(error)};
  } catch (const Failure& failure) {
    if (is_of_store(failure.error())) return StoreBroke{failure.error()};
    decided.next = HandlerFailed{failure.error()};
  } catch (const std::exception& error) {
    decided.next = HandlerFailed{Error{ErrorCode::handler_threw, error.what()}};
  }
  decided.artifacts.take(run.artifacts.take());
  return std::move(decided);
}

}  // namespace coremachine::runtime
