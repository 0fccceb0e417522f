#pragma once

#include <memory>
#include <mutex>
#include <string>

#include <coremachine/runtime/core_machine.hpp>

#include "triggers/http/api/api.hpp"

namespace coremachine::http {

/// The events of a job as server-sent events. It keeps itself alive until the last event is written, the client has
/// gone, or the server ends all streams. Any thread may tell it of events.
class EventStream : public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(Api& api, std::shared_ptr<Call> call) : api_(api), call_(std::move(call)) {}

  /// Answers the call with what happened after the event `after`, and what happens from now on. Blocks.
  void begin(JobId job, std::uint64_t after);

 private:
  /// What is let go of when the stream is over, outside of the lock: it may hold this stream.
  struct Parts {
    std::shared_ptr<Outflow> flow;
    std::shared_ptr<WaitingRoom::Seat> seat;
    Subscription subscription;
  };

  void take(const JobEvent& event);
  void open(Parts parts);
  void beat();
  void close();
  void drained();
  [[nodiscard]] Parts write_more();
  [[nodiscard]] Parts let_go();

  Api& api_;
  const std::shared_ptr<Call> call_;
  std::mutex mutex_;
  Parts parts_;
  std::string pending_;     ///< not written yet
  bool writing_ = false;    ///< the client has not taken all that was written
  bool last_seen_ = false;  ///< nothing comes after what is pending
  bool closed_ = false;
};

}  // namespace coremachine::http
