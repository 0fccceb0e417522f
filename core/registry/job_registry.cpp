#include <coremachine/registry/job_registry.hpp>

#include <exception>
#include <utility>

#include "core/registry/registration.hpp"

namespace coremachine {

namespace {

constexpr std::string_view kind = "job type";

}  // namespace

JobRegistry& JobRegistry::instance() {
  // Never destroyed: what it holds may come from a module that is unloaded before this library is.
  static auto* const registry = new JobRegistry;
  return *registry;
}

JobRegistry::JobRegistry() = default;
JobRegistry::~JobRegistry() = default;

void JobRegistry::add_factory(std::string name, Factory factory, JobInfo info, std::source_location where) {
  registration::check_name(kind, name, where);
  if (!factory) {
    registration::refuse(ErrorCode::invalid_argument, "job type \"" + name + "\" at " + registration::place(where) +
                                                          " has no factory: the function is empty");
  }
  info.name = name;
  const std::lock_guard lock(mutex_);
  registration::check_thawed(frozen_, kind,
                             "cannot register job type \"" + name + "\" at " + registration::place(where));
  registration::insert(entries_, kind, std::move(name), Entry{std::move(info), std::move(factory), where});
}

Result<std::unique_ptr<JobHandler>> JobRegistry::make(std::string_view name) const {
  Factory factory;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return registration::unknown(entries_, ErrorCode::unknown_job_type, kind, name);
    factory = found->second.factory;
  }
  // Outside of the lock: a constructor may ask the registry.
  auto handler = factory();
  if (!handler) {
    return Error{ErrorCode::handler_contract, "the factory of job type \"" + std::string(name) + "\" returned nothing"};
  }
  return handler;
}

Result<JobInfo> JobRegistry::get_info(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return registration::unknown(entries_, ErrorCode::unknown_job_type, kind, name);
  return found->second.info;
}

bool JobRegistry::contains(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(name);
}

std::vector<JobInfo> JobRegistry::list_all_info() const {
  return list_by_tags({});
}

std::vector<JobInfo> JobRegistry::list_by_tags(const std::vector<std::string>& tags) const {
  const std::lock_guard lock(mutex_);
  return registration::infos_with<JobInfo>(entries_, tags);
}

void JobRegistry::clear() {
  const std::lock_guard lock(mutex_);
  registration::check_thawed(frozen_, kind, "cannot clear");
  entries_.clear();
  problems_.clear();
}

void JobRegistry::freeze() {
  const std::lock_guard lock(mutex_);
  registration::check_problems(problems_, kind);
  registration::set(frozen_);
}

bool JobRegistry::frozen() const {
  return registration::is_set(frozen_);
}

void JobRegistry::keep_problem(std::string problem) noexcept {
  const std::lock_guard lock(mutex_);
  problems_.push_back(std::move(problem));
}

}  // namespace coremachine
