#include <coremachine/registry/task_registry.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/registry/registration.hpp"
#include "core/registry/task_callable.hpp"

namespace coremachine {

namespace {

constexpr std::string_view kind = "task";

}  // namespace

TaskRegistry& TaskRegistry::instance() {
  // Never destroyed: what it holds may come from a module that is unloaded before this library is.
  static auto* const registry = new TaskRegistry;
  return *registry;
}

TaskRegistry::TaskRegistry() = default;
TaskRegistry::~TaskRegistry() = default;

void TaskRegistry::add_function(std::string name, TaskFunction function, TaskInfo info, std::source_location where) {
  if (!function) {
    registration::refuse(
        ErrorCode::invalid_argument,
        "task " + quoted_name(name) + " at " + registration::place(where) + " has no handler: the function is empty");
  }
  add_callable(std::move(name), std::make_shared<const TaskCallable>(TaskCallable{std::move(function), nullptr}),
               std::move(info), where);
}

void TaskRegistry::add_coroutine_handler(std::string name, std::shared_ptr<const CoroutineHandler> handler,
                                         TaskInfo info, std::source_location where) {
  add_callable(std::move(name), std::make_shared<const TaskCallable>(TaskCallable{nullptr, std::move(handler)}),
               std::move(info), where);
}

void TaskRegistry::add_callable(std::string name, std::shared_ptr<const TaskCallable> callable, TaskInfo info,
                                std::source_location where) {
  registration::check_name(kind, name, where);
  info.name = name;
  const std::lock_guard lock(mutex_);
  registration::check_thawed(frozen_, kind, "cannot register task \"" + name + "\" at " + registration::place(where));
  registration::insert(entries_, kind, std::move(name), Entry{std::move(info), std::move(callable), where});
}

TaskRegistry& TaskRegistry::declare(TaskInfo info, std::source_location where) {
  auto name = info.name;
  add_callable(std::move(name), nullptr, std::move(info), where);
  return *this;
}

Result<TaskInfo> TaskRegistry::get_info(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return registration::unknown(entries_, ErrorCode::unknown_task, kind, name);
  return found->second.info;
}

const TaskInfo* TaskRegistry::frozen_info(std::string_view name) const {
  if (!registration::is_set(frozen_)) return nullptr;
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second.info;
}

bool TaskRegistry::contains(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(name);
}

bool TaskRegistry::runs_here(std::string_view name) const {
  return find_callable(name) != nullptr;
}

std::vector<std::string> TaskRegistry::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

void TaskRegistry::came_with(std::string_view module, const std::vector<std::string>& earlier) {
  const std::lock_guard lock(mutex_);
  registration::check_thawed(frozen_, kind, "cannot say what came with module \"" + std::string(module) + "\"");
  for (auto& [name, entry] : entries_) {
    const bool is_earlier = std::find(earlier.begin(), earlier.end(), name) != earlier.end();
    if (!is_earlier && entry.info.module.empty()) entry.info.module = module;
  }
}

std::vector<TaskInfo> TaskRegistry::list_all_info() const {
  return list_by_tags({});
}

std::vector<TaskInfo> TaskRegistry::list_by_tags(const std::vector<std::string>& tags) const {
  const std::lock_guard lock(mutex_);
  return registration::infos_with<TaskInfo>(entries_, tags);
}

void TaskRegistry::clear() {
  const std::lock_guard lock(mutex_);
  registration::check_thawed(frozen_, kind, "cannot clear");
  entries_.clear();
  problems_.clear();
}

void TaskRegistry::freeze() {
  const std::lock_guard lock(mutex_);
  registration::check_problems(problems_, kind);
  registration::set(frozen_);
}

bool TaskRegistry::frozen() const {
  return registration::is_set(frozen_);
}

const TaskCallable* TaskRegistry::find_callable(std::string_view name) const {
  std::unique_lock lock(mutex_, std::defer_lock);
  if (!registration::is_set(frozen_)) lock.lock();
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second.callable.get();
}

std::shared_ptr<const TaskCallable> TaskRegistry::share_callable(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : found->second.callable;
}

void TaskRegistry::keep_problem(std::string problem) noexcept {
  const std::lock_guard lock(mutex_);
  problems_.push_back(std::move(problem));
}

}  // namespace coremachine
