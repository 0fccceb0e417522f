#include <coremachine/resolve/task_spec.hpp>

#include <utility>

namespace coremachine {

TaskSpec::TaskSpec(Executable executable, std::string resolver_id, const TaskResolverRegistry& resolvers)
    : executable_(std::move(executable)), resolver_id_(std::move(resolver_id)), resolvers_(&resolvers) {}

TaskSpec::TaskSpec(SerializedTask task, std::string resolver_id, const TaskResolverRegistry& resolvers)
    : serialized_(std::move(task)), resolver_id_(std::move(resolver_id)), resolvers_(&resolvers) {}

Result<void> TaskSpec::ensure_serialized() {
  const auto resolver = resolvers_->get(resolver_id_);
  if (!resolver) return resolver.error();
  if (serialized_) {
    if (auto fault = fault_of(*serialized_)) return *fault;
  } else {
    auto task = (*resolver)->serialize(*executable_);
    if (!task) return task.error();
    serialized_ = std::move(*task);
  }
  executable_.reset();
  return {};
}

Result<void> TaskSpec::ensure_deserialized() {
  if (executable_) return {};
  const auto resolver = resolvers_->get(resolver_id_);
  if (!resolver) return resolver.error();
  auto executable = (*resolver)->resolve(*serialized_);
  if (!executable) return executable.error();
  executable_ = std::move(*executable);
  return {};
}

Result<TaskDefinition> define_task(TaskSpec spec, json::object params) {
  if (auto done = spec.ensure_serialized(); !done) return done.error();
  const auto& task = *spec.serialized_task();
  const auto strategy = *task_strategy_from(task.strategy);
  TaskDefinition definition;
  if (strategy == TaskStrategy::reference) {
    definition.task_type = std::string(task.payload.at("name").as_string());
    definition.parameters = std::move(params);
    return definition;
  }
  definition.task_type = envelope_task_type(strategy, spec.resolver_id());
  definition.parameters = to_json(Envelope{task, spec.resolver_id(), std::move(params)});
  return definition;
}

}  // namespace coremachine
