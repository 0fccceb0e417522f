#pragma once

#include <functional>
#include <memory>

#include <CLI/CLI.hpp>

#include "triggers/cli/exit_code.hpp"

namespace coremachine::cli {

/// A command adds itself to the program; what was chosen and parsed is then in `chosen`, to be called.
using Chosen = std::function<ExitCode()>;

// Here, in this process.
void add_run(CLI::App& program, Chosen& chosen);
void add_serve(CLI::App& program, Chosen& chosen);
void add_worker(CLI::App& program, Chosen& chosen);
void add_bench(CLI::App& program, Chosen& chosen);
void add_db(CLI::App& program, Chosen& chosen);
// On a server, over HTTP.
void add_submit(CLI::App& program, Chosen& chosen);
void add_jobs(CLI::App& program, Chosen& chosen);
void add_types(CLI::App& program, Chosen& chosen);
void add_tasks(CLI::App& program, Chosen& chosen);
void add_schedules(CLI::App& program, Chosen& chosen);
void add_limits(CLI::App& program, Chosen& chosen);
void add_workers(CLI::App& program, Chosen& chosen);
void add_queues(CLI::App& program, Chosen& chosen);
// About the program itself.
void add_config(CLI::App& program, Chosen& chosen);
void add_completion(CLI::App& program, Chosen& chosen);
void add_man(CLI::App& program, Chosen& chosen);
void add_help(CLI::App& program, Chosen& chosen);
void add_version(CLI::App& program, Chosen& chosen);

/// The whole program: every command, in the groups in which the help shows them. It has to outlive `chosen`.
void add_commands(CLI::App& program, Chosen& chosen);

}  // namespace coremachine::cli
