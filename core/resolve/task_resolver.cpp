#include <coremachine/resolve/task_resolver.hpp>

#include <algorithm>
#include <utility>

#include <boost/core/demangle.hpp>

#include <coremachine/params/faults.hpp>

#include "core/model/suggest.hpp"
#include "core/registry/registration.hpp"
#include "core/registry/task_callable.hpp"
#include "core/resolve/refusal.hpp"

namespace coremachine {

using resolve::unresolvable;

namespace {

std::string text_of(const json::object& payload, std::string_view member) {
  return std::string(payload.at(member).as_string());
}

std::string described(const Executable& executable) {
  return "the callable of type " + boost::core::demangle(executable.identity().type.name());
}

}  // namespace

TaskResolver::TaskResolver() : own_(std::make_unique<TaskRegistry>()), tasks_(own_.get()) {}
TaskResolver::TaskResolver(TaskRegistry& tasks) : tasks_(&tasks) {}
TaskResolver::~TaskResolver() = default;

void TaskResolver::know(const CallableIdentity& identity, std::string name) {
  const std::lock_guard lock(mutex_);
  known_.emplace_back(identity, std::move(name));
}

void TaskResolver::register_type(std::string name, std::type_index type, CallableType how, std::source_location where) {
  constexpr std::string_view kind = "callable type";
  registration::check_name(kind, name, where);
  const std::lock_guard lock(mutex_);
  for (const auto& [other, known] : types_) {
    if (known.type != type || other == name) continue;
    registration::refuse(ErrorCode::invalid_argument, "the type " + boost::core::demangle(type.name()) +
                                                          " is registered twice: as \"" + other + "\" at " +
                                                          registration::place(known.where) + " and as \"" + name +
                                                          "\" at " + registration::place(where));
  }
  registration::insert(types_, kind, std::move(name), Type{type, std::move(how), where});
}

void TaskResolver::allow_source(std::shared_ptr<const SourceRunner> runner) {
  const std::lock_guard lock(mutex_);
  runner_ = std::move(runner);
}

std::shared_ptr<const SourceRunner> TaskResolver::source_runner() const {
  const std::lock_guard lock(mutex_);
  return runner_;
}

bool TaskResolver::has_callable_types() const {
  const std::lock_guard lock(mutex_);
  return !types_.empty();
}

Result<SerializedTask> TaskResolver::refer(const Executable& executable) const {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(known_.begin(), known_.end(),
                                    [&](const auto& each) { return each.first == executable.identity(); });
    if (found != known_.end()) name = found->second;
  }
  if (name.empty()) {
    return unresolvable(described(executable) +
                        " is not registered with this resolver: register_task gives a name to "
                        "a function or to a lambda without captures");
  }
  const auto info = tasks_->get_info(name);
  if (!info) return unresolvable(info.error().message);
  return SerializedTask::reference(name, info->module);
}

Result<SerializedTask> TaskResolver::pickle(const Executable& executable) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(types_.begin(), types_.end(), [&](const auto& each) {
    return executable.object() && each.second.type == executable.identity().type;
  });
  if (found == types_.end()) {
    return unresolvable(described(executable) +
                        " is not registered with this resolver: register_type gives a name to a callable struct");
  }
  return SerializedTask::pickle(found->first, found->second.how.state_of(executable.object()));
}

Result<SerializedTask> TaskResolver::serialize(const Executable& executable, std::string_view strategy) const {
  const auto wanted = task_strategy_from(strategy);
  if (!strategy.empty() && !wanted) return *fault_of(SerializedTask{std::string(strategy)});
  if (const auto& origin = executable.origin(); origin && (!wanted || origin->strategy == strategy)) return *origin;
  if (wanted == TaskStrategy::source) {
    return unresolvable(described(executable) + " has no source: a program keeps none of what it was compiled from");
  }
  if (wanted == TaskStrategy::reference) return refer(executable);
  if (wanted == TaskStrategy::pickle) return pickle(executable);
  if (auto referred = refer(executable)) return referred;
  if (auto pickled = pickle(executable)) return pickled;
  return unresolvable(described(executable) +
                      " is not registered with this resolver: register_task gives a name to a function or to a lambda "
                      "without captures, register_type to a callable struct");
}

Result<Executable> TaskResolver::resolve(const SerializedTask& task) const {
  if (auto fault = fault_of(task)) return *fault;
  switch (*task_strategy_from(task.strategy)) {
    case TaskStrategy::reference: return resolve_reference(task);
    case TaskStrategy::pickle: return resolve_pickle(task);
    case TaskStrategy::source: return resolve_source(task);
  }
  return unresolvable("unknown strategy " + quoted_name(task.strategy));
}

Result<Executable> TaskResolver::resolve_reference(const SerializedTask& task) const {
  const auto name = text_of(task.payload, "name");
  const auto module = text_of(task.payload, "module");
  const auto info = tasks_->get_info(name);
  if (!info || (!module.empty() && info->module != module)) {
    auto why = info ? "task \"" + name + "\" is here, but " +
                          (info->module.empty() ? std::string("linked in") : "of module \"" + info->module + "\"")
                    : info.error().message;
    if (!module.empty()) why += "; it was referred to as of module " + quoted_name(module);
    return unresolvable(std::move(why));
  }
  auto callable = tasks_->share_callable(name);
  if (!callable) return unresolvable("task \"" + name + "\" is only declared here: it runs in workers that have it");
  return Executable(std::move(callable), task);
}

Result<Executable> TaskResolver::resolve_pickle(const SerializedTask& task) const {
  const auto name = text_of(task.payload, "name");
  CallableType how;
  {
    const std::lock_guard lock(mutex_);
    const auto found = types_.find(name);
    if (found == types_.end()) {
      return registration::unknown(types_, ErrorCode::unresolvable, "callable type", name);
    }
    how = found->second.how;
  }
  auto function = how.make(task.payload.at("state").as_object());
  if (!function) {
    return unresolvable("the state of callable type \"" + name + "\" does not fit: " +
                        (function.error().faults.empty() ? function.error().message
                                                         : params::describe_faults(function.error().faults)));
  }
  return Executable(std::move(*function), task);
}

Result<Executable> TaskResolver::resolve_source(const SerializedTask& task) const {
  auto runner = source_runner();
  const auto interpreter = text_of(task.payload, "interpreter");
  if (!runner) {
    return unresolvable("source is not allowed here; --allow-source " + interpreter + " would allow it");
  }
  if (!runner->allows(interpreter)) {
    std::string allowed;
    for (const auto& each : runner->allowed()) allowed += (allowed.empty() ? "" : ", ") + each;
    return unresolvable("the interpreter " + quoted_name(interpreter) + " is not allowed here; allowed: " + allowed);
  }
  auto run = [runner = std::move(runner), interpreter, source = text_of(task.payload, "source")](
                 const json::object& params, TaskContext& context) {
    return runner->run(interpreter, source, params, context);
  };
  return Executable(TaskFunction(std::move(run)), task);
}

}  // namespace coremachine
