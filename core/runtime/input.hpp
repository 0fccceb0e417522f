#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "core/machine/engine.hpp"
#include "core/model/event.hpp"

namespace coremachine::runtime {

/// Called with what a request has come to, on whichever thread drives the engine: it must not block.
using Then = std::function<void(machine::Answer&&)>;

/// What a wait is given up by. Of the driver alone, once the input that has it is posted.
struct Ticket {
  machine::RequestId request = 0;
  JobId job;
  bool existing = false;  ///< the submission had been made before
  bool poll = false;      ///< for tasks, and not for a job
};

using Listener = std::function<void(const JobEvent&)>;

// What reaches the engine from outside, in the order in which it came.

struct SubmitInput {
  Submission submission;  ///< without an id: the driver gives it
  machine::Engine::Until until = machine::Engine::Until::accepted;
  Then then;
  std::shared_ptr<Listener> listener = {};  ///< from the first event on
  std::shared_ptr<Ticket> ticket = {};      ///< if it can be given up
};
struct ControlInput {
  JobId job;
  machine::Control verb = machine::Control::cancel;
  Then then;
};
struct SignalInput {
  JobId job;
  Signal signal;
  Then then;
  ArtifactHolds artifacts = {};  ///< that the signal names
};
struct ExplainInput {
  JobId job;
  Then then;
};
struct LimitInput {
  std::string type;
  TypeLimit limit;
  Then then;
};
/// Written together; with none, `then` waits for the settings that came before.
struct SettingsInput {
  std::vector<Setting> settings;
  Then then;
};
/// Jobs that are over, and in the store, go.
struct RemoveInput {
  JobId job;
  Then then;
};
struct InspectInput {
  JobId job;
  Then then;
};
struct AwaitInput {
  JobId job;
  Then then;
  std::shared_ptr<Ticket> ticket = {};
};
/// Jobs of a machine that is gone, and what its workers have.
struct TakeUpInput {
  std::vector<Job> jobs;
  std::vector<std::pair<machine::SliceId, Lease>> leases;
  std::uint32_t deaths = 0;  ///< of machines that had them
};
/// A worker elsewhere waits for tasks.
struct PollInput {
  machine::Taker taker;
  std::uint32_t max_tasks = 1;
  Then then;
  std::shared_ptr<Ticket> ticket;
};
struct ReportInput {
  std::string worker;
  std::vector<machine::LeaseReport> reports;
  Then then;
};
struct RenewInput {
  machine::Taker taker;
  std::vector<machine::LeaseRenewed> leases;
  Then then;
};
struct LeaveInput {
  std::string worker;
  Then then;
};
struct HoldersInput {
  std::map<std::string, std::vector<machine::SliceId>> leases;  ///< by worker
};
struct GiveUpInput {
  std::shared_ptr<Ticket> ticket;
};
/// What waits and what runs now.
struct StatusInput {
  std::function<void(std::vector<QueueStatus>, std::vector<WorkerStatus>)> look;  ///< called before `then`
  Then then;
};
struct FollowInput {
  JobId job;
  std::weak_ptr<Listener> listener;
};
/// As FollowInput, and answered with the job as it was then.
struct CatchUpInput {
  JobId job;
  std::weak_ptr<Listener> listener;
  Then then;
};
struct TasksInput {
  JobId job;
  machine::LiveAsk ask;
  Then then;
};
struct CountsInput {
  std::vector<JobId> jobs;
  Then then;
};
struct BoundaryInput {
  JobId job;
  BoundaryDecided decided;
  std::chrono::nanoseconds took{};
};
/// It could not be carried out: it is to be run again, in a while if `later`.
struct BoundaryReturnedInput {
  JobId job;
  BoundaryNumber boundary = 0;
  bool later = false;
};
struct SliceInput {
  machine::SliceId slice = 0;
  Report report;
  bool last = true;
};
struct CommittedInput {
  CommitSequence sequence = 0;
  bool swept = false;
};
struct StoreFullInput {
  bool full = false;
};
struct StoreFailedInput {
  Error error;
  std::optional<std::pair<JobId, BoundaryNumber>> boundary = {};  ///< the call that found it out, and is no longer out
};
struct LoadedInput {
  machine::RequestId request = 0;
  struct Loaded {
    Job job;
    std::optional<Round> target;
  };
  std::shared_ptr<Loaded> loaded = {};  ///< by a pointer: all inputs are as large as the largest
  Error error = {};                     ///< when there is no job
};
/// Time has passed, or a batch was held long enough.
struct TickInput {
  bool by_timer = false;  ///< it rang, and is to be set anew
};
struct DrainInput {};
/// The drain limit is over: what still runs is told to end.
struct StopAllInput {};

using Input = std::variant<SubmitInput, ControlInput, SignalInput, ExplainInput, LimitInput, SettingsInput, RemoveInput,
                           InspectInput, AwaitInput, TakeUpInput, PollInput, ReportInput, RenewInput, LeaveInput,
                           HoldersInput, GiveUpInput, StatusInput, FollowInput, CatchUpInput, TasksInput, CountsInput,
                           BoundaryInput, BoundaryReturnedInput, SliceInput, CommittedInput, StoreFullInput,
                           StoreFailedInput, LoadedInput, TickInput, DrainInput, StopAllInput>;

}  // namespace coremachine::runtime
