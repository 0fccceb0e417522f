#pragma once

#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "triggers/cli/client/api.hpp"
#include "triggers/cli/config/command_settings.hpp"

namespace coremachine::cli {

/// What the shell is told of a job as the server shows it.
ExitCode exit_code_of_job(const boost::json::object& job);

/// Watches a job until it is over, with a bar for each stage on a terminal and a line for each stage elsewhere, and
/// then prints what came of it: as a table the result alone, as JSON the job. With `lines` and `-o jsonl` every event
/// is a line of standard output. After `longest`: the exit code timed_out. An interrupt ends the watching and not the
/// job, says how to go on, and ends the program with 130.
ExitCode watch_job(Api& api, const std::string& job_id, const SettingValues& settings,
                   const std::optional<Milliseconds>& longest, bool lines);

}  // namespace coremachine::cli
