#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include <coremachine/runtime/core_machine.hpp>

#include "triggers/http/api/call.hpp"
#include "triggers/http/api/series.hpp"
#include "triggers/http/api/timers.hpp"
#include "triggers/http/api/waiting_room.hpp"

namespace coremachine::http {

class Api;

/// The whole at a glance: how many jobs there are in each status, what waits and runs, and the last hour. What is asked
/// for is worked out at most once a second, however many ask, and those who watch are all told the same text: open
/// dashboards cost the machine what one of them does. Any thread may call it.
class Overview : public std::enable_shared_from_this<Overview> {
 public:
  explicit Overview(Api& api);

  /// Takes a sample now, and every few seconds from now on.
  void begin();
  /// Blocks. With the series of the last hour or without.
  Result<json::object> now(bool with_series);
  /// Answers the call with a stream of events, each of them all of `now`: one at once, then one a second at most, when
  /// something has changed. Blocks.
  void watch(const std::shared_ptr<Call>& call);

 private:
  using Clock = std::chrono::steady_clock;
  /// A stream that is open. What is told next replaces what it has missed.
  struct Watcher {
    std::shared_ptr<Call> call;
    std::shared_ptr<WaitingRoom::Seat> seat;
    std::shared_ptr<Outflow> flow;
    std::uint64_t told = 0;  ///< number of the last text
    bool writing = false;    ///< the client has not taken it yet
    bool closed = false;     ///< the server ends all streams
    unsigned quiet_for = 0;  ///< ticks
  };

  void sample();
  void look();
  void tell(const std::string& text);
  void close(const std::weak_ptr<Watcher>& watcher);
  void drop(const std::weak_ptr<Watcher>& watcher);
  void arm(Milliseconds delay, void (Overview::*work)());
  /// Newest, or as old as they may be.
  Result<JobCounts> counts();
  Reading reading();

  Api& api_;
  const Timestamp started_at_;

  std::mutex count_mutex_;
  JobCounts counts_ = {};
  Clock::time_point counts_until_ = {};

  std::mutex mutex_;
  Reading reading_ = {};
  Clock::time_point reading_until_ = {};
  Series series_ = {};
  std::list<std::shared_ptr<Watcher>> watchers_ = {};
  bool looking_ = false;  ///< a look at what has changed is due
  std::string text_ = {};
  std::uint64_t number_ = 0;
};

}  // namespace coremachine::http
