#include "triggers/cli/serve/serve.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <thread>
#include <utility>

#include <unistd.h>

#include <coremachine/runtime/core_machine.hpp>

#include "core/model/percent.hpp"
#include "jobs/builtin.hpp"
#include "triggers/cli/output.hpp"
#include "triggers/cli/queue_kinds.hpp"
#include "triggers/http/access/access.hpp"
#include "triggers/http/api/api.hpp"
#include "triggers/http/api/machine_peers.hpp"
#include "triggers/http/api/server_outlet.hpp"
#include "triggers/http/server/server.hpp"

namespace coremachine::cli {
namespace {

/// The signals that a server acts on, kept from ending it. Made before other threads, so that none of them takes one.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  int next() const { return next(set_); }
  /// From now on the next SIGTERM or SIGINT ends the process at once.
  void end_at_once() const {
    std::thread([set = set_] {
      while (next(set) == SIGHUP) continue;
      ::_exit(static_cast<int>(ExitCode::interrupted));
    }).detach();
  }

 private:
  static int next(const sigset_t& set) {
    int signal = 0;
    sigwait(&set, &signal);
    return signal;
  }

  sigset_t set_{};
};

void write_log(Logger& logger, http::Severity severity, const std::string& message) {
  switch (severity) {
    case http::Severity::info: return logger.info(message);
    case http::Severity::warning: return logger.warn(message);
    case http::Severity::error: return logger.error(message);
  }
}

bool is_postgres(std::string_view store) {
  return store.starts_with("postgres://") || store.starts_with("postgresql://");
}

/// By its name one that starts anew is known as the same.
std::string server_name_of(const ServeOptions& options) {
  if (!options.server_name.empty()) return options.server_name;
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const auto port = options.listen.substr(options.listen.rfind(':') + 1);
  return std::string(host.data()) + "-" + (port == "0" ? std::to_string(::getpid()) : port);
}

/// Servers share a store in PostgreSQL, each under its own name.
std::string store_of(const ServeOptions& options) {
  const auto& store = options.store;
  const auto query = store.find('?');
  const bool has_name = query != std::string::npos && (store.find("?server=", query) != std::string::npos ||
                                                       store.find("&server=", query) != std::string::npos);
  if (!is_postgres(store) || has_name) return store;
  return store + (query == std::string::npos ? "?" : "&") + "server=" + percent_encoded(server_name_of(options));
}

void log_module(Logger& logger, const LoadedModule& module) {
  logger.info("module loaded", {{"module", module.name},
                                {"version", module.version},
                                {"path", module.path},
                                {"job_types", module.job_types.size()},
                                {"tasks", module.tasks.size()}});
}

MachineOptions machine_options(const ServeOptions& options, std::shared_ptr<Logger> logger) {
  MachineOptions machine;
  machine.store = store_of(options);
  machine.workers = options.workers;
  machine.drain_limit = options.drain_limit;
  machine.grace = options.grace;
  machine.lease_term = options.lease_term;
  machine.lease_tasks = options.lease_tasks;
  machine.server_term = options.server_term;
  machine.logger = std::move(logger);
  return machine;
}

http::ServerOptions server_options(const ServeOptions& options, const std::shared_ptr<Logger>& logger) {
  http::ServerOptions server;
  server.listen = options.listen;
  server.certificate_file = options.certificate_file;
  server.key_file = options.key_file;
  server.message.body = options.body_limit;
  server.io_threads = options.io_threads;
  server.log = [logger](http::Severity severity, const std::string& message) { write_log(*logger, severity, message); };
  return server;
}

void log_answer(Logger& logger, const http::Answered& answered) {
  LogFields fields{{"request_id", answered.id},
                   {"method", answered.method},
                   {"route", answered.route},
                   // Without the query, where people put what is secret.
                   {"path", answered.target.substr(0, answered.target.find('?'))},
                   {"status", answered.status},
                   {"seconds", std::chrono::duration<double>(answered.took).count()},
                   {"bytes", answered.bytes},
                   {"peer", answered.peer}};
  if (!answered.subject.empty()) fields.emplace_back("job_id", answered.subject);
  logger.debug("answered", std::move(fields));
}

http::Application application_of(http::Api& api, std::uint64_t body_limit, const std::shared_ptr<Logger>& logger) {
  http::Application application;
  application.admit = [&api](const http::Request& head) { return api.admit(head); };
  application.body_limit = [body_limit](const http::Request& head) { return http::Api::body_limit(head, body_limit); };
  application.receive = [&api](const http::Request& head) { return api.receive(head); };
  application.handle = [&api](http::Request request, http::Reply reply) {
    api.handle(std::move(request), http::outlet_of(std::move(reply)));
  };
  application.refuse = [](const http::Request* request, const http::Refusal& refusal) {
    return http::Api::refusal(request, refusal);
  };
  application.wants_answered = [logger] { return logger->wants(LogLevel::debug); };
  application.answered = [logger](const http::Answered& answered) { log_answer(*logger, answered); };
  return application;
}

http::ApiOptions api_options(CoreMachine& machine, const http::Access& access) {
  http::ApiOptions api;
  api.machine = &machine;
  api.version = COREMACHINE_VERSION;
  api.metrics = [&machine] { return machine.metrics(); };
  api.access = [&access](const http::Request& head, std::optional<http::Role> needed) {
    auto refused = access.check_site(head);
    return refused || !needed ? refused : access.authorize(head, *needed);
  };
  return api;
}

void show_queue(http::ApiOptions& api, CoreMachine& machine, const QueuePump& pump) {
  api.queue = [&pump] { return pump.health(); };
  api.metrics = [&machine, &pump] {
    auto metrics = machine.metrics();
    for (auto& metric : pump.metrics()) metrics.push_back(std::move(metric));
    return metrics;
  };
}

/// What can be changed while it runs.
void reload(http::Server& server, http::Api& api, http::Access& access, Logger& logger, const ServeOptions& options) {
  bool all = true;
  const auto keep = [&](const std::string& why) {
    all = false;
    logger.error("SIGHUP: what was in force stays: " + why);
  };
  if (const auto error = access.reload()) {
    keep(error->message);
  } else {
    // Who may still see them comes back, and is told what was missed.
    api.streams().empty();
  }
  if (!options.certificate_file.empty()) {
    if (const auto error = server.reload_certificate()) keep(error->message);
  }
  try {
    if (options.reread_log_level) logger.set_level(options.reread_log_level());
  } catch (const std::exception& error) {
    keep(error.what());
  }
  if (all) logger.info("SIGHUP: tokens, certificate and log level were read again");
}

}  // namespace

