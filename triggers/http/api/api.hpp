#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coremachine/queue/queue_pump.hpp>
#include <coremachine/runtime/core_machine.hpp>
#include <coremachine/telemetry/metrics.hpp>

#include "triggers/http/api/call.hpp"
#include "triggers/http/api/overview.hpp"
#include "triggers/http/api/peers.hpp"
#include "triggers/http/api/readers.hpp"
#include "triggers/http/api/shared_answers.hpp"
#include "triggers/http/api/timers.hpp"
#include "triggers/http/api/waiting_room.hpp"

namespace coremachine::http {

class WorkerRouting;

struct ApiOptions {
  CoreMachine* machine = nullptr;  ///< this and the registries outlive the Api
  const JobRegistry* jobs = nullptr;
  const TaskRegistry* tasks = nullptr;
  std::string version = {};
  unsigned readers = 4;               ///< threads for what blocks
  std::size_t most_reading = 1024;    ///< requests that wait for one of them; more are refused with 429
  std::size_t most_waiting = 16'384;  ///< requests with `?wait=`, likewise
  std::size_t most_streams = 16'384;  ///< event streams, likewise
  Milliseconds heartbeat{15'000};     ///< of event streams
  /// Whether a request may do what needs this role, or nothing but a known site; empty: everybody may do everything.
  std::function<std::optional<Refusal>(const Request& head, std::optional<Role> needed)> access = {};
  PeerLink* peers = nullptr;     ///< other servers that work on the same store; outlives the Api
  std::string server_name = {};  ///< among those; empty: there are no others
  /// Told of what people should know, and no request is answered with; may be null.
  std::function<void(const std::string& message)> warn = {};
  std::function<QueueHealth()> queue = {};  ///< of the queue between the machine and workers; empty: there is none
  /// What is shown beside the metrics of the API itself.
  std::function<std::vector<Metric>()> metrics = {};
};

/// How many calls are not over.
class CallCount : public std::enable_shared_from_this<CallCount> {
 public:
  /// Counts as a call until it goes.
  std::shared_ptr<const void> enter();
  bool wait_for_none(Milliseconds at_most);

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

/// Answers requests: finds the route, reads what the request says, and calls the handler. Any thread may call it;
/// nothing of it blocks the caller. A handler that throws is answered with 500.
class Api {
 public:
  explicit Api(ApiOptions options);
  /// Waits for what runs on the reading threads. No request may come any more.
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  /// What can be said of a request before its body is read.
  std::optional<Refusal> admit(const Request& head) const;
  /// How long the body of a request may be that was admitted; `otherwise`, unless its route needs more.
  static std::uint64_t body_limit(const Request& head, std::uint64_t otherwise);
  /// Who takes the body of such a request as it comes; null: nobody.
  std::shared_ptr<BodyTaker> receive(const Request& head);
  void handle(Request request, std::unique_ptr<Outlet> outlet);
  /// How a refusal is told; `request` may be null.
  static Response refusal(const Request* request, const Refusal& refusal);

  /// From now on everything but liveness, readiness and metrics is answered with 503, and those who wait are answered
  /// with what there is. Returns when all calls are answered, or after so long, and a second more if other servers are
  /// still to be told; from then on the machine is not used any more but to tell them, and may be stopped.
  void drain(Milliseconds at_most);
  bool draining() const { return draining_; }
  /// The machine must not be used any more.
  bool closed() const { return closed_; }
  /// Null without peers.
  PeerDesk* peer_desk() { return peers_.get(); }

  // ---- for handlers ----
  CoreMachine& machine() { return *options_.machine; }
  const JobRegistry& jobs() const { return *options_.jobs; }
  const TaskRegistry& tasks() const { return *options_.tasks; }
  const ApiOptions& options() const { return options_; }
  Timers& timers() { return timers_; }
  WaitingRoom& waiting() { return waiting_; }
  WaitingRoom& streams() { return streams_; }
  Overview& overview() { return *overview_; }
  SharedAnswers& shared() { return shared_; }

  /// What stands for `{id}`, as the id of a job. Nothing: it is none, and the call will be refused with 404.
  std::optional<JobId> job_id(const std::shared_ptr<Call>& call);
  /// Refuses; of an unknown job, with the nearest ids that there are. May block.
  void refuse(Call& call, Error error);

  /// Calls `work(machine)` on a thread that may block, and `then` with what it returns; where that cannot be, or it
  /// fails, the call is refused.
  template <class Work, class Then>
  void ask(const std::shared_ptr<Call>& call, Work work, Then then, Effort effort = Effort::any) {
    auto ask_and_tell = [this, call, work = std::move(work), then = std::move(then)] {
      auto result = work(machine());
      if (result.has_error()) return refuse(*call, result.error());
      if constexpr (std::is_void_v<typename decltype(result)::value_type>) {
        then();
      } else {
        then(*std::move(result));
      }
    };
    on_reader(call, std::move(ask_and_tell), effort);
  }
  /// Calls `work` on a thread that may block. What it throws is the answer to the call.
  void on_reader(const std::shared_ptr<Call>& call, std::function<void()> work, Effort effort = Effort::any);
  /// The same, but where no such thread is free for it, it is called here: for brief work that may not be refused.
  void on_reader_or_here(const std::shared_ptr<Call>& call, std::function<void()> work);
  /// Calls `work`, which is quick, on the thread that writes the answer if it has one, else as `on_reader_or_here`.
  void near_outlet(const std::shared_ptr<Call>& call, std::function<void()> work);
  /// Calls `work` on such a thread; what it throws is lost. False, or never: no thread is free, or the machine must not
  /// be used any more.
  bool run_on_reader(std::function<void()> work);
  /// The same, but whether or not the machine may be used: `work` has to ask. False, and not called: none is free.
  bool run_on_reader_even_closed(std::function<void()> work);

 private:
  void look_around();
  void answer_or_pass_on(Request request, std::unique_ptr<Outlet> outlet);
  void answer(Request request, std::unique_ptr<Outlet> outlet);
  std::optional<Refusal> foresee(const Request& head, const Route& route, const Target& target,
                                 const std::vector<std::string>& values) const;

  const ApiOptions options_;
  std::atomic<bool> draining_{false};
  std::atomic<bool> closed_{false};
  const std::shared_ptr<CallCount> calls_;
  Readers readers_;  // before the timers, whose functions give it work
  Timers timers_;
  WaitingRoom waiting_;
  WaitingRoom streams_;
  std::unique_ptr<PeerDesk> peers_;
  std::shared_ptr<WorkerRouting> worker_routing_;
  SharedAnswers shared_;
  const std::shared_ptr<Overview> overview_;
};

}  // namespace coremachine::http
