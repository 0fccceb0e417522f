// The JSON form of what queries come to.

#include <string>
#include <utility>

#include <boost/json/array.hpp>

#include <coremachine/runtime/queries.hpp>

namespace coremachine {
namespace {

json::value time_or_null(const std::optional<Timestamp>& time) {
  return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

json::value cursor_or_null(const std::optional<std::string>& cursor) {
  return cursor ? json::value(*cursor) : json::value(nullptr);
}

json::object page_of(json::array items, const std::optional<std::string>& next_cursor) {
  json::object out;
  out.emplace("items", std::move(items));
  out.emplace("next_cursor", cursor_or_null(next_cursor));
  return out;
}

}  // namespace

json::object to_json(const JobPage& page, const JobQuery& query) {
  json::array items;
  items.reserve(page.items.size());
  for (const auto& job : page.items) {
    auto item = to_json(job);
    if (!query.params) item.stable_erase("params");
    if (!query.results) {
      item.stable_erase("result");
      for (auto& stage : item["stages"].as_array()) stage.as_object().stable_erase("result");
    }
    items.emplace_back(std::move(item));
  }
  return page_of(std::move(items), page.next_cursor);
}

json::object to_json(const TaskView& task) {
  json::object out;
  out.emplace("stage", task.stage);
  out.emplace("round", task.round);
  out.emplace("index", task.index);
  out.emplace("task_type", task.task_type);
  out.emplace("status", to_string(task.status));
  out.emplace("attempt", task.attempt);
  out.emplace("worker", task.worker.empty() ? json::value(nullptr) : json::value(task.worker));
  if (task.error) {
    auto error = to_json(*task.error);
    error.emplace("type", task.error_type);
    out.emplace("error", std::move(error));
  } else {
    out.emplace("error", nullptr);
  }
  if (task.params) out.emplace("params", *task.params);
  if (task.result) out.emplace("result", *task.result);
  if (task.progress) out.emplace("progress", *task.progress);
  out.emplace("started_at", time_or_null(task.started_at));
  out.emplace("finished_at", time_or_null(task.finished_at));
  if (task.retry_at) out.emplace("retry_at", to_rfc3339(*task.retry_at));
  return out;
}

json::object to_json(const TaskPage& page) {
  json::array items;
  items.reserve(page.items.size());
  for (const auto& task : page.items) items.emplace_back(to_json(task));
  return page_of(std::move(items), page.next_cursor);
}

json::object to_json(const HeatCell& cell) {
  json::object out;
  out.emplace("first", cell.first);
  out.emplace("count", cell.count);
  out.emplace("tasks", to_json(cell.counts));
  return out;
}

json::object to_json(const HeatMap& map) {
  json::array cells;
  cells.reserve(map.cells.size());
  for (const auto& cell : map.cells) cells.emplace_back(to_json(cell));
  json::object out;
  out.emplace("stage", map.stage);
  out.emplace("round", map.round);
  out.emplace("tasks", to_json(map.counts));
  out.emplace("cells", std::move(cells));
  return out;
}

json::object to_json(const BulkResult& result) {
  json::object out;
  out.emplace("matched", result.matched);
  out.emplace("changed", result.changed);
  return out;
}

}  // namespace coremachine
