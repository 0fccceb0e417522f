#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/registry/job_handler.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/resolve/executable.hpp>
#include <coremachine/resolve/serialized_task.hpp>
#include <coremachine/resolve/task_resolver.hpp>

namespace coremachine {

/// A task that is to be run: something callable in this process, or data that a resolver makes something callable of.
/// Within a process it is never serialised; before it leaves one, `ensure_serialized`.
class COREMACHINE_API TaskSpec {
 public:
  explicit TaskSpec(Executable executable, std::string resolver_id = "default",
                    const TaskResolverRegistry& resolvers = TaskResolverRegistry::instance());
  explicit TaskSpec(SerializedTask task, std::string resolver_id = "default",
                    const TaskResolverRegistry& resolvers = TaskResolverRegistry::instance());

  const std::string& resolver_id() const { return resolver_id_; }
  const std::optional<Executable>& executable() const { return executable_; }
  const std::optional<SerializedTask>& serialized_task() const { return serialized_; }

  /// From then on there is a serialised task and no executable. Fails (unresolvable), changing nothing: a resolver id
  /// that nobody registered, a callable that the resolver does not know, a strategy that there is not.
  Result<void> ensure_serialized();
  /// From then on there is an executable. Fails (unresolvable), changing nothing.
  Result<void> ensure_deserialized();

 private:
  std::optional<Executable> executable_;
  std::optional<SerializedTask> serialized_;
  std::string resolver_id_;
  const TaskResolverRegistry* resolvers_;
};

/// A task of a stage made of a spec: also one that no registry has a type for. A reference becomes a task of the type
/// with its name, anything else one of the built-in type for its strategy, whose params carry it. Fails as
/// `ensure_serialized` does: a stage whose handler throws that error ends its job `dead`.
///
///   return {define_task(TaskSpec(SerializedTask::source("python3", code)), {{"n", 3}}).value()};
COREMACHINE_API Result<TaskDefinition> define_task(TaskSpec spec, json::object params = {});

/// What the params of a task of a built-in type carry: `{"serialized_task": …, "resolver_id": …, "params": …}`.
struct Envelope {
  SerializedTask task;
  std::string resolver_id = "default";
  json::object params = {};
};
COREMACHINE_API json::object to_json(const Envelope& envelope);
/// Fails (unresolvable) with what is missing or wrong.
COREMACHINE_API Result<Envelope> envelope_from(const json::object& params);

/// The built-in type for a strategy and a resolver: `coremachine.source`, `coremachine.pickle`; for a resolver other
/// than `default` with its id, as in `coremachine.pickle.etl`.
COREMACHINE_API std::string envelope_task_type(TaskStrategy strategy, std::string_view resolver_id = "default");
/// The strategy whose tasks a type is for; nothing: an ordinary one.
COREMACHINE_API std::optional<TaskStrategy> envelope_strategy(std::string_view task_type);

/// Where tasks may run that this process cannot run itself.
enum class Elsewhere : std::uint8_t {
  workers,  ///< in workers: they wait for one
  nowhere,  ///< they are dead, and say why
};

/// Registers these types with a task registry, for each resolver of the other: with a handler where they can be run
/// here (the resolver has callable types; it allows interpreters) or nowhere else, else only declared. After everything
/// else was registered. Throws Failure where they are registered already.
COREMACHINE_API void register_envelope_tasks(TaskRegistry& tasks, const TaskResolverRegistry& resolvers,
                                             Elsewhere elsewhere = Elsewhere::workers);

}  // namespace coremachine
