#include <cstdio>
#include <string>

#include "triggers/cli/commands.hpp"
#include "triggers/cli/help/suggestions.hpp"

namespace coremachine::cli {
namespace {

/// Adds commands in a group of the help.
void add_in_group(CLI::App& program, Chosen& chosen, const std::string& group,
                  std::initializer_list<void (*)(CLI::App&, Chosen&)> adders) {
  const auto count = [&] { return program.get_subcommands([](const CLI::App*) { return true; }).size(); };
  for (const auto add : adders) {
    const auto before = count();
    add(program, chosen);
    const auto all = program.get_subcommands([](CLI::App*) { return true; });
    for (auto i = before; i < all.size(); ++i) {
      if (!all[i]->get_group().empty()) all[i]->group(group);
    }
  }
}

}  // namespace

void add_commands(CLI::App& program, Chosen& chosen) {
  program.name("coremachine");
  program.description("Durable multi-stage workflows: fan out, join, aggregate, and go on after a crash");
  program.require_subcommand(1);
  program.failure_message(CLI::FailureMessage::simple);
  program.formatter(help_layout());
  program.set_version_flag("--version", std::string("coremachine ") + COREMACHINE_VERSION, "Print the version");
  add_in_group(program, chosen, "Here, in this process", {add_run, add_serve, add_worker, add_db, add_bench});
  add_in_group(program, chosen, "Jobs of a server", {add_submit, add_jobs, add_schedules});
  add_in_group(program, chosen, "What a server has", {add_types, add_tasks, add_workers, add_queues, add_limits});
  add_in_group(program, chosen, "The program itself", {add_config, add_completion, add_man, add_help, add_version});
  // Set last: commands would have inherited it.
  program.footer(
      "Examples:\n"
      "  coremachine run hello_world '{\"message\": \"Welcome\"}'         one job, in this process\n"
      "  coremachine submit fan_out -p count=1000 --wait              the same on a server, watched\n"
      "  coremachine jobs list --status failed --since 24h            what went wrong since yesterday\n"
      "  coremachine jobs explain ID                                  why a job is not finished\n"
      "\n"
      "`coremachine COMMAND --help` tells the rest. Exit status: 0 done, 1 the job failed, 2 usage, 3 not found,\n"
      "4 unreachable, 5 not allowed, 74 output not written, 124 timed out, 130 interrupted, 141 nobody reads.");
}

void add_version(CLI::App& program, Chosen& chosen) {
  auto* command = program.add_subcommand("version", "Print the version");
  command->callback([&chosen] {
    chosen = [] {
      std::printf("coremachine %s\n", COREMACHINE_VERSION);
      return ExitCode::done;
    };
  });
}

}  // namespace coremachine::cli
