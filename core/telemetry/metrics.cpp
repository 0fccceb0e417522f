#include <coremachine/telemetry/metrics.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace coremachine {
namespace {

constexpr std::array latency_steps{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                   0.05,   0.1,     0.25,   0.5,   1.0,    2.5,   5.0,  10.0};
constexpr std::array duration_steps{0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1,   0.25,
                                    0.5,    1.0,    2.5,   5.0,   10.0, 30.0,  60.0, 300.0, 1800.0};

}  // namespace

const std::span<const double> latency_bounds = latency_steps;
const std::span<const double> duration_bounds = duration_steps;

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {}

void Histogram::observe(double value, std::uint64_t weight) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(weight, std::memory_order_relaxed);
  sum_.fetch_add(value * static_cast<double>(weight), std::memory_order_relaxed);
}

MetricSample Histogram::sample() const {
  MetricSample sample;
  sample.bounds.assign(bounds_.begin(), bounds_.end());
  sample.counts.reserve(bounds_.size() + 1);
  for (std::size_t i = 0; i <= bounds_.size(); ++i) sample.counts.push_back(counts_[i].load(std::memory_order_relaxed));
  sample.sum = sum_.load(std::memory_order_relaxed);
  return sample;
}

}  // namespace coremachine
