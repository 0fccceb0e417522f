#include <memory>
#include <string>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>
#include <coremachine/telemetry/log.hpp>

#include "jobs/builtin.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/commands/arguments.hpp"
#include "triggers/cli/config/command_settings.hpp"
#include "triggers/cli/interrupt_watch.hpp"
#include "triggers/cli/output.hpp"
#include "triggers/cli/progress_bar.hpp"
#include "triggers/cli/registrations.hpp"

namespace coremachine::cli {
namespace {

struct RunArguments {
  std::string type;
  std::string params;
  std::vector<std::string> pairs;
  std::string timeout;
};

/// To standard error; none if nobody said anything of a log.
std::shared_ptr<Logger> logger_of(const SettingValues& settings) {
  const auto said = [&](std::string_view name) { return settings.effective(name).origin != Origin::fallback; };
  if (!said("log_level") && !said("log_format")) return nullptr;
  LogOptions options;
  // The table of settings lets nothing else through.
  options.level = log_level_from(settings.text("log_level")).value();
  options.format = log_format_from(settings.text("log_format")).value();
  return make_log(options);
}

ExitCode run(const RunArguments& arguments, const SettingValues& settings) {
  auto params = params_or_failure(arguments.params, arguments.pairs);
  SubmitOptions submit;
  submit.timeout = duration_argument("--timeout", arguments.timeout);

  InterruptWatch interrupts;
  // The process-wide ones: what a module registers by a macro is in them.
  auto& jobs = JobRegistry::instance();
  auto& tasks = TaskRegistry::instance();
  register_builtin_jobs(jobs, tasks);
  register_what_was_told(registration_options(settings), Elsewhere::nowhere);
  MachineOptions options;
  options.jobs = &jobs;
  options.tasks = &tasks;
  options.store = settings.text("run_store");
  options.logger = logger_of(settings);
  if (settings.has("workers")) options.workers = static_cast<unsigned>(settings.count("workers"));
  if (options.workers == 0) settings.refuse("workers", "a job needs at least 1");
  ProgressBar bar(terminal_on_stderr());
  CoreMachine machine(std::move(options));
  if (!settings.toggle("quiet")) submit.listener = [&](const JobEvent& event) { bar.show(event); };
  const auto id = machine.submit(arguments.type, std::move(params), submit);
  if (!id) {
    print_error(id.error());
    return exit_code_for(id.error());
  }
  interrupts.first_time([&] { machine.cancel_then(*id, [](const Result<JobView>&) {}); });
  const auto job = machine.wait(*id);
  interrupts.first_time({});  // it may be at it: the machine goes when it has done
  bar.end();
  if (!job) {
    print_error(job.error());
    return exit_code_for(job.error());
  }
  if (interrupts.interrupted() && job->status == JobStatus::cancelled) {
    print_error("interrupted: the job was cancelled");
    return ExitCode::interrupted;
  }
  if (job->result) {
    // A store in memory goes with this process, and whatever a reference names goes with it.
    const bool is_large = parse_automatic_reference(*job->result).has_value();
    const auto value = is_large ? machine.artifact_value(*job->result) : Result<json::value>(*job->result);
    if (!value) {
      print_error(value.error());
      return exit_code_for(value.error());
    }
    print_value(settings.format(), *value);
  }
  if (!job->result && settings.format() != Format::table) {
    const auto whole = to_json(*job);
    print_value(
        settings.format(),
        json::object{{"job_id", whole.at("job_id")}, {"status", whole.at("status")}, {"error", whole.at("error")}});
  }
  if (job->error) print_error("the job is " + std::string(to_string(job->status)) + ": " + job->error->message);
  return exit_code_for(*job);
}

}  // namespace

void add_run(CLI::App& program, Chosen& chosen) {
  auto arguments = std::make_shared<RunArguments>();
  auto* command = program.add_subcommand("run", "Run one job in this process and print its result");
  command->add_option("TYPE", arguments->type, "The job type, as hello_world")->required()->type_name("JOB_TYPE");
  add_params_options(*command, arguments->params, arguments->pairs);
  command->add_option("--timeout", arguments->timeout, "The longest that the job may take, as 30s or 5m")
      ->type_name("DURATION");
  auto taken = std::make_shared<CommandSettings>(
      *command, with_registration_settings({"run_store", "workers", "output", "quiet", "log_level", "log_format"}));
  command->callback(
      [arguments, taken, &chosen] { chosen = [arguments, taken] { return run(*arguments, taken->values()); }; });
}

}  // namespace coremachine::cli
