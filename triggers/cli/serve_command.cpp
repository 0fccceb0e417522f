#include <memory>
#include <string>

#include "triggers/cli/commands.hpp"
#include "triggers/cli/output.hpp"
#include "triggers/cli/serve/serve.hpp"

namespace coremachine::cli {
namespace {

/// The options as they were typed.
struct ServeArguments {
  ServeOptions options;
  int workers = -1;
  std::string drain_limit = "30s";
  std::string grace = "10s";
  std::string log_level = "info";
  std::string log_format = "text";
};

ExitCode refuse(const std::string& why) {
  print_error(why);
  return ExitCode::usage;
}

ExitCode serve_as_told(const ServeArguments& arguments) {
  auto options = arguments.options;
  if (arguments.workers >= 0) options.workers = static_cast<unsigned>(arguments.workers);
  const auto takes = [](const std::string& flag, const std::string& what, const std::string& text) {
    return refuse(flag + " takes " + what + ", and not \"" + text + "\"");
  };
  const auto drain_limit = parse_duration(arguments.drain_limit);
  if (!drain_limit) return takes("--drain-limit", "a duration such as 30s or 5m", arguments.drain_limit);
  const auto grace = parse_duration(arguments.grace);
  if (!grace) return takes("--grace", "a duration such as 30s or 5m", arguments.grace);
  const auto level = log_level_from(arguments.log_level);
  if (!level) return takes("--log-level", "debug, info, warn, error or off", arguments.log_level);
  const auto format = log_format_from(arguments.log_format);
  if (!format) return takes("--log-format", "text or json", arguments.log_format);
  options.drain_limit = *drain_limit;
  options.grace = *grace;
  options.log_level = *level;
  options.log_format = *format;
  if (const auto fault = fault_of(options)) return refuse(*fault);
  return serve(options);
}

void add_access_options(CLI::App& command, ServeOptions& options) {
  command
      .add_option("--token-file", options.token_file,
                  "The tokens that clients need, one a line: TOKEN [read|submit|admin [NAME]]")
      ->envname("COREMACHINE_SERVE_TOKEN_FILE");
  command.add_flag("--insecure", options.insecure, "Listen where others can reach it without asking for a token");
  command
      .add_option("--allow-host", options.allowed_hosts,
                  "A name that clients may call this server by, besides its address; may be given again")
      ->take_all()
      ->expected(1);
  command.add_option("--tls-cert", options.certificate_file, "A certificate chain (PEM): then it speaks https");
  command.add_option("--tls-key", options.key_file, "The key that belongs to it (PEM)");
}

}  // namespace

void add_serve(CLI::App& program, Chosen& chosen) {
  auto arguments = std::make_shared<ServeArguments>();
  auto& options = arguments->options;
  auto* command = program.add_subcommand("serve", "The server: engine, HTTP, local workers");
  command->add_option("--listen", options.listen, "HOST:PORT; port 0 is any that is free")
      ->envname("COREMACHINE_LISTEN")
      ->capture_default_str();
  command->add_option("--store", options.store, "Where jobs are kept: memory: or sqlite:PATH")
      ->envname("COREMACHINE_STORE")
      ->capture_default_str();
  command->add_option("--queue", options.queue, "Where tasks wait for workers: memory:")
      ->envname("COREMACHINE_QUEUE")
      ->capture_default_str();
  command
      ->add_option("--workers", arguments->workers,
                   "Tasks that run at a time in this process, 0 for none (default: one for each processor)")
      ->envname("COREMACHINE_WORKERS")
      ->check(CLI::Range(0, 4096));
  command->add_option("--module", options.modules, "A library with jobs and tasks; may be given again")
      ->take_all()
      ->expected(1);
  add_access_options(*command, options);
  command->add_option("--io-threads", options.io_threads, "Threads that speak HTTP")
      ->check(CLI::Range(1U, 64U))
      ->capture_default_str();
  command->add_option("--body-limit", options.body_limit, "The longest body of a request, in bytes")
      ->check(CLI::Range(std::uint64_t{1024}, std::uint64_t{1} << 30U))
      ->capture_default_str();
  command->add_option("--drain-limit", arguments->drain_limit, "How long what runs has to end on SIGTERM")
      ->capture_default_str();
  command->add_option("--grace", arguments->grace, "How long after that tasks have that were told to end")
      ->capture_default_str();
  command->add_option("--log-level", arguments->log_level, "debug, info, warn, error or off")
      ->envname("COREMACHINE_LOG_LEVEL")
      ->capture_default_str();
  command->add_option("--log-format", arguments->log_format, "text or json")
      ->envname("COREMACHINE_LOG_FORMAT")
      ->capture_default_str();
  command->footer(
      "SIGTERM or SIGINT: nothing new is taken, what runs may end, exit status 0. A second one ends it at once.\n"
      "SIGHUP: tokens and certificate are read again.");
  command->callback([arguments, &chosen] { chosen = [arguments] { return serve_as_told(*arguments); }; });
}

}  // namespace coremachine::cli
