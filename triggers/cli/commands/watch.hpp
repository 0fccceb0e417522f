#pragma once

#include <functional>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "triggers/cli/client/api.hpp"
#include "triggers/cli/client/follow.hpp"
#include "triggers/cli/config/command_settings.hpp"

namespace coremachine::cli {

/// What the shell is told of a job as the server shows it.
ExitCode exit_code_of_job(const boost::json::object& job);

struct WatchOptions {
  std::optional<Milliseconds> longest = {};
  bool draws = true;  ///< a bar for each stage, unless it is to be quiet
  std::function<void(const std::string& name, const boost::json::object& data)> on_event =
      [](const std::string&, const boost::json::object&) {};
};

struct Watched {
  Followed how;
  boost::json::object job;  ///< as the server shows it afterwards; of one that goes on only where it is to be printed
};

/// Watches a job until it is over, or until `longest` is, and then says how to go on. An interrupt ends the watching
/// and not the job: it says how to go on, and ends the program with 130.
Watched await_job(Api& api, const std::string& job_id, const SettingValues& settings, const WatchOptions& watch);

/// Watches a job until it is over, with a bar for each stage on a terminal and a line for each stage elsewhere, and
/// then prints what came of it: as a table the result alone, as JSON the job. With `lines` and `-o jsonl` every event
/// is a line of standard output. After `longest`: the exit code timed_out, and as JSON the job as it is. An interrupt
/// is as above.
ExitCode watch_job(Api& api, const std::string& job_id, const SettingValues& settings,
                   const std::optional<Milliseconds>& longest, bool lines);

}  // namespace coremachine::cli
