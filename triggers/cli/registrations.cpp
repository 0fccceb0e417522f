#include "triggers/cli/registrations.hpp"

#include <array>
#include <filesystem>
#include <memory>
#include <utility>

#include "triggers/cli/command_failure.hpp"

namespace coremachine::cli {
namespace {

constexpr std::array<std::string_view, 6> names{"modules",     "module_dir",    "allow_source",
                                                "source_time", "source_memory", "source_output"};

void allow_interpreters(const RegistrationOptions& options, TaskResolver& resolver) {
  if (options.allow_source.empty()) return;
  auto runner = SourceRunner::allow(options.allow_source, options.source);
  if (!runner) throw CommandFailure(ExitCode::usage, "--allow-source: " + runner.error().message);
  resolver.allow_source(std::make_shared<const SourceRunner>(std::move(*runner)));
}

}  // namespace

std::span<const std::string_view> registration_settings() {
  return names;
}

std::vector<std::string_view> with_registration_settings(std::vector<std::string_view> taken) {
  taken.insert(taken.end(), names.begin(), names.end());
  return taken;
}

std::vector<std::string> modules_of(const SettingValues& settings, std::string_view name) {
  auto modules = settings.list(name);
  const auto& folder = settings.effective(name).folder;
  if (folder.empty() || settings.has("module_dir")) return modules;
  for (auto& module : modules) {
    if (module.find('/') == std::string::npos) module = (std::filesystem::path(folder) / module).string();
  }
  return modules;
}

RegistrationOptions registration_options(const SettingValues& settings) {
  RegistrationOptions options;
  options.modules = modules_of(settings, "modules");
  options.module_dir = settings.text("module_dir");
  options.allow_source = settings.list("allow_source");
  options.source.time = settings.duration("source_time");
  options.source.memory = settings.count("source_memory");
  options.source.output = settings.count("source_output");
  return options;
}

std::vector<LoadedModule> register_what_was_told(const RegistrationOptions& options, Elsewhere elsewhere) {
  auto& resolvers = TaskResolverRegistry::instance();
  if (!resolvers.get(options.resolver_id)) {
    resolvers.add(options.resolver_id, std::make_shared<TaskResolver>(TaskRegistry::instance()));
  }
  ModuleLoader loader({.directory = options.module_dir, .resolver_id = options.resolver_id});
  for (const auto& library : options.modules) {
    const auto loaded = loader.load(library);
    if (!loaded) throw CommandFailure(ExitCode::usage, loaded.error().message);
  }
  allow_interpreters(options, *resolvers.get(options.resolver_id).value());
  register_envelope_tasks(TaskRegistry::instance(), resolvers, elsewhere);
  return loader.loaded();
}

}  // namespace coremachine::cli