ExitCode serve(const ServeOptions& options) {
  const Signals signals;
  // The process-wide ones: what a module registers by a macro is in them.
  auto& jobs = JobRegistry::instance();
  auto& tasks = TaskRegistry::instance();
  register_builtin_jobs(jobs, tasks);
  if (options.register_more) options.register_more(jobs, tasks);
  const auto logger = make_log({.level = options.log_level, .format = options.log_format});
  for (const auto& module : register_what_was_told(options.registrations, Elsewhere::workers))
    log_module(*logger, module);
  const auto access = http::Access::open({.token_file = options.token_file,
                                          .allow_hosts = options.allowed_hosts,
                                          .listen = options.listen,
                                          .warn = [logger](const std::string& text) { logger->warn(text); }});
  if (!access) {
    print_error(access.error());
    return ExitCode::usage;
  }
  auto of_machine = machine_options(options, logger);
  of_machine.jobs = &jobs;
  of_machine.tasks = &tasks;
  const auto was_fenced = std::make_shared<std::atomic<bool>>(false);
  if (is_postgres(options.store)) {
    // The others have its jobs by now, or will in a moment: whoever started this server starts it anew.
    of_machine.failed = [was_fenced](const Error&) {
      // It may be told twice: by the others, and by its next commit. A second signal would end it at once.
      if (!was_fenced->exchange(true)) ::kill(::getpid(), SIGTERM);
    };
  }
  CoreMachine machine(std::move(of_machine));
  const auto pump = serve_queue(options.queue, machine, logger);
  auto of_api = api_options(machine, **access);
  of_api.warn = [logger](const std::string& message) { logger->warn(message); };
  if (pump) show_queue(of_api, machine, *pump);
  of_api.jobs = &jobs;
  of_api.tasks = &tasks;
  http::MachinePeers peers(machine);
  of_api.peers = machine.shares_store() ? &peers : nullptr;
  if (of_api.peers) of_api.server_name = server_name_of(options);
  http::Api api(std::move(of_api));
  http::PeerListener listener(machine, api.peer_desk());
  http::Server server(server_options(options, logger), application_of(api, options.body_limit, logger));
  Milliseconds for_answers{0};
  {
    // However this ends: other servers may have asked for something, and what the machine answers goes to the API.
    const std::shared_ptr<void> at_the_end(nullptr, [&](void*) {
      api.drain(for_answers);
      if (pump) pump->stop();
      machine.stop();
      listener.stop();
      server.drain(for_answers);
      server.stop();
    });
    const auto bound = server.start();
    if (!bound) {
      print_error(bound.error());
      return ExitCode::unreachable;
    }
    if (options.insecure && options.token_file.empty()) {
      logger->warn("--insecure: whoever reaches " + bound->to_string() + " may do everything");
    }
    std::printf("listening on %s\n", bound->url().c_str());
    std::fflush(stdout);
    while (signals.next() == SIGHUP) reload(server, api, **access, *logger, options);
    signals.end_at_once();
    logger->info("stopping: nothing new is taken, what runs may end");
    for_answers = Milliseconds{10'000};
  }
  return *was_fenced ? ExitCode::job_failed : ExitCode::done;
}

}  // namespace coremachine::cli
