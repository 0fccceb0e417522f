#include <coremachine/registry/job_registry.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <exception>
#include <optional>
#include <utility>

#include "core/registry/registration.hpp"

namespace coremachine {

namespace {

constexpr std::string_view kind = "job type";

std::optional<std::uint64_t> number_of(std::string_view part) {
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(part.data(), part.data() + part.size(), number);
  return fault == std::errc() && end == part.data() + part.size() ? std::optional(number) : std::nullopt;
}

/// By the parts between dots: as numbers where both are, else as texts.
bool is_lower(std::string_view a, std::string_view b) {
  const auto all_a = a;
  const auto all_b = b;
  while (!a.empty() && !b.empty()) {
    const auto part_a = a.substr(0, a.find('.'));
    const auto part_b = b.substr(0, b.find('.'));
    const auto number_a = number_of(part_a);
    const auto number_b = number_of(part_b);
    if (number_a && number_b && *number_a != *number_b) return *number_a < *number_b;
    if (!(number_a && number_b) && part_a != part_b) return part_a < part_b;
    a.remove_prefix(std::min(a.size(), part_a.size() + 1));
    b.remove_prefix(std::min(b.size(), part_b.size() + 1));
  }
  return a.empty() && b.empty() ? all_a < all_b : a.empty();
}

void check_version(const JobInfo& info, const std::source_location& where) {
  if (is_valid_name(info.version)) return;
  registration::refuse(ErrorCode::invalid_argument, "job type \"" + info.name + "\" at " + registration::place(where) +
                                                        " has the version \"" + info.version + "\"; a version is " +
                                                        std::string(name_rule));
}

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
  check_version(info, where);
  const std::lock_guard lock(mutex_);
  registration::check_thawed(frozen_, kind,
                             "cannot register job type \"" + name + "\" at " + registration::place(where));
  Entry entry{std::move(info), std::move(factory), where};
  const auto current = entries_.find(name);
  if (current == entries_.end()) return void(entries_.emplace(std::move(name), std::move(entry)));
  auto& older = older_[name];
  const auto clash = [&](const Entry& other) { return other.info.version == entry.info.version; };
  const auto same = std::find_if(older.begin(), older.end(), clash);
  if (clash(current->second) || same != older.end()) {
    const auto& first = clash(current->second) ? current->second : *same;
    registration::refuse(ErrorCode::invalid_argument,
                         "job type \"" + name + "\" is registered twice in version " + entry.info.version + ": at " +
                             registration::place(first.where) + " and at " + registration::place(where));
  }
  if (is_lower(current->second.info.version, entry.info.version)) std::swap(current->second, entry);
  const auto before = [](const Entry& a, const Entry& b) { return is_lower(a.info.version, b.info.version); };
  older.insert(std::upper_bound(older.begin(), older.end(), entry, before), std::move(entry));
}

JobRegistry& JobRegistry::add_absent(std::string name, std::string why) {
  const std::lock_guard lock(mutex_);
  registration::check_thawed(frozen_, kind, "cannot say why job type \"" + name + "\" is absent");
  absent_.insert_or_assign(std::move(name), std::move(why));
  return *this;
}

Error JobRegistry::unknown(std::string_view name) const {
  if (const auto found = absent_.find(name); found != absent_.end()) {
    return {ErrorCode::unknown_job_type, "job type \"" + found->first + "\" is not in this program: " + found->second};
  }
  return registration::unknown(entries_, ErrorCode::unknown_job_type, kind, name);
}

/// Where the lock is held, or nothing changes any more.
Result<const JobRegistry::Factory*> JobRegistry::find_factory(std::string_view name,
                                                              std::optional<std::string_view> version) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return unknown(name);
  if (!version || found->second.info.version == *version) return &found->second.factory;
  std::string known;
  if (const auto older = older_.find(name); older != older_.end()) {
    for (const auto& entry : older->second) {
      if (entry.info.version == *version) return &entry.factory;
      known += entry.info.version + ", ";
    }
  }
  return Error{ErrorCode::unknown_job_type, "job type \"" + std::string(name) + "\" has no version " +
                                                std::string(*version) + " here; there is " + known +
                                                found->second.info.version};
}

Result<std::unique_ptr<JobHandler>> JobRegistry::make(std::string_view name) const {
  return make_of(name, {});
}

Result<std::unique_ptr<JobHandler>> JobRegistry::make(std::string_view name, std::string_view version) const {
  return make_of(name, version);
}

Result<std::unique_ptr<JobHandler>> JobRegistry::make_of(std::string_view name,
                                                         std::optional<std::string_view> version) const {
  if (registration::is_set(frozen_)) {
    const auto factory = find_factory(name, version);
    if (!factory) return factory.error();
    return made(**factory, name);
  }
  // A constructor may ask the registry: it is called outside of the lock.
  Factory copy;
  {
    const std::lock_guard lock(mutex_);
    const auto factory = find_factory(name, version);
    if (!factory) return factory.error();
    copy = **factory;
  }
  return made(copy, name);
}

Result<std::unique_ptr<JobHandler>> JobRegistry::made(const Factory& factory, std::string_view name) {
  auto handler = factory();
  if (!handler) {
    return Error{ErrorCode::handler_contract, "the factory of job type \"" + std::string(name) + "\" returned nothing"};
  }
  return handler;
}

Result<JobInfo> JobRegistry::get_info(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return unknown(name);
  return found->second.info;
}

const JobInfo* JobRegistry::frozen_info(std::string_view name) const {
  if (!registration::is_set(frozen_)) return nullptr;
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second.info;
}

bool JobRegistry::contains(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(name);
}

std::vector<JobInfo> JobRegistry::list_all_info() const {
  return list_by_tags({});
}

std::vector<JobInfo> JobRegistry::list_all_versions() const {
  const std::lock_guard lock(mutex_);
  std::vector<JobInfo> infos;
  for (const auto& [name, entry] : entries_) {
    if (const auto older = older_.find(name); older != older_.end()) {
      for (const auto& other : older->second) infos.push_back(other.info);
    }
    infos.push_back(entry.info);
  }
  return infos;
}

std::vector<JobInfo> JobRegistry::list_by_tags(const std::vector<std::string>& tags) const {
  const std::lock_guard lock(mutex_);
  return registration::infos_with<JobInfo>(entries_, tags);
}

std::vector<std::string> JobRegistry::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

void JobRegistry::clear() {
  const std::lock_guard lock(mutex_);
  registration::check_thawed(frozen_, kind, "cannot clear");
  entries_.clear();
  older_.clear();
  absent_.clear();
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
