#include <memory>
#include <string>
#include <utility>

#include <unistd.h>

#include <coremachine/worker/http.hpp>
#include <coremachine/worker/worker.hpp>

#include "jobs/builtin.hpp"
#include "triggers/cli/client/api.hpp"
#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/interrupt_watch.hpp"
#include "triggers/cli/queue_kinds.hpp"
#include "triggers/cli/registrations.hpp"

namespace coremachine::cli {
namespace {

std::vector<std::string_view> taken_settings() {
  std::vector<std::string_view> names{"worker_queue",  "worker_artifacts", "resolver_id",  "resolver_modules",
                                      "concurrency",   "worker_name",      "task_types",   "worker_drain",
                                      "worker_grace",  "module_dir",       "allow_source", "source_time",
                                      "source_memory", "source_output",    "log_level",    "log_format"};
  const auto& of_clients = client_settings();
  names.insert(names.begin() + 1, of_clients.begin(), of_clients.end());
  return names;
}

HttpMachine machine_at(const SettingValues& settings) {
  Api api(settings);  // it knows where tokens come from
  const auto& options = api.http().options();
  return {.server = api.http().server().url(),
          .token = options.token,
          .ca_file = options.ca_file,
          .connect_timeout = options.connect_timeout,
          .request_timeout = options.request_timeout};
}

/// Where large values are: as said, else with the server.
std::shared_ptr<WorkerArtifacts> artifacts_for(const SettingValues& settings) {
  auto machine = machine_at(settings);
  if (settings.has("worker_artifacts")) {
    machine.server = settings.text("worker_artifacts");
  } else if (settings.has("worker_queue") && settings.effective("server").origin == Origin::fallback) {
    return nullptr;
  }
  try {
    return artifacts_by_http(std::move(machine));
  } catch (const Failure& failure) {
    settings.refuse("worker_artifacts", failure.error().message);
  }
}

RegistrationOptions registrations_from(const SettingValues& settings) {
  RegistrationOptions options;
  options.modules = modules_of(settings, "resolver_modules");
  options.module_dir = settings.text("module_dir");
  options.resolver_id = settings.text("resolver_id");
  options.allow_source = settings.list("allow_source");
  options.source.time = settings.duration("source_time");
  options.source.memory = settings.count("source_memory");
  options.source.output = settings.count("source_output");
  return options;
}

WorkerOptions options_from(const SettingValues& settings) {
  WorkerOptions options;
  options.transport = settings.has("worker_queue") ? connect_to_queue(settings.text("worker_queue"))
                                                   : connect_by_http(machine_at(settings));
  options.artifacts = artifacts_for(settings);
  options.name = settings.text("worker_name");
  if (settings.has("concurrency")) options.concurrency = static_cast<unsigned>(settings.count("concurrency"));
  options.resolver_id = settings.text("resolver_id");
  options.task_types = settings.list("task_types");
  options.grace = settings.duration("worker_grace");
  options.drain_limit = settings.duration("worker_drain");
  options.logger = make_log({.level = log_level_from(settings.text("log_level")).value(),
                             .format = log_format_from(settings.text("log_format")).value()});
  return options;
}

/// What the machine would not have: the exit status says in which way.
ExitCode refused(const WorkerFault& fault) {
  const auto code = fault.kind == WorkerFault::Kind::not_allowed ? ExitCode::not_allowed : ExitCode::unreachable;
  throw CommandFailure(code, fault.what);
}

ExitCode work(const SettingValues& settings) {
  InterruptWatch interrupts;
  auto& tasks = TaskRegistry::instance();
  register_builtin_jobs(JobRegistry::instance(), tasks);
  auto options = options_from(settings);
  const auto logger = options.logger;
  for (const auto& module : register_what_was_told(registrations_from(settings), Elsewhere::workers)) {
    logger->info(
        "module loaded",
        {{"module", module.name}, {"version", module.version}, {"path", module.path}, {"tasks", module.tasks.size()}});
  }
  Worker worker(std::move(options));
  interrupts.first_time([&worker] { worker.drain(); });
  const auto end = worker.run();
  if (end.fault) refused(*end.fault);
  logger->flush();
  // A handler that does not end cannot be waited for.
  if (end.still_running > 0) ::_exit(static_cast<int>(ExitCode::done));
  return ExitCode::done;
}

}  // namespace

void add_worker(CLI::App& program, Chosen& chosen) {
  auto* command = program.add_subcommand("worker", "A worker process: runs tasks of a server elsewhere");
  auto taken = std::make_shared<CommandSettings>(*command, taken_settings());
  command->footer(
      "SIGTERM or SIGINT: nothing more is taken, what runs may end and is reported, what has not begun goes back;\n"
      "exit status 0. A second one ends it at once: what it held is handed out anew when its leases have run out.");
  command->callback([taken, &chosen] { chosen = [taken] { return work(taken->values()); }; });
}

}  // namespace coremachine::cli
