#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "triggers/cli/commands/arguments.hpp"
#include "triggers/cli/commands/client_command.hpp"
#include "triggers/cli/commands/listing.hpp"
#include "triggers/cli/commands/watch.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

struct SubmitArguments {
  std::string type;
  std::string params;
  std::vector<std::string> pairs;
  std::string priority;
  std::string run_at;
  std::string delay;
  std::vector<std::string> tags;
  std::string timeout;
  std::string idempotency_key;
  bool wait = false;
  std::string wait_timeout;
};

Target target_of(const SubmitArguments& arguments) {
  Target target{"jobs", arguments.type};
  target.with("priority", arguments.priority)
      .with("run_at", arguments.run_at)
      .with("delay", arguments.delay)
      .with("tags", joined(arguments.tags))
      .with("timeout", arguments.timeout);
  return target;
}

void tell_of_submission(const json::object& job, const std::string& id, const SettingValues& settings) {
  if (settings.format() != Format::table) return print_value(settings.format(), job);
  std::printf("%s\n", id.c_str());
  const auto* repeated = job.if_contains("deduplicated");
  const bool was_there = repeated && repeated->is_bool() && repeated->get_bool();
  hint(settings, cell_of(job, "status") + (was_there ? ", submitted before" : "") + "; `coremachine jobs watch " + id +
                     "` watches it");
}

ExitCode submit(Api& api, const SettingValues& settings, const SubmitArguments& arguments) {
  const auto longest = duration_argument("--wait-timeout", arguments.wait_timeout);
  const auto params = params_or_failure(arguments.params, arguments.pairs);
  std::vector<std::pair<std::string, std::string>> fields;
  if (!arguments.idempotency_key.empty()) fields.emplace_back("Idempotency-Key", arguments.idempotency_key);
  const auto answer = api.post(target_of(arguments), params, {}, fields);
  const auto& job = answer.body.as_object();
  const auto id = cell_of(job, "job_id");
  if (!arguments.wait && !longest) {
    tell_of_submission(job, id, settings);
    return ExitCode::done;
  }
  return watch_job(api, id, settings, longest, false);
}

}  // namespace

void add_submit(CLI::App& program, Chosen& chosen) {
  auto arguments = std::make_shared<SubmitArguments>();
  auto* command = add_client_command(
      program, "submit", "Give a server a job, and wait for it if you like", chosen,
      [arguments](Api& api, const SettingValues& settings) { return submit(api, settings, *arguments); });
  command->add_option("TYPE", arguments->type, "The job type, as hello_world")->required()->type_name("JOB_TYPE");
  add_params_options(*command, arguments->params, arguments->pairs);
  command->add_flag("--wait", arguments->wait, "Watch the job until it is over, and print its result");
  command->add_option("--wait-timeout", arguments->wait_timeout, "The same, for so long at most; then exit 124")
      ->type_name("DURATION");
  command->add_option("--priority", arguments->priority, "-100 to 100; higher goes first")->type_name("N");
  command->add_option("--run-at", arguments->run_at, "Not before this time, as 2026-01-31T12:00:00Z")
      ->type_name("TIME");
  command->add_option("--delay", arguments->delay, "Not before so long from now, as 10m")->type_name("DURATION");
  add_repeated(*command, "--tag", arguments->tags, "A tag to find it by; may be given again", "TAG");
  command->add_option("--timeout", arguments->timeout, "The longest that the job may take, as 30s")
      ->type_name("DURATION");
  command
      ->add_option("--idempotency-key", arguments->idempotency_key,
                   "A second submission with the same key is the first one")
      ->type_name("KEY");
  command->footer(
      "Examples:\n"
      "  coremachine submit hello_world '{\"message\": \"Welcome\"}' --wait\n"
      "  coremachine submit fan_out -p count=1000 --tag nightly --priority 10\n"
      "  coremachine submit list_container @params.json --delay 10m");
}

}  // namespace coremachine::cli
