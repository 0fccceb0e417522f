#include <coremachine/module/module_loader.hpp>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include <dlfcn.h>

#include <coremachine/module/module.hpp>

#include "core/model/suggest.hpp"
#include "core/module/stamp.hpp"

namespace coremachine {
namespace {

namespace fs = std::filesystem;

constexpr const char* entry_point = "coremachine_module_v1";

Error refused(const std::string& library, const std::string& why) {
  return Error{ErrorCode::invalid_argument, "module " + library + ": " + why};
}

/// Whether a path lies in a folder; both are absolute and have no links in them.
bool is_inside(const fs::path& path, const fs::path& folder) {
  const auto rest = path.lexically_relative(folder);
  return !rest.empty() && *rest.begin() != ".." && *rest.begin() != ".";
}

std::optional<fs::path> resolved(const fs::path& path) {
  std::error_code failed;
  auto found = fs::canonical(path, failed);
  return failed ? std::nullopt : std::optional(std::move(found));
}

/// Where the library lies, or why it may not be loaded.
Result<fs::path> locate(const std::string& library, const std::string& directory) {
  std::vector<fs::path> places{library};
  if (library.find('/') == std::string::npos && !directory.empty()) {
    places = {fs::path(directory) / library, fs::path(directory) / ("lib" + library + ".so"), library};
  }
  const auto folder = directory.empty() ? std::nullopt : resolved(directory);
  if (!directory.empty() && !folder) {
    return refused(library, "the folder for modules, " + directory + ", is not there");
  }
  for (const auto& place : places) {
    const auto found = resolved(place);
    if (!found || !fs::is_regular_file(*found)) continue;
    if (!folder || is_inside(*found, *folder)) return *found;
    const auto also = found->string() == library ? std::string() : " (" + found->string() + ")";
    return refused(library + also,
                   "it is outside of " + folder->string() + ", and modules are loaded from there alone (--module-dir)");
  }
  std::string looked;
  for (const auto& place : places) looked += (looked.empty() ? "" : ", ") + place.string();
  return refused(library, "there is no such file; looked for " + looked);
}

Result<module::Stamp> stamp_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file && bytes.empty()) return refused(path, "it cannot be read");
  if (!bytes.starts_with("\177ELF")) return refused(path, "it is no shared library");
  auto stamp = module::find_stamp(bytes);
  if (!stamp) {
    return refused(path, std::string("it is no module of CoreMachine: it has no ") + entry_point +
                             ", which the line COREMACHINE_MODULE(\"name\", \"version\") in one of its files makes");
  }
  if (const auto misfit = module::misfit_of(*stamp)) return refused(path, *misfit);
  return std::move(*stamp);
}

std::string last_complaint() {
  const char* text = ::dlerror();
  return text ? text : "the system does not say why";
}

Result<const ModuleDescriptor*> open(const std::string& path) {
  // Never closed: handlers of it are in the registries until the process ends. Local: what one module has is not to be
  // taken for what another one lacks.
  void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return refused(path, "it cannot be linked: " + last_complaint());
  void* const entry = ::dlsym(handle, entry_point);
  if (!entry) return refused(path, std::string("it has no ") + entry_point + ": " + last_complaint());
  const auto* descriptor = reinterpret_cast<const ModuleDescriptor* (*)()>(entry)();
  if (!descriptor || descriptor->descriptor_version != ModuleDescriptor::current_version ||
      descriptor->size < sizeof(ModuleDescriptor)) {
    return refused(path, "it does not describe itself as its stamp says");
  }
  return descriptor;
}

template <class Infos>
std::vector<std::string> names_of(const Infos& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

std::vector<std::string> new_names(const std::vector<std::string>& before, std::vector<std::string> after) {
  std::erase_if(after,
                [&](const std::string& name) { return std::find(before.begin(), before.end(), name) != before.end(); });
  return after;
}

template <class Registry>
std::optional<std::string> new_problem(const Registry& registry, std::size_t before) {
  const auto problems = registry.problems();
  return problems.size() > before ? std::optional(problems[before]) : std::nullopt;
}

}  // namespace

ModuleLoader::ModuleLoader(ModuleLoaderOptions options) : options_(std::move(options)) {}

Result<TaskResolver*> ModuleLoader::resolver() {
  if (const auto found = options_.resolvers.get(options_.resolver_id)) return found->get();
  auto made = std::make_shared<TaskResolver>(options_.tasks);
  options_.resolvers.add(options_.resolver_id, made);
  return made.get();
}

Result<LoadedModule> ModuleLoader::load(const std::string& library) try {
  const auto path = locate(library, options_.directory);
  if (!path) return path.error();
  const auto stamp = stamp_of(path->string());
  if (!stamp) return stamp.error();
  for (const auto& other : loaded_) {
    if (other.path == path->string()) return refused(other.path, "it is named twice");
    if (other.name == stamp->name) {
      return refused(path->string(), "it is called \"" + stamp->name + "\", and so is " + other.path);
    }
  }
  return register_from(path->string());
} catch (const std::exception& error) {
  return refused(library, error.what());
}

Result<LoadedModule> ModuleLoader::register_from(const std::string& path) {
  auto& jobs = options_.jobs;
  auto& tasks = options_.tasks;
  const auto resolver = this->resolver();
  if (!resolver) return resolver.error();
  const auto jobs_before = names_of(jobs.list_all_info());
  const auto tasks_before = names_of(tasks.list_all_info());
  const auto bad_jobs = JobRegistry::instance().problems().size();
  const auto bad_tasks = TaskRegistry::instance().problems().size();
  const auto descriptor = open(path);
  if (!descriptor) return descriptor.error();
  if (const auto why = new_problem(JobRegistry::instance(), bad_jobs)) return refused(path, *why);
  if (const auto why = new_problem(TaskRegistry::instance(), bad_tasks)) return refused(path, *why);
  LoadedModule module{(*descriptor)->name, (*descriptor)->version, path};
  ModuleContext context{jobs, tasks, **resolver};
  if (const auto register_all = (*descriptor)->register_all) {
    try {
      register_all(context);
    } catch (const std::exception& error) {
      return refused(path, std::string("what it registers: ") + error.what());
    }
  }
  module.job_types = new_names(jobs_before, names_of(jobs.list_all_info()));
  module.tasks = new_names(tasks_before, names_of(tasks.list_all_info()));
  tasks.came_with(module.name, tasks_before);
  loaded_.push_back(module);
  return module;
}

}  // namespace coremachine
