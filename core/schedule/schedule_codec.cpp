#include "core/schedule/schedule_codec.hpp"

#include <utility>

#include <boost/json/array.hpp>

#include "core/model/json_text.hpp"
#include "core/schedule/cron.hpp"
#include "core/schedule/document_reader.hpp"
#include "core/schedule/time_zone.hpp"

namespace coremachine::schedule {

namespace {

constexpr int most_priority = 100;
constexpr std::uint64_t most_count = INT64_MAX;

// ---- writing ----

json::array to_json(const std::vector<Firing>& firings) {
  json::array out;
  for (const auto& firing : firings) out.push_back(schedule::to_json(firing));
  return out;
}

json::value to_json(const std::optional<Timestamp>& time) {
  return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

// ---- reading ----

std::string text_of(const json::object& params) {
  std::string text;
  append_json(text, params);
  return text;
}

void read_timing(DocumentReader& in, ScheduleSpec& spec) {
  const auto cron = in.string("cron");
  const auto every = in.duration("every");
  const bool by_cron = in.has("cron");
  if (by_cron == in.has("every")) {
    in.fault("", by_cron ? "it has both cron and every, and one of them is due" : "cron or every is missing");
  }
  const auto zone = in.string("time_zone");
  const auto anchor = in.time("anchor");
  if (in.has("every") && !by_cron) {
    if (in.has("time_zone")) in.fault("time_zone", "an interval has no time zone; it belongs to cron");
    spec.timing = Interval{every.value_or(shortest_interval), anchor.value_or(Timestamp{})};
  } else {
    if (in.has("anchor") && !in.has("every")) in.fault("anchor", "cron has no anchor; it belongs to every");
    spec.timing = Cron{cron.value_or("@daily"), zone.value_or("UTC")};
  }
}

ScheduleSpec read_members(DocumentReader& in) {
  ScheduleSpec spec;
  in.require("name");
  in.require("job_type");
  spec.name = in.string("name").value_or("unnamed");
  spec.job_type = in.string("job_type").value_or("unnamed");
  if (const auto* params = in.object("params")) spec.params = text_of(*params);
  spec.time_param = in.string("time_param").value_or("");
  spec.tags = in.strings("tags");
  spec.priority = static_cast<int>(in.integer("priority", -most_priority, most_priority).value_or(0));
  spec.timeout = in.duration("timeout");
  read_timing(in, spec);
  if (const auto text = in.string("overlap")) {
    const auto policy = overlap_policy_from(*text);
    if (!policy) in.fault("overlap", "it is none of skip, queue_one, cancel_running and allow");
    spec.overlap = policy.value_or(spec.overlap);
  }
  spec.catch_up_limit = static_cast<std::uint32_t>(in.integer("catch_up_limit", 0, max_catch_up).value_or(1));
  spec.jitter = in.duration("jitter").value_or(Milliseconds{0});
  spec.paused = in.boolean("paused").value_or(false);
  spec.starts_at = in.time("starts_at");
  spec.ends_at = in.time("ends_at");
  in.refuse_others();
  return spec;
}

std::vector<Firing> read_firings(DocumentReader& in, std::string_view name) {
  std::vector<Firing> firings;
  in.objects(name, [&](DocumentReader& element) {
    firings.push_back(read_firing(element));
    element.refuse_others();
  });
  return firings;
}

std::uint64_t read_count(DocumentReader& in, std::string_view name) {
  return static_cast<std::uint64_t>(in.integer(name, 0, most_count).value_or(0));
}

/// The value, if nothing was wrong with it.
template <class T>
Reading<T> reading_of(T value, std::vector<Fault> faults) {
  Reading<T> reading;
  if (faults.empty()) reading.value = std::move(value);
  reading.faults = std::move(faults);
  return reading;
}

}  // namespace

json::object to_json(const Firing& firing) {
  json::object out;
  out["scheduled_for"] = to_rfc3339(firing.scheduled_for);
  out["kind"] = firing.kind == Firing::Kind::on_time   ? "on_time"
                : firing.kind == Firing::Kind::made_up ? "made_up"
                                                       : "by_hand";
  return out;
}

Firing read_firing(DocumentReader& in) {
  Firing firing;
  in.require("scheduled_for");
  firing.scheduled_for = in.time("scheduled_for").value_or(Timestamp{});
  const auto kind = in.string("kind").value_or("on_time");
  if (kind == "made_up") {
    firing.kind = Firing::Kind::made_up;
  } else if (kind == "by_hand") {
    firing.kind = Firing::Kind::by_hand;
  } else if (kind != "on_time") {
    in.fault("kind", "it is none of on_time, made_up and by_hand");
  }
  return firing;
}

json::object to_json(const ScheduleSpec& spec) {
  json::object out;
  out["name"] = spec.name;
  out["job_type"] = spec.job_type;
  out["params"] = parse_stored(spec.params);
  out["time_param"] = spec.time_param.empty() ? json::value(nullptr) : json::value(spec.time_param);
  out["tags"] = json::array(spec.tags.begin(), spec.tags.end());
  out["priority"] = spec.priority;
  out["timeout"] = spec.timeout ? json::value(duration_text(*spec.timeout)) : json::value(nullptr);
  if (const auto* cron = std::get_if<Cron>(&spec.timing)) {
    out["cron"] = cron->expression;
    out["time_zone"] = cron->time_zone;
  } else {
    const auto& interval = std::get<Interval>(spec.timing);
    out["every"] = duration_text(interval.every);
    out["anchor"] = to_rfc3339(interval.anchor);
  }
  out["overlap"] = to_string(spec.overlap);
  out["catch_up_limit"] = spec.catch_up_limit;
  out["jitter"] = duration_text(spec.jitter);
  out["paused"] = spec.paused;
  out["starts_at"] = to_json(spec.starts_at);
  out["ends_at"] = to_json(spec.ends_at);
  return out;
}

Reading<ScheduleSpec> read_spec(const json::value& document) {
  std::vector<Fault> faults;
  DocumentReader in(document, "#", faults);
  auto spec = read_members(in);
  // What could not be read has a value here that is sound, so that nothing is found twice.
  for (auto& fault : spec_faults(spec)) faults.push_back(std::move(fault));
  return reading_of(std::move(spec), std::move(faults));
}

json::object to_json(const ScheduleState& state) {
  json::object out;
  out["last_fired"] = to_json(state.last_fired);
  out["next_at"] = to_json(state.next_at);
  out["starting"] = to_json(state.starting);
  auto& running = (out["running"] = json::array()).get_array();
  for (const auto id : state.running) running.emplace_back(id.str());
  out["waiting"] = to_json(state.waiting);
  out["fired"] = state.fired;
  out["skipped"] = state.skipped;
  out["missed"] = state.missed;
  out["refused"] = state.refused;
  out["last_error"] = state.last_error;
  return out;
}

Reading<ScheduleState> read_state(const json::value& document) {
  std::vector<Fault> faults;
  DocumentReader in(document, "#", faults);
  ScheduleState state;
  state.last_fired = in.time("last_fired");
  state.next_at = in.time("next_at");
  state.starting = read_firings(in, "starting");
  const auto running = in.strings("running");
  for (std::size_t i = 0; i < running.size(); ++i) {
    const auto id = JobId::parse(running[i]);
    if (!id) in.fault("running/" + std::to_string(i), "it is no id of a job");
    state.running.push_back(id.value_or(JobId{}));
  }
  state.waiting = read_firings(in, "waiting");
  state.fired = read_count(in, "fired");
  state.skipped = read_count(in, "skipped");
  state.missed = read_count(in, "missed");
  state.refused = read_count(in, "refused");
  state.last_error = in.string("last_error").value_or("");
  in.refuse_others();
  return reading_of(std::move(state), std::move(faults));
}

}  // namespace coremachine::schedule
