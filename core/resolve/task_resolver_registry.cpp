#include <utility>

#include <coremachine/resolve/task_resolver.hpp>

#include "core/model/suggest.hpp"
#include "core/registry/registration.hpp"

namespace coremachine {

TaskResolverRegistry& TaskResolverRegistry::instance() {
  // Never destroyed: what it holds may come from a module that is unloaded before this library is.
  static auto* const registry = [] {
    auto made = std::make_unique<TaskResolverRegistry>();
    made->add(std::string(default_id), std::make_shared<TaskResolver>(TaskRegistry::instance()));
    return made.release();
  }();
  return *registry;
}

TaskResolverRegistry::TaskResolverRegistry() = default;
TaskResolverRegistry::~TaskResolverRegistry() = default;

TaskResolverRegistry& TaskResolverRegistry::add(std::string id, std::shared_ptr<TaskResolver> resolver) {
  if (!is_valid_name(id)) {
    registration::refuse(ErrorCode::invalid_name,
                         "resolver " + quoted_name(id) + ": an id is " + std::string(name_rule));
  }
  if (!resolver) registration::refuse(ErrorCode::invalid_argument, "resolver \"" + id + "\" is nothing");
  const std::lock_guard lock(mutex_);
  const auto [found, inserted] = resolvers_.try_emplace(std::move(id), std::move(resolver));
  if (!inserted) {
    registration::refuse(ErrorCode::invalid_argument, "resolver \"" + found->first + "\" is registered twice");
  }
  return *this;
}

Result<std::shared_ptr<TaskResolver>> TaskResolverRegistry::get(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = resolvers_.find(id);
  if (found == resolvers_.end()) return registration::unknown(resolvers_, ErrorCode::unresolvable, "resolver", id);
  return found->second;
}

std::vector<std::string> TaskResolverRegistry::ids() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, resolver] : resolvers_) ids.push_back(id);
  return ids;
}

}  // namespace coremachine
