#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/status.hpp>
#include <coremachine/model/view.hpp>

namespace coremachine {

// What is asked of many jobs or many tasks at once. All of it is read from the store on the thread that asks; the
// engine is asked only for what runs now, and for a moment.

/// The most items that a page has, and how long a text a search may be.
inline constexpr std::size_t max_page_items = 200;
inline constexpr std::size_t max_search_bytes = 256;

struct JobQuery {
  std::vector<JobStatus> statuses = {};  ///< any of them; empty: all
  std::string type = {};                 ///< empty: all
  std::vector<std::string> tags = {};    ///< the job has all of them
  std::string search = {};               ///< part of the id, the type, a tag or the error's text; a = A
  std::optional<Timestamp> since = {};   ///< created then or later
  std::optional<Timestamp> until = {};   ///< created before
  std::size_t limit = 50;                ///< 1 … max_page_items
  std::string cursor = {};               ///< `next_cursor` of the page before; empty: from the newest on
  bool params = false;                   ///< otherwise they are left out
  bool results = false;                  ///< of jobs and stages, likewise
};

/// Newest first. What it shows of a job that runs is at most 250 ms old, and never older than what a call has told.
struct JobPage {
  std::vector<JobView> items = {};  ///< `stages` has the latest `max_listed_stages` of each
  /// Nothing: that was all. A page may have fewer items than its limit, or none, and yet be followed by others: tags
  /// and searches look at so many jobs in a page and no more.
  std::optional<std::string> next_cursor = {};
};
inline constexpr std::size_t max_listed_stages = 32;

struct TaskQuery {
  std::optional<int> stage = {};  ///< its latest round; neither this nor `round`: the current or last one
  std::optional<std::uint32_t> round = {};
  std::vector<TaskStatus> statuses = {};  ///< any of them; empty: all
  std::uint64_t first = 0;                ///< only this task and those after it; not with a cursor
  std::size_t limit = 50;                 ///< 1 … max_page_items
  std::string cursor = {};                ///< `next_cursor` of the page before; it keeps to its round
  bool params = false;
  bool results = false;
};

struct TaskView {
  int stage = 0;
  std::uint32_t round = 0;
  std::uint64_t index = 0;
  std::string task_type = {};
  TaskStatus status = TaskStatus::queued;
  std::uint32_t attempt = 0;                  ///< the last one that was begun; 0: none yet
  std::string worker = {};                    ///< that has it, or had its last attempt; empty: none
  std::optional<Error> error = {};            ///< of the last attempt that ended, unless the task completed
  std::string error_type = {};                ///< the word that its handler has for it
  std::optional<json::value> params = {};     ///< where they were asked for
  std::optional<json::value> result = {};     ///< likewise, of a task that completed
  std::optional<json::value> progress = {};   ///< how far its attempts had come, while it is not finished
  std::optional<Timestamp> started_at = {};   ///< of the last attempt, or of the slice that it ran in
  std::optional<Timestamp> finished_at = {};  ///< of the last attempt that ended; none while one runs
  std::optional<Timestamp> retry_at = {};     ///< while it is `retrying`
};

/// By index.
struct TaskPage {
  std::vector<TaskView> items = {};
  std::optional<std::string> next_cursor = {};  ///< as in JobPage
};

/// The most cells that a heat map has.
inline constexpr std::size_t max_heat_cells = 4096;

struct HeatQuery {
  std::optional<int> stage = {};  ///< its latest round; neither this nor `round`: the current or last one
  std::optional<std::uint32_t> round = {};
  std::size_t cells = 1024;                 ///< 1 … max_heat_cells
  std::uint64_t first = 0;                  ///< only this task and those after it …
  std::optional<std::uint64_t> count = {};  ///< … so many; nothing: all
};

/// Tasks `first` to `first + count − 1`; `counts.total` is `count`.
struct HeatCell {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  TaskCounts counts = {};
};
/// A round at a glance, or a part of it. All cells but the last are of one size; together they hold every task of it.
struct HeatMap {
  int stage = 0;
  std::uint32_t round = 0;  ///< 0: the job has no such stage yet, and the map no cells
  TaskCounts counts = {};   ///< of the cells together
  std::vector<HeatCell> cells = {};
};

/// Something that happened to a job. What is told of it live and what is read afterwards is the same, but for
/// `progress`, which is told only live. Of the failed tasks of one round the first `max_told_failures` are told, and
/// `stage.completed` counts them all. Sequences increase and are never used twice in a job, also when it is retried;
/// some are never seen.
struct JobEvent {
  JobId job;
  std::uint64_t sequence = 0;
  std::string name;  ///< `job.accepted`, `stage.started`, `progress`, …, `job.<status>`
  json::object data;
};

struct BulkFilter {
  std::vector<JobStatus> statuses = {};
  std::string type = {};
  std::vector<std::string> tags = {};
  std::string search = {};  ///< as in JobQuery
  std::optional<Timestamp> since = {};
  std::optional<Timestamp> until = {};
};
struct BulkResult {
  std::uint64_t matched = 0;  ///< jobs that fit and whose state allows it
  std::uint64_t changed = 0;  ///< 0 in a dry run; a job may change its state before its turn comes
};

/// How many jobs there are in each status; those without any are left out.
using JobCounts = std::map<JobStatus, std::uint64_t>;

/// The JSON form that every outside surface prints. Pages are `{items, next_cursor}`.
COREMACHINE_API json::object to_json(const JobPage& page, const JobQuery& query);
COREMACHINE_API json::object to_json(const TaskView& task);
COREMACHINE_API json::object to_json(const TaskPage& page);
COREMACHINE_API json::object to_json(const HeatCell& cell);
COREMACHINE_API json::object to_json(const HeatMap& map);
COREMACHINE_API json::object to_json(const BulkResult& result);

}  // namespace coremachine
