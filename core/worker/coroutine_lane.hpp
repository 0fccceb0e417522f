#pragma once

#include <functional>
#include <memory>

#include <coremachine/registry/coroutine_handler.hpp>

#include "core/worker/handler_call.hpp"

namespace coremachine::worker {

/// Runs handlers that are coroutines, beside each other on one thread. Large values are fetched and stored on another,
/// so that nobody waits for them but who needs them. Any thread may call it.
class CoroutineLane {
 public:
  using Ended = std::function<void(const std::shared_ptr<Attempt>&, RemoteOutcome)>;
  /// `world` outlives it; `ended` is called on a thread of its own, once for each attempt that ends.
  CoroutineLane(const HandlerWorld& world, Ended ended);
  /// Stops.
  ~CoroutineLane();
  CoroutineLane(const CoroutineLane&) = delete;
  CoroutineLane& operator=(const CoroutineLane&) = delete;

  void start(std::shared_ptr<Attempt> attempt, std::shared_ptr<const CoroutineHandler> handler);
  /// What its coroutine waits for is broken off.
  void cancel(const std::shared_ptr<Attempt>& attempt);
  /// What still runs is destroyed where it waits.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coremachine::worker
