#include "triggers/cli/commands/watch.hpp"

#include <unistd.h>
#include <algorithm>

#include <coremachine/model/status.hpp>

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands/client_command.hpp"
#include "triggers/cli/commands/listing.hpp"
#include "triggers/cli/interrupt_watch.hpp"
#include "triggers/cli/progress_bar.hpp"
#include "triggers/cli/stage_counts.hpp"

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

/// Of a job that goes on, where it is to be printed; a server that cannot be reached now does not change the exit
/// status.
json::object job_for_the_record(Api& api, const Target& target, const SettingValues& settings) {
  if (settings.format() == Format::table) return {};
  try {
    return api.get(target).as_object();
  } catch (const CommandFailure& failure) {
    if (failure.code() == ExitCode::unreachable) return {};
    throw;
  }
}

bool has_failed_tasks(const json::object& job) {
  const auto* stages = job.if_contains("stages");
  if (!stages || !stages->is_array() || cell_of(job, "error.message").empty()) return false;
  const auto& all = stages->get_array();
  return std::any_of(all.begin(), all.end(), [](const json::value& stage) {
    const auto* tasks = stage.is_object() ? stage.get_object().if_contains("tasks") : nullptr;
    return tasks && tasks->is_object() && StageCounts(tasks->get_object()).failed > 0;
  });
}

ExitCode tell_the_end(const json::object& job, const SettingValues& settings, bool told_already) {
  const auto* result = job.if_contains("result");
  if (settings.format() == Format::table) {
    if (result && !result->is_null()) print_value(Format::table, *result);
  } else if (!told_already) {
    print_value(settings.format(), job);
  }
  const auto id = cell_of(job, "job_id");
  if (const auto message = cell_of(job, "error.message"); !message.empty())
    print_error("job " + id + " is " + cell_of(job, "status") + ": " + message);
  if (settings.format() == Format::table && !settings.toggle("quiet") && has_failed_tasks(job))
    print_error("  `coremachine jobs tasks " + id + " --status failed` lists the tasks that failed");
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

Watched await_job(Api& api, const std::string& job_id, const SettingValues& settings, const WatchOptions& watch) {
  const Target target{"jobs", job_id};
  ProgressBar bar(terminal_on_stderr());
  const bool quiet = settings.toggle("quiet");
  const bool draws = watch.draws && !quiet;
  const InterruptWatch interrupts([&] {
    bar.end();
    say_how_to_go_on(job_id, quiet);
    ::_exit(static_cast<int>(ExitCode::interrupted));
  });
  FollowOptions options;
  if (watch.longest) options.until = std::chrono::steady_clock::now() + *watch.longest;
  options.note = [&](const std::string& text) {
    bar.end();
    if (!quiet) print_error(text);
  };
  options.is_over = [&] { return is_over(api, target); };
  if (draws) bar.know(api.get(target).as_object());
  const auto on_event = [&](const std::string& name, const json::object& data) {
    watch.on_event(name, data);
    if (draws) bar.show({JobId(), 0, name, data});
  };
  const auto how = follow(api, job_id, on_event, options);
  bar.end();
  if (how == Followed::ended) return {how, api.get(target).as_object()};
  say_how_to_go_on(job_id, quiet);
  return {how, job_for_the_record(api, target, settings)};
}

ExitCode watch_job(Api& api, const std::string& job_id, const SettingValues& settings,
                   const std::optional<Milliseconds>& longest, bool lines) {
  const bool print_events = lines && settings.format() == Format::jsonl;
  WatchOptions options{.longest = longest};
  if (print_events) {
    options.on_event = [](const std::string& name, const json::object& data) {
      json::object line{{"event", name}};
      line.insert(data.begin(), data.end());
      print_value(Format::jsonl, line);
      flush_output();
    };
  }
  const auto watched = await_job(api, job_id, settings, options);
  if (watched.how == Followed::ended) return tell_the_end(watched.job, settings, print_events);
  if (!watched.job.empty() && !print_events) print_value(settings.format(), watched.job);
  return ExitCode::timed_out;
}

}  // namespace coremachine::cli
