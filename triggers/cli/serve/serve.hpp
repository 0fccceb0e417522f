#pragma once

#include "triggers/cli/exit_code.hpp"
#include "triggers/cli/serve/serve_options.hpp"

namespace coremachine::cli {

/// Serves until SIGTERM or SIGINT, then drains. Prints where it listens on standard output. Throws Failure if the store
/// cannot be opened.
ExitCode serve(const ServeOptions& options);

}  // namespace coremachine::cli
