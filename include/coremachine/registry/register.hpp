#pragma once

#include <source_location>

#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>

// One line at namespace scope registers a job type or a task with the process-wide registries:
//
//   COREMACHINE_JOB("hello_world", HelloWorldJob);
//   COREMACHINE_TASK("greet", greet, .description = "Says hello", .pure = true);
//
// What is wrong with a registration (a name twice, an invalid name) is reported when a machine starts.
// A linker drops an object file of a static library that nobody refers to, and the registration in it:
// in CMake call `coremachine_keep_registrations(my_static_library)`; elsewhere link it with --whole-archive.

#define COREMACHINE_DETAIL_JOIN2(a, b) a##b
#define COREMACHINE_DETAIL_JOIN(a, b) COREMACHINE_DETAIL_JOIN2(a, b)

#define COREMACHINE_JOB(name, Handler, ...)                                                                  \
  [[maybe_unused]] static const bool COREMACHINE_DETAIL_JOIN(coremachine_job_, __COUNTER__) =                \
      ::coremachine::JobRegistry::instance().add_at_load<Handler>(name, ::coremachine::JobInfo{__VA_ARGS__}, \
                                                                  std::source_location::current())

#define COREMACHINE_TASK(name, handler, ...)                                                                   \
  [[maybe_unused]] static const bool COREMACHINE_DETAIL_JOIN(coremachine_task_, __COUNTER__) =                 \
      ::coremachine::TaskRegistry::instance().add_at_load(name, handler, ::coremachine::TaskInfo{__VA_ARGS__}, \
                                                          std::source_location::current())
