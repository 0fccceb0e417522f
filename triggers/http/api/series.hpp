#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include <coremachine/model/time.hpp>
#include <coremachine/telemetry/metrics.hpp>

namespace coremachine::http {

namespace json = boost::json;

/// A histogram over all labels.
struct Spread {
  std::vector<double> bounds = {};
  std::vector<std::uint64_t> counts = {};

  void add(const MetricSample& sample);
  /// What was observed since `before`.
  Spread since(const Spread& before) const;
  /// The value that so great a part of the observations do not exceed, to the width of a bucket; nothing: there are
  /// none.
  std::optional<double> quantile(double part) const;
};

/// What of the metrics is drawn, summed up over all labels.
struct Reading {
  double tasks_completed = 0;
  double tasks_ended = 0;
  double attempts_failed = 0;
  double jobs_accepted = 0;
  double jobs_ended = 0;
  double jobs_unfinished = 0;
  double tasks_queued = 0;
  double tasks_running = 0;
  double store_bytes = 0;
  bool store_full = false;
  bool store_failed = false;
  Spread schedule_to_start = {};
  Spread commit = {};
};
Reading reading_of(const std::vector<Metric>& metrics);

/// The last hour, one point every few seconds. One thread at a time.
class Series {
 public:
  static constexpr std::chrono::seconds interval{10};
  static constexpr std::size_t most_points = 360;

  /// The first reading is only what the second one is compared with.
  void add(Timestamp time, const Reading& reading);
  std::optional<Timestamp> last() const { return last_; }
  /// Arrays of one length, oldest point first: numbers a second, counts, milliseconds (null where there was nothing).
  json::object to_json() const;

 private:
  using Point = std::array<std::optional<double>, 10>;

  std::optional<Reading> before_ = {};
  std::optional<Timestamp> last_ = {};
  std::deque<Point> points_ = {};
};

}  // namespace coremachine::http
