#pragma once

#include <cstdint>
#include <string>

#include <coremachine/runtime/core_machine.hpp>

namespace coremachine::support {

/// The job type `large`, for machines whose large values begin at 1 KiB. Its params are `count` and a long `filler`,
/// and so are those of its tasks. Each returns `i` and a filler, appends a line to the output `rows`, and some make
/// artifacts of their own or fail once. Its result is the sum of all i, and references to the lines and to what the
/// tasks made.
void register_large_jobs(JobRegistry& jobs, TaskRegistry& tasks);

/// Params for so many tasks; the seed makes the fillers of this job different from those of any other.
json::object large_params(std::uint64_t count, const std::string& seed);

/// What is wrong with the result of such a job; empty: nothing.
std::string fault_of_large_result(const CoreMachine& machine, const JobView& job);

}  // namespace coremachine::support
