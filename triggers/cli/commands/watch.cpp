#include "triggers/cli/commands/watch.hpp"

#include <unistd.h>

#include <coremachine/model/status.hpp>

#include "triggers/cli/client/follow.hpp"
#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands/client_command.hpp"
#include "triggers/cli/commands/listing.hpp"
#include "triggers/cli/interrupt_watch.hpp"
#include "triggers/cli/progress_bar.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

void say_how_to_go_on(const std::string& job_id, bool quiet) {
  print_error("stopped watching " + job_id + "; the job goes on");
  if (quiet) return;
  print_error("  `coremachine jobs watch " + job_id + "` watches it again, `coremachine jobs cancel " + job_id +
              "` ends it");
}

/// A server that cannot be reached for a moment has not said so.
bool is_over(Api& api, const Target& target) {
  try {
    const auto status = job_status_from(cell_of(api.get(target).as_object(), "status"));
    return !status || is_terminal(*status);
  } catch (const CommandFailure& failure) {
    if (failure.code() == ExitCode::unreachable) return false;
    throw;
  }
}

ExitCode tell_the_end(const json::object& job, const SettingValues& settings, bool told_already) {
  const auto* result = job.if_contains("result");
  if (settings.format() == Format::table) {
    if (result && !result->is_null()) print_value(Format::table, *result);
  } else if (!told_already) {
    print_value(settings.format(), job);
  }
  if (const auto message = cell_of(job, "error.message"); !message.empty())
    print_error("the job is " + cell_of(job, "status") + ": " + message);
  return exit_code_of_job(job);
}

}  // namespace

ExitCode exit_code_of_job(const json::object& job) {
  const auto status = job_status_from(cell_of(job, "status"));
  if (!status)
    throw CommandFailure(ExitCode::unreachable, "the server's answer is no job", {"is it of another version?"});
  JobView view;
  view.status = *status;
  if (const auto code = error_code_from(cell_of(job, "error.code"))) view.error = Error{*code, {}};
  return exit_code_for(view);
}

ExitCode watch_job(Api& api, const std::string& job_id, const SettingValues& settings,
                   const std::optional<Milliseconds>& longest, bool lines) {
  const Target target{"jobs", job_id};
  ProgressBar bar(terminal_on_stderr());
  const bool quiet = settings.toggle("quiet");
  InterruptWatch interrupts;
  interrupts.first_time([&] {
    bar.end();
    say_how_to_go_on(job_id, quiet);
    ::_exit(static_cast<int>(ExitCode::interrupted));
  });
  FollowOptions options;
  if (longest) options.until = std::chrono::steady_clock::now() + *longest;
  const bool print_events = lines && settings.format() == Format::jsonl;
  options.note = [&](const std::string& text) {
    bar.end();
    if (!quiet) print_error(text);
  };
  options.is_over = [&] { return is_over(api, target); };
  if (!quiet) bar.know(api.get(target).as_object());
  const auto on_event = [&](const std::string& name, const json::object& data) {
    if (print_events) {
      json::object line{{"event", name}};
      line.insert(data.begin(), data.end());
      print_value(Format::jsonl, line);
      flush_output();
    }
    if (!quiet) bar.show({JobId(), 0, name, data});
  };
  const auto followed = follow(api, job_id, on_event, options);
  bar.end();
  if (followed == Followed::timed_out) {
    say_how_to_go_on(job_id, quiet);
    return ExitCode::timed_out;
  }
  return tell_the_end(api.get(target).as_object(), settings, print_events);
}

}  // namespace coremachine::cli
