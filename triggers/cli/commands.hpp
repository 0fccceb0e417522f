#pragma once

#include <functional>
#include <memory>

#include <CLI/CLI.hpp>

#include "triggers/cli/exit_code.hpp"

namespace coremachine::cli {

/// A command adds itself to the program; what was chosen and parsed is then in `chosen`, to be called.
using Chosen = std::function<ExitCode()>;

void add_run(CLI::App& program, Chosen& chosen);
void add_serve(CLI::App& program, Chosen& chosen);
void add_bench(CLI::App& program, Chosen& chosen);
void add_db(CLI::App& program, Chosen& chosen);
void add_version(CLI::App& program, Chosen& chosen);

}  // namespace coremachine::cli
