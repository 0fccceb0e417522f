#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/error.hpp>
#include <coremachine/model/time.hpp>
#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_registry.hpp>
#include <coremachine/telemetry/log.hpp>

#include "triggers/cli/registrations.hpp"

namespace coremachine::cli {

/// What `coremachine serve` was told.
struct ServeOptions {
  std::string listen = "127.0.0.1:8080";
  std::string store = "sqlite:coremachine.db";
  std::string queue = "memory:";
  RegistrationOptions registrations = {};
  std::optional<unsigned> workers = {};  ///< 0: this process runs no tasks
  unsigned io_threads = 1;
  std::string token_file = {};
  bool insecure = false;
  std::vector<std::string> allowed_hosts = {};
  std::string certificate_file = {};
  std::string key_file = {};
  Milliseconds drain_limit{30'000};
  Milliseconds grace{10'000};
  Milliseconds lease_term{30'000};
  std::uint32_t lease_tasks = 1024;
  std::string server_name = {};  ///< among those that share its store; empty: made of host and port
  Milliseconds server_term{15'000};
  std::uint64_t body_limit = 1'048'576;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  /// The level as it is said now, on SIGHUP; what it throws is logged. Empty: the level stays.
  std::function<LogLevel()> reread_log_level = {};
  /// Jobs and tasks besides those that are built in.
  std::function<void(JobRegistry&, TaskRegistry&)> register_more = {};
};

/// What is wrong with the options taken together, or with the files of TLS, in words that begin with the flag; nothing
/// if they can be served by.
std::optional<std::string> fault_of(const ServeOptions& options);

}  // namespace coremachine::cli
