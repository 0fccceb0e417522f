#include <coremachine/runtime/core_machine.hpp>
#include "core/model/json_text.hpp"
#include "core/runtime/shell.hpp"
namespace coremachine {
namespace { Error later() { return Error{ErrorCode::wrong_state, "pending"}; } }
Result<JobPage> CoreMachine::jobs(const JobQuery&) const { return later(); }
Result<TaskPage> CoreMachine::tasks(JobId, const TaskQuery&) const { return later(); }
Result<HeatMap> CoreMachine::heat_map(JobId, std::optional<int>, std::size_t) const { return later(); }
Result<std::vector<JobEvent>> CoreMachine::events(JobId, std::uint64_t) const { return later(); }
Result<Subscription> CoreMachine::follow(JobId, std::uint64_t, std::function<void(const JobEvent&)>) const { return later(); }
Result<BulkResult> CoreMachine::cancel_all(const BulkFilter&, bool) { return later(); }
Result<BulkResult> CoreMachine::retry_all(const BulkFilter&, bool) { return later(); }
Result<BulkResult> CoreMachine::remove_all(const BulkFilter&, bool) { return later(); }
json::object to_json(const JobPage&, const JobQuery&) { return {}; }
json::object to_json(const TaskView&) { return {}; }
json::object to_json(const TaskPage&) { return {}; }
json::object to_json(const HeatCell&) { return {}; }
json::object to_json(const HeatMap&) { return {}; }
json::object to_json(const BulkResult&) { return {}; }
}
