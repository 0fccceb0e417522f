#include <memory>
#include <string>

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/config/command_settings.hpp"
#include "triggers/cli/serve/serve.hpp"

namespace coremachine::cli {
namespace {

const std::vector<std::string_view> taken_settings =
    with_registration_settings({"listen", "store", "queue", "workers", "serve_token_file", "insecure", "allow_host",
                                "tls_cert", "tls_key", "io_threads", "body_limit", "drain_limit", "grace", "lease_term",
                                "lease_tasks", "server_name", "server_term", "log_level", "log_format"});

ServeOptions options_from(const SettingValues& settings) {
  ServeOptions options;
  options.listen = settings.text("listen");
  options.store = settings.text("store");
  options.queue = settings.text("queue");
  options.registrations = registration_options(settings);
  if (settings.has("workers")) options.workers = static_cast<unsigned>(settings.count("workers"));
  options.io_threads = static_cast<unsigned>(settings.count("io_threads"));
  options.token_file = settings.text("serve_token_file");
  options.insecure = settings.toggle("insecure");
  options.allowed_hosts = settings.list("allow_host");
  options.certificate_file = settings.text("tls_cert");
  options.key_file = settings.text("tls_key");
  options.drain_limit = settings.duration("drain_limit");
  options.grace = settings.duration("grace");
  options.lease_term = settings.duration("lease_term");
  options.lease_tasks = static_cast<std::uint32_t>(settings.count("lease_tasks"));
  options.server_name = settings.text("server_name");
  options.server_term = settings.duration("server_term");
  options.body_limit = settings.count("body_limit");
  // The table of settings lets nothing else through.
  options.log_level = log_level_from(settings.text("log_level")).value();
  options.log_format = log_format_from(settings.text("log_format")).value();
  return options;
}

/// Where the flag that a message begins with was said, if that was not the command line.
std::string origin_of(const std::string& message, const SettingValues& settings) {
  const auto flag = message.substr(0, message.find_first_of(" :"));
  for (const auto name : taken_settings) {
    const auto& found = settings.effective(name);
    const bool elsewhere = found.origin == Origin::variable || found.origin == Origin::file;
    if (setting(name).flag == flag && elsewhere) return found.where + ": ";
  }
  return {};
}

ExitCode serve_as_told(const CommandSettings& taken) {
  const auto settings = taken.values();
  auto options = options_from(settings);
  options.reread_log_level = [&taken] { return log_level_from(taken.values().text("log_level")).value(); };
  if (const auto fault = fault_of(options)) throw CommandFailure(ExitCode::usage, origin_of(*fault, settings) + *fault);
  return serve(options);
}

}  // namespace

void add_serve(CLI::App& program, Chosen& chosen) {
  auto* command = program.add_subcommand("serve", "The server: engine, HTTP, local workers");
  auto taken = std::make_shared<CommandSettings>(*command, taken_settings);
  command->footer(
      "SIGTERM or SIGINT: nothing new is taken, what runs may end, exit status 0. A second one ends it at once.\n"
      "SIGHUP: tokens, certificate and log level are read again.");
  command->callback([taken, &chosen] { chosen = [taken] { return serve_as_told(*taken); }; });
}

}  // namespace coremachine::cli
