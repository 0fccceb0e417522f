#pragma once

// All that a program needs which defines jobs and runs them. For params as structs include registry/typed.hpp too, for
// tasks that travel resolve/task_spec.hpp, for modules module/module.hpp, for
// coroutines registry/coroutine_handler.hpp, for completion tokens runtime/async.hpp, for tests of jobs
// testing/workflow.hpp.

#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/policy.hpp>
#include <coremachine/model/status.hpp>
#include <coremachine/model/view.hpp>
#include <coremachine/registry/job_handler.hpp>
#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/register.hpp>
#include <coremachine/registry/task_handler.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/runtime/core_machine.hpp>
#include <coremachine/runtime/schedules.hpp>
#include <coremachine/schedule/schedule.hpp>
#include <coremachine/telemetry/log.hpp>
#include <coremachine/telemetry/metrics.hpp>
#include <coremachine/telemetry/trace.hpp>
