#include <unistd.h>
#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <coremachine/runtime/core_machine.hpp>

#include "jobs/builtin.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/output.hpp"
#include "triggers/cli/params_argument.hpp"
#include "triggers/cli/progress_bar.hpp"

namespace coremachine::cli {
namespace {

struct RunArguments {
  std::string type;
  std::string params;
  std::vector<std::string> pairs;
  std::string store = "memory:";
  unsigned workers = 0;
  std::string timeout;
  std::string format = "table";
  bool quiet = false;
};

/// Waits for SIGINT and SIGTERM on a thread of its own: the first one asks the job to end, the second ends the program,
/// and so does the first while there is no job yet. Made before other threads, so that none of them takes the signal.
class InterruptWatch {
 public:
  InterruptWatch() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    thread_ = std::thread([this] { watch(); });
  }
  ~InterruptWatch() {
    over_ = true;
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  /// `ask` must not block: it is all that stands before the next signal.
  void first_time(std::function<void()> ask) {
    const std::lock_guard lock(mutex_);
    ask_ = std::move(ask);
  }
  bool interrupted() const { return seen_; }

 private:
  void watch() {
    for (;;) {
      int signal = 0;
      sigwait(&signals_, &signal);
      if (over_) return;
      if (signal == SIGUSR1) continue;
      const std::lock_guard lock(mutex_);
      if (seen_.exchange(true) || !ask_) ::_exit(static_cast<int>(ExitCode::interrupted));
      ask_();
    }
  }

  sigset_t signals_{};
  std::atomic<bool> seen_{false};
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::function<void()> ask_;
  std::thread thread_;
};

ExitCode run(const RunArguments& arguments) {
  const auto format = format_from(arguments.format);
  if (!format) {
    print_error("-o takes table, json or jsonl, and not \"" + arguments.format + "\"");
    return ExitCode::usage;
  }
  auto params = params_from(arguments.params, arguments.pairs);
  if (!params) {
    print_error(params.error());
    return ExitCode::usage;
  }
  SubmitOptions submit;
  if (!arguments.timeout.empty()) {
    submit.timeout = parse_duration(arguments.timeout);
    if (!submit.timeout) {
      print_error("--timeout takes a duration such as 30s or 5m, and not \"" + arguments.timeout + "\"");
      return ExitCode::usage;
    }
  }

  InterruptWatch interrupts;
  JobRegistry jobs;
  TaskRegistry tasks;
  register_builtin_jobs(jobs, tasks);
  MachineOptions options;
  options.jobs = &jobs;
  options.tasks = &tasks;
  options.store = arguments.store;
  if (arguments.workers > 0) options.workers = arguments.workers;
  ProgressBar bar(colour_on_stderr() || ::isatty(STDERR_FILENO) == 1);
  CoreMachine machine(std::move(options));
  if (!arguments.quiet) submit.listener = [&](const JobEvent& event) { bar.show(event); };
  const auto id = machine.submit(arguments.type, std::move(*params), submit);
  if (!id) {
    print_error(id.error());
    return exit_code_for(id.error());
  }
  interrupts.first_time([&] { machine.cancel_then(*id, [](const Result<JobView>&) {}); });
  const auto job = machine.wait(*id);
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
    print_value(*format, *value);
  }
  if (job->error) print_error("the job is " + std::string(to_string(job->status)) + ": " + job->error->message);
  return exit_code_for(*job);
}

}  // namespace

void add_run(CLI::App& program, Chosen& chosen) {
  auto arguments = std::make_shared<RunArguments>();
  auto* command = program.add_subcommand("run", "Run one job in this process and print its result");
  command->add_option("TYPE", arguments->type, "The job type, as hello_world")->required();
  command->add_option("PARAMS", arguments->params, "The params: JSON, @FILE, or - for standard input");
  command
      ->add_option("-p,--param", arguments->pairs,
                   "One param as key=value (JSON where it reads as JSON); may be given again")
      ->take_all()
      ->expected(1);
  command->add_option("--store", arguments->store, "Where the job is kept: memory: or sqlite:PATH")
      ->envname("COREMACHINE_STORE")
      ->capture_default_str();
  command->add_option("--workers", arguments->workers, "Tasks that run at a time (default: one for each processor)")
      ->envname("COREMACHINE_WORKERS")
      ->check(CLI::Range(1U, 4096U));
  command->add_option("--timeout", arguments->timeout, "The longest that the job may take, as 30s or 5m");
  command->add_option("-o,--output", arguments->format, "table, json or jsonl")->capture_default_str();
  command->add_flag("-q,--quiet", arguments->quiet, "No progress on standard error");
  command->callback([arguments, &chosen] { chosen = [arguments] { return run(*arguments); }; });
}

}  // namespace coremachine::cli
