#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <utility>

#include <coremachine/export.hpp>
#include <coremachine/registry/task_handler.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/resolve/serialized_task.hpp>

namespace coremachine {

/// By what a callable is known again: its type, and where it lies if it is a plain function.
struct CallableIdentity {
  std::type_index type;
  void (*function)() = nullptr;
  friend bool operator==(const CallableIdentity&, const CallableIdentity&) = default;
};

/// Called with (params, context) or with (params) alone.
template <class F>
concept CallableAsTask = std::is_invocable_v < const std::decay_t<F>
&, const json::object&, TaskContext& > || std::is_invocable_v<const std::decay_t<F>&, const json::object&>;

/// Something in this process that runs a task. Copies are the same one.
class COREMACHINE_API Executable {
 public:
  /// A function or an object that is called with (params, context) or with (params) alone, as TaskRegistry::add takes
  /// it, but for coroutines and structs as params: those are resolved by name.
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Executable>) &&
      CallableAsTask<F> Executable(F&& callable)  // NOLINT(google-explicit-constructor): a function is an executable
      : Executable(make(std::make_shared<const std::decay_t<F>>(std::forward<F>(callable)))) {}

  /// For those who run tasks and those who resolve them.
  Executable(std::shared_ptr<const TaskCallable> callable, SerializedTask origin);
  Executable(TaskFunction function, SerializedTask origin);

  /// Runs the task. Not for coroutines: throws std::logic_error.
  TaskResult operator()(const json::object& params, TaskContext& context) const;
  bool is_coroutine() const;
  /// What `operator()` calls; empty for a coroutine.
  const TaskFunction& function() const;
  const TaskCallable& callable() const { return *callable_; }

  /// What it was resolved from; nothing for one that was made here.
  const std::optional<SerializedTask>& origin() const { return origin_; }

  // For TaskResolver: what it is, and the callable itself, whose type the identity names.
  const CallableIdentity& identity() const { return identity_; }
  const void* object() const { return object_.get(); }

  template <class F>
  static CallableIdentity identity_of(const F& callable) {
    if constexpr (std::is_pointer_v<F>) {
      return {typeid(F), reinterpret_cast<void (*)()>(callable)};
    } else {
      return {typeid(F), nullptr};
    }
  }

 private:
  template <class F>
  static Executable make(std::shared_ptr<const F> callable) {
    return Executable(identity_of(*callable), callable, function_of(callable));
  }
  Executable(CallableIdentity identity, std::shared_ptr<const void> object, TaskFunction function);

  template <class F>
  static TaskFunction function_of(std::shared_ptr<const F> callable) {
    if constexpr (std::is_invocable_r_v<TaskResult, const F&, const json::object&, TaskContext&>) {
      return [callable = std::move(callable)](const json::object& params, TaskContext& context) -> TaskResult {
        return (*callable)(params, context);
      };
    } else {
      static_assert(std::is_invocable_r_v<TaskResult, const F&, const json::object&>,
                    "an executable is called with (const json::object& params, TaskContext& context) or with the "
                    "params alone, is const, and returns what makes a TaskResult");
      return [callable = std::move(callable)](const json::object& params, TaskContext&) -> TaskResult {
        return (*callable)(params);
      };
    }
  }

  std::shared_ptr<const TaskCallable> callable_;
  CallableIdentity identity_{typeid(void)};
  std::shared_ptr<const void> object_;
  std::optional<SerializedTask> origin_;
};

}  // namespace coremachine
