#pragma once

#include <vector>

#include <CLI/CLI.hpp>

#include "triggers/cli/commands.hpp"
#include "triggers/cli/commands/listing.hpp"

namespace coremachine::cli {

/// The parts of `coremachine jobs`.
void add_job_readers(CLI::App& jobs, Chosen& chosen);  ///< list, show, watch, tasks, explain
void add_job_actions(CLI::App& jobs, Chosen& chosen);  ///< cancel, pause, resume, retry, signal, rm

/// Which jobs, by what they have in common.
struct JobFilter {
  std::vector<std::string> statuses;
  std::string type;
  std::vector<std::string> tags;
  std::string since;
  std::string until;

  bool empty() const { return statuses.empty() && type.empty() && tags.empty() && since.empty() && until.empty(); }
};
void add_filter_options(CLI::App& command, JobFilter& filter);

}  // namespace coremachine::cli
