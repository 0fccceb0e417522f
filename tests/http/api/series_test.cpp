#include <cmath>
#include <string>

#include <doctest/doctest.h>

#include <boost/json/array.hpp>

#include "triggers/http/api/series.hpp"

using namespace coremachine;
using namespace coremachine::http;

namespace {

Timestamp at(std::int64_t seconds) {
  return Timestamp{Milliseconds{seconds * 1000}};
}

MetricSample histogram(std::vector<std::uint64_t> counts) {
  return {.bounds = {0.001, 0.01, 0.1}, .counts = std::move(counts)};
}

MetricSample labelled(std::string status, double value) {
  return {.labels = {{"task_type", "echo"}, {"status", std::move(status)}}, .value = value};
}

const json::array& line(const json::object& series, std::string_view name) {
  return series.at(name).as_array();
}

}  // namespace

TEST_SUITE("http: series") {
  TEST_CASE("a quantile lies in the bucket where so many observations are reached") {
    Spread spread;
    CHECK(!spread.quantile(0.5));
    spread.add(histogram({10, 0, 10, 0}));
    CHECK(*spread.quantile(0.5) == doctest::Approx(0.001));
    CHECK(*spread.quantile(0.25) == doctest::Approx(0.0005));
    CHECK(*spread.quantile(1) == doctest::Approx(0.1));
    double before = 0;
    for (int i = 1; i <= 100; ++i) {
      const auto value = *spread.quantile(i / 100.0);
      CHECK(value >= before);
      before = value;
    }
    spread.add(histogram({0, 0, 0, 1000}));  // above the last bound: nobody knows by how much
    CHECK(*spread.quantile(0.95) == 0.1);
    const auto since = spread.since(spread);
    CHECK(!since.quantile(0.5));
  }

  TEST_CASE("metrics are summed up over their labels") {
    const auto reading = reading_of({
        {.name = "coremachine_tasks_ended_total",
         .help = "",
         .samples = {labelled("completed", 5), labelled("failed", 2), labelled("completed", 1)}},
        {.name = "coremachine_tasks_queued", .help = "", .samples = {labelled("", 3), labelled("", 4)}},
        {.name = "coremachine_commit_duration_seconds",
         .help = "",
         .samples = {histogram({1, 2, 3, 4}), histogram({1, 0, 0, 0})}},
        {.name = "coremachine_store_full", .help = "", .samples = {{.value = 1}}},
        {.name = "something_else", .help = "", .samples = {{.value = 99}}},
    });
    CHECK(reading.tasks_completed == 6);
    CHECK(reading.tasks_ended == 8);
    CHECK(reading.tasks_queued == 7);
    CHECK(reading.commit.counts == std::vector<std::uint64_t>{2, 2, 3, 4});
    CHECK(reading.store_full);
    CHECK(!reading.store_failed);
  }

  TEST_CASE("counters become rates, gauges stay what they are, quiet times have no latency") {
    Series series;
    Reading reading;
    series.add(at(0), reading);
    CHECK(series.to_json().at("points") == 0);
    reading.tasks_completed = 100;
    reading.tasks_running = 2;
    reading.commit.add(histogram({0, 8, 0, 0}));
    series.add(at(10), reading);
    series.add(at(20), reading);
    reading.tasks_completed = 0;  // a counter never goes down, unless it is another one
    series.add(at(30), reading);
    series.add(at(30), reading);  // the clock stood still
    const auto out = series.to_json();
    CHECK(out.at("interval") == 10);
    CHECK(out.at("points") == 3);
    CHECK(line(out, "tasks_completed") == json::array{10, 0, 0});
    CHECK(line(out, "tasks_running") == json::array{2, 2, 2});
    CHECK(line(out, "commit_p50")[0].to_number<double>() == doctest::Approx(5.5));
    CHECK(line(out, "commit_p50")[1].is_null());
    CHECK(series.last() == at(30));
  }

  TEST_CASE("it keeps an hour") {
    Series series;
    Reading reading;
    for (std::int64_t i = 0; i <= 1000; ++i) {
      reading.tasks_queued = static_cast<double>(i);
      series.add(at(i * 10), reading);
    }
    const auto out = series.to_json();
    CHECK(out.at("points") == 360);
    for (const auto& member : out) {
      if (member.value().is_array()) CHECK(member.value().as_array().size() == 360);
    }
    CHECK(line(out, "tasks_queued").front() == 641);
    CHECK(line(out, "tasks_queued").back() == 1000);
  }
}
