#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/policy.hpp>
#include <coremachine/model/time.hpp>

namespace coremachine {

namespace json = boost::json;

/// What waits of one task type, of all jobs.
struct QueueStatus {
  std::string name;           ///< of the task type
  std::uint64_t depth = 0;    ///< tasks that may run and were not handed out yet
  std::uint64_t running = 0;  ///< handed out
  /// How long the one that waits longest has been allowed to run; nothing if none waits.
  std::optional<Milliseconds> oldest_age = {};
  bool available = true;  ///< some worker has it
  bool declared = true;   ///< this program knows it
  bool disabled = false;  ///< by its registration
  TypeLimit limit = {};   ///< with `paused`
};

/// A task that runs now.
struct RunningTask {
  JobId job;
  int stage = 0;
  std::uint32_t round = 0;
  TaskIndex index = 0;
  std::string task_type;
  std::uint32_t attempt = 1;
  /// To about 50 ms: a short task is not worth looking at the clock for.
  std::optional<Timestamp> started_at = {};
};

/// Somebody who runs tasks.
struct WorkerStatus {
  std::string name;
  std::string kind = "local";  ///< `local`: threads of this process; else how it is connected
  std::uint32_t concurrency = 0;
  std::vector<std::string> task_types = {};
  std::vector<RunningTask> tasks = {};
  Timestamp connected_at{};
  Timestamp last_seen{};
};

/// The JSON form, as every outside surface prints it. Ages are in seconds.
COREMACHINE_API json::object to_json(const QueueStatus& queue);
COREMACHINE_API json::object to_json(const RunningTask& task);
COREMACHINE_API json::object to_json(const WorkerStatus& worker);

}  // namespace coremachine
