#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <coremachine/model/time.hpp>
#include <coremachine/registry/coroutine_handler.hpp>

#include "core/runtime/running_record.hpp"
#include "core/runtime/slice_runner.hpp"

namespace coremachine::runtime {

/// The thread of timers and coroutines: asleep unless a time has come or I/O of a handler is ready.
class IoThread {
 public:
  struct Hooks {
    std::function<void(Input)> post;
    std::function<Timestamp()> clock;
    std::string worker;
    const SliceRunner* slices = nullptr;
    RunningRecord* record = nullptr;
  };
  explicit IoThread(Hooks hooks);
  ~IoThread();

  /// Posts a TickInput at this time; an earlier one that is set already stays.
  void arm(Timestamp at);
  /// Calls the coroutine handler for each task of the slice; all of them are in flight at once.
  void run(std::shared_ptr<SliceState> slice, std::shared_ptr<const CoroutineHandler> handler);
  /// What runs of the slice is cancelled.
  void cancel(machine::SliceId slice);
  /// Coroutine tasks in flight.
  std::size_t in_flight() const;
  void execute(std::function<void()> function);
  void execute_after(Milliseconds pause, std::function<void()> function);
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coremachine::runtime
