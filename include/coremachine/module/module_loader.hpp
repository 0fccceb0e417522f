#pragma once

#include <string>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/resolve/task_resolver.hpp>

namespace coremachine {

/// Where modules come from, and what they register with. Macros register with the process-wide registries, whatever
/// is said here.
struct ModuleLoaderOptions {
  /// Nothing from outside of this folder is loaded, links resolved; empty: from anywhere.
  std::string directory = {};
  JobRegistry& jobs = JobRegistry::instance();
  TaskRegistry& tasks = TaskRegistry::instance();
  TaskResolverRegistry& resolvers = TaskResolverRegistry::instance();
  std::string resolver_id = "default";  ///< whose tasks the modules have; made if it is not there
};

struct LoadedModule {
  std::string name;
  std::string version;
  std::string path;                         ///< absolute, links resolved
  std::vector<std::string> job_types = {};  ///< that came with it
  std::vector<std::string> tasks = {};
};

/// Loads modules (module.hpp), before a machine starts on the registries. They stay until the process ends.
class COREMACHINE_API ModuleLoader {
 public:
  explicit ModuleLoader(ModuleLoaderOptions options = {});

  /// `library` is a path; without a slash it is looked for in the directory, as NAME and as libNAME.so.
  /// Fails (invalid_argument) with what is wrong and what would be right: there is no such file, it is outside of the
  /// directory, it is no module, it was built for another engine or Boost or with another kind of C++ library, it
  /// cannot be linked, its name was taken by another, or it registers what another has registered.
  /// What was built for another engine is refused before any code of it runs.
  Result<LoadedModule> load(const std::string& library);

  const std::vector<LoadedModule>& loaded() const { return loaded_; }

 private:
  Result<TaskResolver*> resolver();
  Result<LoadedModule> register_from(const std::string& path);

  ModuleLoaderOptions options_;
  std::vector<LoadedModule> loaded_;
};

}  // namespace coremachine
