#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/resolve/executable.hpp>
#include <coremachine/resolve/serialized_task.hpp>
#include <coremachine/resolve/source_runner.hpp>

namespace coremachine {

/// How objects of a callable type become JSON and are made of it again.
struct CallableType {
  std::function<json::object(const void* object)> state_of;
  /// The task that such an object runs; every fault of a state that does not fit.
  std::function<Result<TaskFunction>(const json::object& state)> make;
};

/// Makes data of tasks that can be called here, and the other way round, without anything that belongs to one run of a
/// workflow. Usable from any thread; registrations are made at start-up.
///
///   resolver.register_task("extract", extract);                 // by reference: the name travels
///   resolver.register_type<Scale>("scale");                     // by pickle: the members travel
///   auto task = resolver.serialize(extract).value();            // {"reference", {"module": "", "name": "extract"}}
///   resolver.resolve(task).value()(params, context);
class COREMACHINE_API TaskResolver {
 public:
  /// With a task registry of its own.
  TaskResolver();
  /// References are to the tasks of this registry, which has to outlive the resolver.
  explicit TaskResolver(TaskRegistry& tasks);
  ~TaskResolver();
  TaskResolver(const TaskResolver&) = delete;
  TaskResolver& operator=(const TaskResolver&) = delete;

  TaskRegistry& tasks() const { return *tasks_; }

  /// As TaskRegistry::add. Besides, a function or a lambda without captures is known again: what `serialize` makes of
  /// it is a reference to this name.
  template <class F>
  TaskResolver& register_task(std::string name, F task, TaskInfo info = {},
                              std::source_location where = std::source_location::current()) {
    const auto identity = Executable::identity_of(task);
    tasks_->add(name, std::move(task), std::move(info), where);
    if constexpr (std::is_pointer_v<F> || std::is_empty_v<F>) know(identity, std::move(name));
    return *this;
  }

  /// A callable type whose objects travel as what their members are: a struct with BOOST_DESCRIBE_STRUCT and a const
  /// operator() of (params, context) or (params). Include resolve/callable_type.hpp. Throws Failure: an invalid name,
  /// a second registration of the name or of the type, naming both places.
  template <class T>
  TaskResolver& register_type(std::string name, std::source_location where = std::source_location::current());
  void register_type(std::string name, std::type_index type, CallableType how,
                     std::source_location where = std::source_location::current());

  /// From now on `source` is resolved too, for what the runner allows.
  void allow_source(std::shared_ptr<const SourceRunner> runner);
  /// Nothing: source is refused.
  std::shared_ptr<const SourceRunner> source_runner() const;
  bool has_callable_types() const;

  /// Fails (unresolvable) for a callable that was not registered here, and where `strategy` is not to be had for it.
  /// Empty: what it was resolved from, else a reference, else a pickle.
  Result<SerializedTask> serialize(const Executable& executable, std::string_view strategy = {}) const;
  /// Fails (unresolvable) with the reason: a strategy that there is not, a module that is not loaded, a name that
  /// nobody registered (with the nearest), a state that does not fit, an interpreter that is not allowed.
  Result<Executable> resolve(const SerializedTask& task) const;

 private:
  struct Type {
    std::type_index type;
    CallableType how;
    std::source_location where;
  };
  void know(const CallableIdentity& identity, std::string name);
  Result<SerializedTask> refer(const Executable& executable) const;
  Result<SerializedTask> pickle(const Executable& executable) const;
  Result<Executable> resolve_reference(const SerializedTask& task) const;
  Result<Executable> resolve_pickle(const SerializedTask& task) const;
  Result<Executable> resolve_source(const SerializedTask& task) const;

  std::unique_ptr<TaskRegistry> own_;
  TaskRegistry* tasks_;
  mutable std::mutex mutex_;
  std::vector<std::pair<CallableIdentity, std::string>> known_;
  std::map<std::string, Type, std::less<>> types_;
  std::shared_ptr<const SourceRunner> runner_;
};

/// Resolvers by id. `instance()` is the process-wide one, in which `default` resolves the tasks of
/// TaskRegistry::instance(); others can be built for a test or an embedding and given to who needs one.
class COREMACHINE_API TaskResolverRegistry {
 public:
  static TaskResolverRegistry& instance();
  TaskResolverRegistry();
  ~TaskResolverRegistry();
  TaskResolverRegistry(const TaskResolverRegistry&) = delete;
  TaskResolverRegistry& operator=(const TaskResolverRegistry&) = delete;

  static constexpr std::string_view default_id = "default";

  /// Throws Failure: an invalid id, or one that is taken.
  TaskResolverRegistry& add(std::string id, std::shared_ptr<TaskResolver> resolver);
  /// Fails (unresolvable) for an id that nobody added, naming the nearest.
  Result<std::shared_ptr<TaskResolver>> get(std::string_view id = default_id) const;
  std::vector<std::string> ids() const;  ///< sorted

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<TaskResolver>, std::less<>> resolvers_;
};

}  // namespace coremachine
