#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include <coremachine/runtime/core_machine.hpp>

#include "triggers/http/api/api.hpp"

namespace coremachine::http {

/// A call that waits for something of the machine, from before it is known what it waits for.
class PendingWait {
 public:
  /// Takes a seat in the waiting room, which is left when the call is answered or its client gone. Null: the call was
  /// refused, as too many wait.
  static std::shared_ptr<PendingWait> enter(Api& api, const std::shared_ptr<Call>& call, Milliseconds at_most);

  /// If it was given up before, it is at once.
  void begin(Waiting waiting);
  /// The machine answers with what there is.
  void give_up();
  /// It is answered, or need not be.
  void leave();
  /// Nobody is there any more who could take an answer.
  bool client_is_gone() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Waiting> waiting_;
  bool given_up_ = false;
  bool gone_ = false;
  std::shared_ptr<WaitingRoom::Seat> seat_;
};

}  // namespace coremachine::http
