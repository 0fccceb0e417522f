#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands/arguments.hpp"
#include "triggers/cli/commands/client_command.hpp"
#include "triggers/cli/commands/listing.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

/// A number that is 0 where there is no limit.
Column limit_column(std::string head, std::string path) {
  return {std::move(head), [path = std::move(path)](const json::object& object) {
            const auto text = cell_of(object, path);
            return text == "0" || text == "0.0" ? std::string("-") : text;
          }};
}

std::vector<Column> limit_columns() {
  return {column("TASK TYPE", "task_type"), limit_column("CONCURRENCY", "max_concurrency"),
          limit_column("RATE", "rate"), limit_column("BURST", "burst"), column("PAUSED", "paused")};
}

void print_limit(Format format, const json::value& limit) {
  if (format == Format::table) {
    print_list(format, json::array{limit}, limit_columns());
  } else {
    print_value(format, limit);
  }
}

ExitCode show(Api& api, const SettingValues& settings) {
  print_list(settings.format(), api.get({"limits"}), limit_columns());
  return ExitCode::done;
}

struct SetArguments {
  std::string type;
  std::optional<std::uint32_t> max_concurrency;
  std::optional<double> rate;
  std::optional<std::uint32_t> burst;
  std::optional<bool> paused;
};

/// What is not said stays as it is.
ExitCode set(Api& api, const SettingValues& settings, const SetArguments& arguments) {
  if (!arguments.max_concurrency && !arguments.rate && !arguments.burst && !arguments.paused)
    throw CommandFailure(ExitCode::usage, "which limit? --max-concurrency, --rate, --burst or --paused",
                         {"as in `coremachine limits set " + arguments.type + " --max-concurrency 4`"});
  const Target target{"limits", arguments.type};
  const auto now = api.get(target).as_object();
  json::object wanted;
  for (const auto* key : {"max_concurrency", "rate", "burst", "paused"}) {
    if (const auto* value = now.if_contains(key)) wanted[key] = *value;
  }
  if (arguments.max_concurrency) wanted["max_concurrency"] = *arguments.max_concurrency;
  if (arguments.rate) wanted["rate"] = *arguments.rate;
  // A burst is of a rate, and goes with it.
  if (arguments.rate && *arguments.rate == 0) wanted["burst"] = 0;
  if (arguments.burst) wanted["burst"] = *arguments.burst;
  if (arguments.paused) wanted["paused"] = *arguments.paused;
  print_limit(settings.format(), api.put(target, wanted).body);
  return ExitCode::done;
}

void add_set(CLI::App& limits, Chosen& chosen) {
  auto arguments = std::make_shared<SetArguments>();
  auto* command = add_client_command(
      limits, "set", "Limit a task type, over all jobs; in force at once", chosen,
      [arguments](Api& api, const SettingValues& settings) { return set(api, settings, *arguments); });
  command->add_option("TASK_TYPE", arguments->type, "The task type")->required()->type_name("TASK_TYPE");
  command->add_option("--max-concurrency", arguments->max_concurrency, "So many run at a time; 0: no limit")
      ->type_name("N");
  command->add_option("--rate", arguments->rate, "So many begin in a second; 0: no limit")->type_name("N");
  command->add_option("--burst", arguments->burst, "So many may begin at once after a quiet time; needs a rate")
      ->type_name("N");
  command->add_option("--paused", arguments->paused, "true: none starts; false: they start again")->type_name("BOOL");
  command->footer(
      "What is not said stays as it is.\n"
      "Example:\n  coremachine limits set fetch --max-concurrency 4 --rate 20");
}

void add_remove(CLI::App& limits, Chosen& chosen) {
  auto types = std::make_shared<std::vector<std::string>>();
  auto* command = add_client_command(
      limits, "rm", "Take the limits of a task type away", chosen, [types](Api& api, const SettingValues& settings) {
        return for_each_id(
            *types, settings,
            [&](const std::string& type) -> json::value {
              api.remove({"limits", type});
              return json::object{{"task_type", type}, {"status", "removed"}};
            },
            [](const json::value& removed) {
              std::printf("%s  removed\n", cell_of(removed.as_object(), "task_type").c_str());
            });
      });
  command->add_option("TASK_TYPE", *types, "The task type; there may be several")->required()->type_name("TASK_TYPE");
}

ExitCode list_workers(Api& api, const SettingValues& settings) {
  print_list(settings.format(), api.get({"workers"}),
             {column("NAME", "name"),
              column("KIND", "kind"),
              column("CONCURRENCY", "concurrency"),
              {"RUNNING",
               [](const json::object& worker) {
                 const auto* tasks = worker.if_contains("tasks");
                 return tasks && tasks->is_array() ? std::to_string(tasks->get_array().size()) : std::string();
               }},
              time_column("CONNECTED", "connected_at"),
              time_column("LAST SEEN", "last_seen"),
              column("TASK TYPES", "task_types")});
  return ExitCode::done;
}

ExitCode list_queues(Api& api, const SettingValues& settings) {
  print_list(settings.format(), api.get({"queues"}),
             {column("NAME", "name"), column("WAITING", "depth"), column("RUNNING", "running"),
              column("OLDEST (S)", "oldest_age"), column("WORKER", "available"), column("PAUSED", "paused")});
  return ExitCode::done;
}

void add_queue_switch(CLI::App& queues, Chosen& chosen, const std::string& name, const std::string& help) {
  auto names = std::make_shared<std::vector<std::string>>();
  auto* command =
      add_client_command(queues, name, help, chosen, [names, name](Api& api, const SettingValues& settings) {
        return for_each_id(
            *names, settings,
            [&](const std::string& queue) {
              return api.post({"queues", queue, "$" + name}).body;
            },
            [](const json::value& limit) { print_limit(Format::table, limit); });
      });
  command->add_option("NAME", *names, "The queue or task type; there may be several")
      ->required()
      ->type_name("TASK_TYPE");
}

}  // namespace

void add_limits(CLI::App& program, Chosen& chosen) {
  auto* limits = add_client_group(program, "limits", "How many tasks of a type run at a time, and how fast they begin",
                                  chosen, show);
  add_client_command(*limits, "show", "Show the limits that are set", chosen, show);
  add_set(*limits, chosen);
  add_remove(*limits, chosen);
}

void add_workers(CLI::App& program, Chosen& chosen) {
  auto* workers = add_client_group(program, "workers", "Who runs tasks for a server", chosen, list_workers);
  add_client_command(*workers, "list", "List the workers of a server", chosen, list_workers);
}

void add_queues(CLI::App& program, Chosen& chosen) {
  auto* queues = add_client_group(program, "queues", "What waits, by task type", chosen, list_queues);
  add_client_command(*queues, "list", "List what waits and since when", chosen, list_queues);
  add_queue_switch(*queues, chosen, "pause", "Start nothing more of a queue or task type");
  add_queue_switch(*queues, chosen, "resume", "Go on with a queue or task type");
}

}  // namespace coremachine::cli
