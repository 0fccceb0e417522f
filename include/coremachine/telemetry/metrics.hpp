#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coremachine/export.hpp>

namespace coremachine {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

/// One time series as it is now.
struct MetricSample {
  MetricLabels labels = {};
  double value = 0;                        ///< of a counter or a gauge
  std::vector<double> bounds = {};         ///< of a histogram: upper bounds of its buckets, ascending
  std::vector<std::uint64_t> counts = {};  ///< of each bucket by itself, and of what is above the last bound
  double sum = 0;                          ///< of all that was observed
};

/// All series of one name. Names follow the conventions of Prometheus: base units, `_total` for counters.
struct Metric {
  std::string name;
  std::string help;
  MetricKind kind = MetricKind::gauge;
  std::vector<MetricSample> samples = {};
};

/// The text format of Prometheus, version 0.0.4. A metric without samples is left out.
COREMACHINE_API std::string to_prometheus(const std::vector<Metric>& metrics);
inline constexpr std::string_view prometheus_content_type = "text/plain; version=0.0.4; charset=utf-8";

// What counts. Every function may be called from any thread; none takes a lock.

class Counter {
 public:
  void add(std::uint64_t count = 1) { value_.fetch_add(count, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  MetricSample sample() const { return {.value = static_cast<double>(value())}; }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t change) { value_.fetch_add(change, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }
  MetricSample sample() const { return {.value = static_cast<double>(value())}; }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// The bounds have to outlive it: they are usually a constexpr array.
class COREMACHINE_API Histogram {
 public:
  explicit Histogram(std::span<const double> bounds);
  /// `weight` observations of this value.
  void observe(double value, std::uint64_t weight = 1);
  MetricSample sample() const;

 private:
  std::span<const double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

/// Bounds for what takes from a tenth of a millisecond to a few seconds: requests, commits, functions of job handlers.
COREMACHINE_API extern const std::span<const double> latency_bounds;
/// Bounds for what takes from a tenth of a millisecond to half an hour: tasks, and how long they wait.
COREMACHINE_API extern const std::span<const double> duration_bounds;

/// One instrument for each combination of label values that was met, at most `most` of them: whatever else comes is
/// counted under the value `other`. Looking one up takes a lock; what is used often is looked up once and kept.
template <class Instrument>
class Labelled {
 public:
  explicit Labelled(std::vector<std::string> names, std::size_t most = 1000) : names_(std::move(names)), most_(most) {}

  /// Stays where it is as long as this lives. `make` gives the arguments of a new instrument, if it takes any.
  template <class... Arguments>
  Instrument& at(const std::vector<std::string>& values, const Arguments&... make) {
    const std::lock_guard lock(mutex_);
    auto found = instruments_.find(values);
    if (found == instruments_.end()) {
      const bool full = instruments_.size() >= most_;
      const auto& key = full ? std::vector<std::string>(names_.size(), "other") : values;
      found = instruments_.try_emplace(key, nullptr).first;
      if (!found->second) found->second = std::make_unique<Instrument>(make...);
    }
    return *found->second;
  }

  std::vector<MetricSample> samples() const {
    const std::lock_guard lock(mutex_);
    std::vector<MetricSample> samples;
    samples.reserve(instruments_.size());
    for (const auto& [values, instrument] : instruments_) {
      auto sample = instrument->sample();
      for (std::size_t i = 0; i < names_.size(); ++i) sample.labels.emplace_back(names_[i], values.at(i));
      samples.push_back(std::move(sample));
    }
    return samples;
  }

 private:
  const std::vector<std::string> names_;
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Instrument>> instruments_;
};

/// `process_…`: CPU time, memory, open files, when it started; as every Prometheus client names them.
COREMACHINE_API std::vector<Metric> process_metrics();

}  // namespace coremachine
