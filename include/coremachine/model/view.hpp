#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/status.hpp>
#include <coremachine/model/time.hpp>

namespace coremachine {

namespace json = boost::json;

/// How many tasks of a round are in each status. The numbers add up to `total`.
struct TaskCounts {
  std::uint64_t total = 0;
  std::uint64_t queued = 0;
  std::uint64_t running = 0;
  std::uint64_t retrying = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t dead = 0;
  std::uint64_t cancelled = 0;

  std::uint64_t finished() const { return completed + failed + dead + cancelled; }
  friend bool operator==(const TaskCounts&, const TaskCounts&) = default;
};

/// So many `task.failed` events are told of one round, live and afterwards. `stage.completed` has the count of all.
inline constexpr std::uint32_t max_told_failures = 200;

/// One round of a job as a reader sees it.
struct StageView {
  int stage = 0;
  std::uint32_t round = 0;
  StageStatus status = StageStatus::running;
  TaskCounts tasks;
  std::optional<json::value> result = {};
  std::optional<Timestamp> started_at = {};
  std::optional<Timestamp> finished_at = {};
};

/// A job as a reader sees it. Whatever it shows is on disk.
struct JobView {
  JobId id;
  std::string type;
  std::string version = "1";  ///< of the job type, when it was submitted
  JobStatus status = JobStatus::queued;
  json::object params;
  std::vector<StageView> stages;
  std::optional<json::value> result = {};
  std::optional<Error> error = {};
  int priority = 0;
  std::vector<std::string> tags;
  std::string traceparent = {};  ///< as it was submitted; empty: none
  std::uint32_t attempt = 1;
  Timestamp created_at{};
  std::optional<Timestamp> run_at = {};
  std::optional<Timestamp> started_at = {};
  std::optional<Timestamp> finished_at = {};
};

/// The JSON form of a job, as every outside surface prints it.
COREMACHINE_API json::object to_json(const JobView& view);
COREMACHINE_API json::object to_json(const StageView& view);
COREMACHINE_API json::object to_json(const TaskCounts& counts);
COREMACHINE_API json::object to_json(const Error& error);

}  // namespace coremachine
