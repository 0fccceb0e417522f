#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <coremachine/telemetry/metrics.hpp>

namespace {

using namespace coremachine;

constexpr std::array steps{0.1, 1.0, 10.0};

Metric metric(std::string name, MetricKind kind, std::vector<MetricSample> samples, std::string help = "Help.") {
  return {std::move(name), std::move(help), kind, std::move(samples)};
}

}  // namespace

TEST_SUITE("telemetry: metrics") {
  TEST_CASE("the text that Prometheus reads") {
    Counter counter;
    counter.add();
    counter.add(41);
    Gauge gauge;
    gauge.set(-3);
    Histogram histogram(steps);
    histogram.observe(0.1);  // a bound belongs to its bucket
    histogram.observe(0.5, 3);
    histogram.observe(99);
    auto labelled = counter.sample();
    labelled.labels = {{"status", "completed"}, {"task_type", "a\\b\"c\nd"}};
    auto by_type = histogram.sample();
    by_type.labels = {{"task_type", "echo"}};
    const auto text = to_prometheus({
        metric("jobs_total", MetricKind::counter, {counter.sample()}, "How many\njobs \\ \"tasks\"."),
        metric("tasks_total", MetricKind::counter, {labelled}),
        metric("nothing", MetricKind::gauge, {}),
        metric("depth", MetricKind::gauge, {gauge.sample()}),
        metric("seconds", MetricKind::histogram, {by_type}),
    });
    CHECK(text ==
          "# HELP jobs_total How many\\njobs \\\\ \"tasks\".\n"
          "# TYPE jobs_total counter\n"
          "jobs_total 42\n"
          "# HELP tasks_total Help.\n"
          "# TYPE tasks_total counter\n"
          "tasks_total{status=\"completed\",task_type=\"a\\\\b\\\"c\\nd\"} 42\n"
          "# HELP depth Help.\n"
          "# TYPE depth gauge\n"
          "depth -3\n"
          "# HELP seconds Help.\n"
          "# TYPE seconds histogram\n"
          "seconds_bucket{task_type=\"echo\",le=\"0.1\"} 1\n"
          "seconds_bucket{task_type=\"echo\",le=\"1\"} 4\n"
          "seconds_bucket{task_type=\"echo\",le=\"10\"} 4\n"
          "seconds_bucket{task_type=\"echo\",le=\"+Inf\"} 5\n"
          "seconds_sum{task_type=\"echo\"} 100.6\n"
          "seconds_count{task_type=\"echo\"} 5\n");
  }

  TEST_CASE("numbers that are none, and large ones") {
    constexpr auto infinity = std::numeric_limits<double>::infinity();
    const auto text = to_prometheus({metric("a", MetricKind::gauge, {{.value = infinity}}),
                                     metric("b", MetricKind::gauge, {{.value = -infinity}}),
                                     metric("c", MetricKind::gauge, {{.value = std::nan("")}}),
                                     metric("d", MetricKind::gauge, {{.value = 9007199254740992.0}})});
    for (const auto* line : {"\na +Inf\n", "\nb -Inf\n", "\nc NaN\n", "\nd 9007199254740992\n"})
      CHECK(text.find(line) != std::string::npos);
  }

  TEST_CASE("a histogram counts each value once, in the first bucket that it fits; a weight counts as that many") {
    std::mt19937 dice(5);
    for (int round = 0; round < 100; ++round) {
      Histogram one_by_one(duration_bounds);
      Histogram weighted(duration_bounds);
      std::vector<std::uint64_t> expected(duration_bounds.size() + 1);
      double sum = 0;
      std::uint64_t count = 0;
      for (int i = 0; i < 50; ++i) {
        const double value = std::exp(std::uniform_real_distribution<double>(-12, 9)(dice));
        const auto weight = dice() % 4;
        std::size_t bucket = 0;
        while (bucket < duration_bounds.size() && value > duration_bounds[bucket]) ++bucket;
        expected[bucket] += weight;
        sum += value * static_cast<double>(weight);
        count += weight;
        weighted.observe(value, weight);
        for (std::uint64_t j = 0; j < weight; ++j) one_by_one.observe(value);
      }
      const auto sample = weighted.sample();
      CHECK(sample.counts == expected);
      CHECK(one_by_one.sample().counts == expected);
      CHECK(sample.sum == doctest::Approx(sum));
      CHECK(one_by_one.sample().sum == doctest::Approx(sum));
      std::uint64_t total = 0;
      for (const auto each : sample.counts) total += each;
      CHECK(total == count);
    }
  }

  TEST_CASE("bounds ascend") {
    for (const auto& bounds : {latency_bounds, duration_bounds}) {
      REQUIRE(bounds.size() > 1);
      for (std::size_t i = 1; i < bounds.size(); ++i) CHECK(bounds[i - 1] < bounds[i]);
    }
  }

  TEST_CASE("nothing is lost when many threads count") {
    Counter counter;
    Gauge gauge;
    Histogram histogram(steps);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) {
          counter.add();
          gauge.add(i % 2 == 0 ? 2 : -1);
          histogram.observe(0.5);
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(counter.value() == 40'000);
    CHECK(gauge.value() == 20'000);
    CHECK(histogram.sample().counts[1] == 40'000);
    CHECK(histogram.sample().sum == 20'000.0);
  }

  TEST_CASE("labels do not grow beyond their bound: the rest is counted together") {
    Labelled<Counter> family({"method", "status"}, 3);
    for (int i = 0; i < 100; ++i) family.at({"GET", std::to_string(200 + i)}).add();
    family.at({"GET", "200"}).add(10);
    std::map<MetricLabels, double> series;
    for (const auto& sample : family.samples()) series[sample.labels] = sample.value;
    CHECK(series.size() == 4);
    CHECK(series.at({{"method", "GET"}, {"status", "200"}}) == 11);
    CHECK(series.at({{"method", "other"}, {"status", "other"}}) == 97);
    Labelled<Histogram> times({"route"}, 2);
    times.at({"/jobs"}, latency_bounds).observe(0.2);
    times.at({"/jobs"}, latency_bounds).observe(0.2);
    REQUIRE(times.samples().size() == 1);
    CHECK(times.samples()[0].sum == doctest::Approx(0.4));
  }

  TEST_CASE("the process has used time and memory, and has files open") {
    std::map<std::string, double> values;
    for (const auto& each : process_metrics()) {
      REQUIRE(each.samples.size() == 1);
      values[each.name] = each.samples[0].value;
    }
    for (const auto* name :
         {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
          "process_open_fds", "process_max_fds", "process_threads"}) {
      CAPTURE(name);
      REQUIRE(values.contains(name));
    }
    CHECK(values["process_resident_memory_bytes"] > 1e6);
    CHECK(values["process_virtual_memory_bytes"] >= values["process_resident_memory_bytes"]);
    CHECK(values["process_open_fds"] >= 3);
    CHECK(values["process_open_fds"] <= values["process_max_fds"]);
    const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    CHECK(values["process_start_time_seconds"] > 1e9);
    CHECK(values["process_start_time_seconds"] <= now + 60);
  }
}
