#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

namespace coremachine::support {

/// The registries of the crash tests: `sim` jobs, `stuck` and `patient` (a handler or a task that waits
/// until it is cancelled), `uneven` (cheap
/// tasks and a long one in the same slice) and `poison` (its task 7 kills the process).
struct CrashJobs {
  CrashJobs();
  JobRegistry jobs;
  TaskRegistry tasks;
};

/// A machine on the SQLite store at `path`, here and below; or on another, whose URL it is. `fault_point` sees every
/// action before and after it is carried out.
CoreMachine machine_on(CrashJobs& with, const std::string& path,
                       std::function<void(std::string_view)> fault_point = {});

using Say = std::function<void(const std::string&)>;

/// Submits jobs of all kinds, cancels, retries and follows, and says what it was told: `accepted ID`, `ended ID
/// STATUS`.
void busy_life(CoreMachine& machine, const Say& say);

/// Cancels the jobs of earlier lives that never end by themselves, also those accepted by a life that was killed before
/// it could say so: two of them would hold both threads for handlers, and nothing else would go on.
void cancel_endless(CoreMachine& machine);

/// Reads what a process that died had said, lets a new machine finish everything, and checks that nothing it was told
/// is taken back, nothing accepted is lost, every sum is right, the store is sound, and its artifacts go with its jobs.
/// Throws what is wrong.
void verify_after_crash(const std::string& path, const std::vector<std::string>& said);

}  // namespace coremachine::support
