#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/module/module_loader.hpp>
#include <coremachine/resolve/source_runner.hpp>
#include <coremachine/resolve/task_resolver.hpp>
#include <coremachine/resolve/task_spec.hpp>

#include "triggers/cli/config/command_settings.hpp"

namespace coremachine::cli {

/// What a process is told to be able to run, besides what is linked into it.
struct RegistrationOptions {
  std::vector<std::string> modules = {};
  std::string module_dir = {};
  std::string resolver_id = "default";  ///< whose the modules and interpreters are
  std::vector<std::string> allow_source = {};
  SourceLimits source = {};
};

/// The settings that say it: `modules`, `module_dir`, `allow_source`, `source_time`, `source_memory`, `source_output`.
std::span<const std::string_view> registration_settings();
/// `taken` and these.
std::vector<std::string_view> with_registration_settings(std::vector<std::string_view> taken);
RegistrationOptions registration_options(const SettingValues& settings);
/// The libraries that a setting names, `modules` or `resolver_modules`, for a command that takes `module_dir` too: a
/// name in the configuration file is meant from where the file is, unless there is a folder for modules.
std::vector<std::string> modules_of(const SettingValues& settings, std::string_view name);

/// Loads the modules, allows the interpreters, and registers the built-in types for tasks that travel; with the
/// process-wide registries, before a machine starts on them. Throws CommandFailure (usage) with what is wrong.
std::vector<LoadedModule> register_what_was_told(const RegistrationOptions& options, Elsewhere elsewhere);

}  // namespace coremachine::cli
