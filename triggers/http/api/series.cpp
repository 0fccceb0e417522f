#include "triggers/http/api/series.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include <boost/json/array.hpp>

namespace coremachine::http {
namespace {

constexpr std::array<std::string_view, 10> names{
    "tasks_completed", "attempts_failed",       "jobs_accepted",         "jobs_ended", "tasks_queued",
    "tasks_running",   "schedule_to_start_p50", "schedule_to_start_p95", "commit_p50", "commit_p95"};

bool has_label(const MetricSample& sample, std::string_view name, std::string_view value) {
  return std::any_of(sample.labels.begin(), sample.labels.end(),
                     [&](const auto& label) { return label.first == name && label.second == value; });
}

/// What is read of one metric.
using Reader = void (*)(Reading& reading, const MetricSample& sample);

const std::map<std::string_view, Reader>& readers() {
  static const std::map<std::string_view, Reader> all{
      {"coremachine_tasks_ended_total",
       [](Reading& reading, const MetricSample& sample) {
         reading.tasks_ended += sample.value;
         if (has_label(sample, "status", "completed")) reading.tasks_completed += sample.value;
       }},
      {"coremachine_task_attempts_failed_total",
       [](Reading& reading, const MetricSample& sample) { reading.attempts_failed += sample.value; }},
      {"coremachine_jobs_accepted_total",
       [](Reading& reading, const MetricSample& sample) { reading.jobs_accepted += sample.value; }},
      {"coremachine_jobs_ended_total",
       [](Reading& reading, const MetricSample& sample) { reading.jobs_ended += sample.value; }},
      {"coremachine_jobs_unfinished",
       [](Reading& reading, const MetricSample& sample) { reading.jobs_unfinished += sample.value; }},
      {"coremachine_tasks_queued",
       [](Reading& reading, const MetricSample& sample) { reading.tasks_queued += sample.value; }},
      {"coremachine_tasks_running",
       [](Reading& reading, const MetricSample& sample) { reading.tasks_running += sample.value; }},
      {"coremachine_store_bytes",
       [](Reading& reading, const MetricSample& sample) { reading.store_bytes += sample.value; }},
      {"coremachine_store_full",
       [](Reading& reading, const MetricSample& sample) { reading.store_full = sample.value > 0; }},
      {"coremachine_store_failed",
       [](Reading& reading, const MetricSample& sample) { reading.store_failed = sample.value > 0; }},
      {"coremachine_schedule_to_start_seconds",
       [](Reading& reading, const MetricSample& sample) { reading.schedule_to_start.add(sample); }},
      {"coremachine_commit_duration_seconds",
       [](Reading& reading, const MetricSample& sample) { reading.commit.add(sample); }},
  };
  return all;
}

std::optional<double> in_milliseconds(std::optional<double> seconds) {
  return seconds ? std::optional(*seconds * 1000) : std::nullopt;
}

/// Three places are enough to draw, and short.
json::value rounded(std::optional<double> value) {
  if (!value) return nullptr;
  const auto scaled = std::round(*value * 1000) / 1000;
  if (scaled == std::floor(scaled) && std::abs(scaled) < 1e15) return static_cast<std::int64_t>(scaled);
  return scaled;
}

}  // namespace

void Spread::add(const MetricSample& sample) {
  if (bounds.empty()) bounds = sample.bounds;
  if (sample.bounds != bounds) return;  // another kind of histogram cannot be added to this one
  counts.resize(sample.counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += sample.counts[i];
}

Spread Spread::since(const Spread& before) const {
  auto difference = *this;
  for (std::size_t i = 0; i < std::min(counts.size(), before.counts.size()); ++i) {
    difference.counts[i] -= std::min(counts[i], before.counts[i]);
  }
  return difference;
}

std::optional<double> Spread::quantile(double part) const {
  const auto total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  if (total == 0) return std::nullopt;
  const auto wanted = part * static_cast<double>(total);
  double below = 0;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= wanted) {
      const auto low = i == 0 ? 0 : bounds[i - 1];
      return low + (bounds[i] - low) * (wanted - below) / here;
    }
    below += here;
  }
  return bounds.empty() ? std::nullopt : std::optional(bounds.back());
}

Reading reading_of(const std::vector<Metric>& metrics) {
  Reading reading;
  for (const auto& metric : metrics) {
    const auto at = readers().find(metric.name);
    if (at == readers().end()) continue;
    for (const auto& sample : metric.samples) at->second(reading, sample);
  }
  return reading;
}

void Series::add(Timestamp time, const Reading& reading) {
  const auto before = std::exchange(before_, reading);
  const auto last = std::exchange(last_, time);
  if (!before || !last || time <= *last) return;
  const auto seconds = std::chrono::duration<double>(time - *last).count();
  const auto rate = [&](double Reading::*count) { return std::max(0.0, reading.*count - (*before).*count) / seconds; };
  const auto waited = reading.schedule_to_start.since(before->schedule_to_start);
  const auto committed = reading.commit.since(before->commit);
  points_.push_back({rate(&Reading::tasks_completed), rate(&Reading::attempts_failed), rate(&Reading::jobs_accepted),
                     rate(&Reading::jobs_ended), reading.tasks_queued, reading.tasks_running,
                     in_milliseconds(waited.quantile(0.5)), in_milliseconds(waited.quantile(0.95)),
                     in_milliseconds(committed.quantile(0.5)), in_milliseconds(committed.quantile(0.95))});
  if (points_.size() > most_points) points_.pop_front();
}

json::object Series::to_json() const {
  json::object out{{"interval", interval.count()}, {"points", points_.size()}};
  for (std::size_t i = 0; i < names.size(); ++i) {
    json::array values;
    values.reserve(points_.size());
    for (const auto& point : points_) values.push_back(rounded(point[i]));
    out[names[i]] = std::move(values);
  }
  return out;
}

}  // namespace coremachine::http
