#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/telemetry/metrics.hpp>

namespace coremachine {

/// How a queue does, for those who look on.
struct QueueHealth {
  std::string url;          ///< without a password
  bool is_up = false;       ///< it can be reached, and takes entries
  std::string fault = {};   ///< why not
  std::size_t workers = 0;  ///< that have it
  std::size_t waiting = 0;  ///< tasks in it that no worker has taken
  std::size_t running = 0;  ///< tasks that workers have taken
};

/// Passes tasks of a machine on to workers by a queue, and what they report back to the machine, as long as it lives.
/// Every function may be called from any thread.
class COREMACHINE_API QueuePump {
 public:
  QueuePump() = default;
  /// Stops.
  virtual ~QueuePump();
  QueuePump(const QueuePump&) = delete;
  QueuePump& operator=(const QueuePump&) = delete;

  virtual QueueHealth health() const = 0;
  virtual std::vector<Metric> metrics() const = 0;
  /// Takes nothing more from the machine, and lets go of it. What lies in the queue stays there: the next one goes on
  /// with it.
  virtual void stop() = 0;
};

}  // namespace coremachine
