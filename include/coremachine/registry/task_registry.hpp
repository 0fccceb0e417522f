#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/model/policy.hpp>
#include <coremachine/registry/task_handler.hpp>

namespace coremachine {

/// What a registry tells of a task type, and the defaults for its tasks.
struct TaskInfo {
  std::string name = {};
  std::string description = {};
  std::vector<std::string> tags = {};
  std::string version = "1";
  bool enabled = true;
  /// The handler has no effect but its result. Only then may it start before its definition is on disk.
  bool pure = false;
  std::optional<RetryPolicy> retry = {};
  std::optional<Milliseconds> timeout = {};
  std::optional<Milliseconds> heartbeat = {};      ///< an attempt that is silent for longer is given up
  std::optional<Milliseconds> start_timeout = {};  ///< a task that waits longer for a worker has failed
  std::string resolver_id = "default";             ///< who resolves it in workers elsewhere
  std::string module = {};                         ///< that it came with; empty: what is linked in
  std::vector<ServiceType> needs = {};             ///< that the machine must have: `{service<Database>()}`
  json::object params_schema = {};                 ///< JSON Schema of the params; empty: any object
  /// Everything that is wrong with params, for those who want to know before a task is made of them.
  std::function<std::vector<ParamFault>(const json::object& params)> validate_params = {};
};

struct CoroutineHandler;  // coroutine_handler.hpp
struct TaskCallable;      // how a handler is called, for those who run tasks
template <class F>
struct TypedHandler;  // typed.hpp: a handler of JSON, made of one whose params are a struct

/// A task handler that knows its params: it fills what the author left empty.
template <class F>
concept DescribesTaskParams = requires(TaskInfo& info) {
  F::describe_params(info);
};

/// Task handlers by name. The rules are those of JobRegistry.
class COREMACHINE_API TaskRegistry {
 public:
  static TaskRegistry& instance();
  TaskRegistry();
  ~TaskRegistry();
  TaskRegistry(const TaskRegistry&) = delete;
  TaskRegistry& operator=(const TaskRegistry&) = delete;

  /// A handler is called with (params, context) or with (params) alone, and returns a TaskResult or what makes one.
  /// The params are a `const json::object&` or a described struct (include typed.hpp).
  /// One that returns an `asio::awaitable` is a coroutine (include coroutine_handler.hpp).
  template <class F>
  TaskRegistry& add(std::string name, F handler, TaskInfo info = {},
                    std::source_location where = std::source_location::current()) {
    if constexpr (std::is_invocable_v<F&, const json::object&, TaskContext&>) {
      using R = std::invoke_result_t<F&, const json::object&, TaskContext&>;
      if constexpr (DescribesTaskParams<F>) F::describe_params(info);
      if constexpr (std::is_convertible_v<R, TaskResult>) {
        add_function(std::move(name), TaskFunction(std::move(handler)), std::move(info), where);
      } else {
        add_coroutine(std::move(name), std::move(handler), std::move(info), where);
      }
    } else if constexpr (std::is_invocable_v<F&, const json::object&>) {
      add_function(
          std::move(name),
          [call = std::move(handler)](const json::object& params, TaskContext&) -> TaskResult { return call(params); },
          std::move(info), where);
    } else {
      static_assert(
          requires { sizeof(TypedHandler<F>); },
          "a task handler is called with (const json::object& params, TaskContext& context) or with the params "
          "alone; if its params are a struct, include coremachine/registry/typed.hpp");
      add(std::move(name), TypedHandler<F>::make(std::move(handler)), std::move(info), where);
    }
    return *this;
  }
  template <class F>
  bool add_at_load(std::string name, F handler, TaskInfo info, std::source_location where) noexcept {
    try {
      add(std::move(name), std::move(handler), std::move(info), where);
    } catch (const std::exception& error) {
      keep_problem(error.what());
    }
    return true;
  }

  /// A task type that others have the handler of: tasks of it may be made here, and wait until a worker elsewhere that
  /// has it takes them. A name is either declared or added; the rest is as with `add`.
  TaskRegistry& declare(TaskInfo info, std::source_location where = std::source_location::current());

  Result<TaskInfo> get_info(std::string_view name) const;
  /// The same without a copy, of a registry that is frozen; null if there is none.
  const TaskInfo* frozen_info(std::string_view name) const;
  bool contains(std::string_view name) const;
  /// There is a handler for it in this process: it was added, and not declared.
  bool runs_here(std::string_view name) const;
  /// What went wrong with registrations before `main` or in a module, until now; `freeze` throws it.
  std::vector<std::string> problems() const;
  /// Says of all tasks that say no module and are not among `earlier` that they came with this one.
  void came_with(std::string_view module, const std::vector<std::string>& earlier);
  std::vector<TaskInfo> list_all_info() const;                                     ///< sorted by name
  std::vector<TaskInfo> list_by_tags(const std::vector<std::string>& tags) const;  ///< those with ALL of the tags

  void clear();
  void freeze();
  bool frozen() const;

  /// For those who run tasks: the handler, or nothing, also where there is only a declaration. Good for as long as the
  /// registry is frozen.
  const TaskCallable* find_callable(std::string_view name) const;
  /// The same for those who keep it.
  std::shared_ptr<const TaskCallable> share_callable(std::string_view name) const;

 private:
  struct Entry {
    TaskInfo info;
    std::shared_ptr<const TaskCallable> callable;
    std::source_location where;
  };
  void add_function(std::string name, TaskFunction function, TaskInfo info, std::source_location where);
  template <class F>
  void add_coroutine(std::string name, F handler, TaskInfo info, std::source_location where);
  void add_coroutine_handler(std::string name, std::shared_ptr<const CoroutineHandler> handler, TaskInfo info,
                             std::source_location where);
  void add_callable(std::string name, std::shared_ptr<const TaskCallable> callable, TaskInfo info,
                    std::source_location where);
  void keep_problem(std::string problem) noexcept;

  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<std::string> problems_;
  bool frozen_ = false;
};

}  // namespace coremachine
