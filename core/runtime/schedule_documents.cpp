// Schedules as outside surfaces read and print them.

#include <coremachine/runtime/schedules.hpp>

#include <array>
#include <utility>

#include <boost/json/array.hpp>

#include "core/runtime/schedule_faults.hpp"
#include "core/schedule/schedule_codec.hpp"

namespace coremachine {
namespace {

/// What a view shows and nobody sets: who edits what he was shown need not take them out.
constexpr std::array<std::string_view, 17> only_shown{
    "status",     "next_times", "last_firing", "recent_firings", "running", "waiting",
    "starting",   "fired",      "skipped",     "missed",         "refused", "last_error",
    "last_fired", "created_at", "updated_at",  "error",          "next_at"};

json::object to_json(const FiringRecord& record) {
  auto out = schedule::to_json(record.firing);
  out["fired_at"] = to_rfc3339(record.fired_at);
  out["job_id"] = record.job ? json::value(record.job->str()) : json::value(nullptr);
  out["error"] = record.error.empty() ? json::value(nullptr) : json::value(record.error);
  return out;
}

std::string_view status_of(const ScheduleView& view) {
  if (!view.trouble.empty()) return "broken";
  if (view.spec.paused) return "paused";
  const bool more = view.state.next_at || !view.state.waiting.empty() || !view.state.starting.empty();
  return more ? "active" : "finished";
}

}  // namespace

Result<ScheduleSpec> read_schedule(const json::value& body, std::string_view id) {
  constexpr const char* placeholder = "unnamed";
  auto document = body;
  std::vector<ParamFault> faults;
  bool named = true;
  if (auto* members = document.if_object()) {
    if (const auto* said = members->if_contains("id"); said && !said->is_null()) {
      const auto* name = members->if_contains("name");
      if (!name || name->is_null()) {
        (*members)["name"] = json::value(*said);
      } else if (*name != *said) {
        faults.push_back({"/id", "it is not the name, which is the same thing; one of them is enough"});
      }
    }
    members->erase("id");
    for (const auto name : only_shown) members->erase(name);
    auto& name = (*members)["name"];
    if (name.is_null()) {
      named = !id.empty();
      name = id.empty() ? std::string_view(placeholder) : id;
    }
  }
  auto reading = schedule::read_spec(document);
  for (auto& fault : runtime::as_param_faults(reading.faults)) faults.push_back(std::move(fault));
  if (!faults.empty()) return runtime::invalid_schedule(std::move(faults));
  if (!named) reading.value->name.clear();
  return std::move(*reading.value);
}

json::object to_json(const ScheduleView& view, bool with_params) {
  json::object out;
  out["id"] = view.id;
  for (auto& member : schedule::to_json(view.spec)) {
    if (with_params || member.key() != "params") out.insert(std::move(member));
  }
  out["status"] = status_of(view);
  auto& times = (out["next_times"] = json::array()).get_array();
  for (const auto time : view.next_times) times.emplace_back(to_rfc3339(time));
  out["last_firing"] = view.recent.empty() ? json::value(nullptr) : json::value(to_json(view.recent.front()));
  auto& recent = (out["recent_firings"] = json::array()).get_array();
  for (const auto& firing : view.recent) recent.push_back(to_json(firing));
  auto& running = (out["running"] = json::array()).get_array();
  for (const auto job : view.state.running) running.emplace_back(job.str());
  auto& waiting = (out["waiting"] = json::array()).get_array();
  for (const auto& firing : view.state.waiting) waiting.push_back(schedule::to_json(firing));
  out["fired"] = view.state.fired;
  out["skipped"] = view.state.skipped;
  out["missed"] = view.state.missed;
  out["refused"] = view.state.refused;
  out["last_error"] = view.state.last_error.empty() ? json::value(nullptr) : json::value(view.state.last_error);
  out["error"] = view.trouble.empty() ? json::value(nullptr) : json::value(view.trouble);
  out["created_at"] = to_rfc3339(view.created_at);
  out["updated_at"] = to_rfc3339(view.updated_at);
  return out;
}

json::object to_json(const SchedulePage& page, bool with_params) {
  json::object out;
  auto& items = (out["items"] = json::array()).get_array();
  for (const auto& view : page.items) items.push_back(to_json(view, with_params));
  out["next_cursor"] = page.next_cursor ? json::value(*page.next_cursor) : json::value(nullptr);
  return out;
}

json::object to_json(const ScheduleRun& run) {
  if (run.job) return to_json(*run.job);
  json::object out;
  out["scheduled_for"] = to_rfc3339(run.firing.scheduled_for);
  out["waiting"] = true;
  return out;
}

}  // namespace coremachine
