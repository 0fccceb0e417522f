#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands/arguments.hpp"
#include "triggers/cli/commands/client_command.hpp"
#include "triggers/cli/commands/listing.hpp"
#include "triggers/cli/help/command_tree.hpp"
#include "triggers/cli/params_argument.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

/// What a schedule says, as far as the command line says it.
struct SpecArguments {
  std::string id;
  std::string type;
  std::string params;
  std::vector<std::string> pairs;
  std::string cron;
  std::string time_zone;
  std::string every;
  std::string anchor;
  std::string overlap;
  std::optional<std::uint32_t> catch_up_limit;
  std::string jitter;
  std::optional<int> priority;
  std::vector<std::string> tags;
  std::string starts_at;
  std::string ends_at;
  bool paused = false;
};

void add_spec_options(CLI::App& command, SpecArguments& spec) {
  command.add_option("--cron", spec.cron, "When, by the calendar, as \"30 2 * * MON-FRI\"")->type_name("EXPRESSION");
  command.add_option("--time-zone", spec.time_zone, "Of the cron expression, as Europe/Berlin; UTC if it is not said")
      ->type_name("ZONE");
  command.add_option("--every", spec.every, "When, in equal steps, as 15m; in place of --cron")->type_name("DURATION");
  command.add_option("--anchor", spec.anchor, "A time that the steps are counted from")->type_name("TIME");
  command.add_option("--overlap", spec.overlap, "What if the last job is not over: " + choices_of("OVERLAP"))
      ->type_name("OVERLAP");
  command.add_option("--catch-up", spec.catch_up_limit, "How many missed firings are made up for, 0 to 100")
      ->type_name("N");
  command.add_option("--jitter", spec.jitter, "Fire later by up to so much")->type_name("DURATION");
  command.add_option("--priority", spec.priority, "Of its jobs, -100 to 100")->type_name("N");
  add_repeated(command, "--tag", spec.tags, "Of its jobs; may be given again", "TAG");
  command.add_option("--starts-at", spec.starts_at, "No firing before this time")->type_name("TIME");
  command.add_option("--ends-at", spec.ends_at, "No firing at this time or later")->type_name("TIME");
}

/// Puts what was said in place of what `spec` has.
void apply(const SpecArguments& said, json::object& spec) {
  const auto set = [&](std::string_view key, const std::string& text) {
    if (!text.empty()) spec[key] = text;
  };
  set("job_type", said.type);
  if (!said.params.empty() || !said.pairs.empty()) spec["params"] = params_or_failure(said.params, said.pairs);
  // An interval takes the place of a cron expression, and the other way round.
  if (!said.cron.empty()) {
    spec.erase("every");
    spec.erase("anchor");
  }
  if (!said.every.empty()) {
    spec.erase("cron");
    spec.erase("time_zone");
  }
  set("cron", said.cron);
  set("time_zone", said.time_zone);
  set("every", said.every);
  set("anchor", said.anchor);
  set("overlap", said.overlap);
  if (said.catch_up_limit) spec["catch_up_limit"] = *said.catch_up_limit;
  set("jitter", said.jitter);
  if (said.priority) spec["priority"] = *said.priority;
  if (!said.tags.empty()) spec["tags"] = json::value_from(said.tags);
  set("starts_at", said.starts_at);
  set("ends_at", said.ends_at);
  if (said.paused) spec["paused"] = true;
}

std::vector<Column> schedule_columns() {
  return {column("ID", "id"),
          column("TYPE", "job_type"),
          {"WHEN",
           [](const json::object& schedule) {
             const auto every = cell_of(schedule, "every");
             if (!every.empty()) return "every " + every;
             return cell_of(schedule, "cron") + "  " + cell_of(schedule, "time_zone");
           }},
          column("STATUS", "status"),
          {"NEXT",
           [](const json::object& schedule) {
             const auto next = cell_of(schedule, "next_times");
             return time_column("", "at").cell({{"at", next.substr(0, next.find(','))}});
           }},
          column("FIRED", "fired"),
          column("MISSED", "missed"),
          column("TROUBLE", "error")};
}

void print_schedule(const json::object& schedule) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : schedule) {
    if (auto text = cell_of(schedule, key); !text.empty()) rows.push_back({std::string(key), std::move(text)});
  }
  print_table({"WHAT", "VALUE"}, rows);
}

void print_made(const SettingValues& settings, const json::value& schedule) {
  if (settings.format() != Format::table) return print_value(settings.format(), schedule);
  print_list(Format::table, json::array{schedule}, schedule_columns());
}

void add_list(CLI::App& schedules, Chosen& chosen) {
  auto page = std::make_shared<PageArguments>();
  auto* command = add_client_command(schedules, "list", "List the schedules", chosen,
                                     [page](Api& api, const SettingValues& settings) {
                                       print_pages(api, {"schedules"}, *page, settings, schedule_columns());
                                       return ExitCode::done;
                                     });
  add_page_options(*command, *page);
}

void add_show(CLI::App& schedules, Chosen& chosen) {
  auto ids = std::make_shared<std::vector<std::string>>();
  auto* command =
      add_client_command(schedules, "show", "Show a schedule: what it says, when it fires next, what came of it",
                         chosen, [ids](Api& api, const SettingValues& settings) {
                           return for_each_id(
                               *ids, settings,
                               [&](const std::string& id) {
                                 return api.get({"schedules", id});
                               },
                               [&](const json::value& schedule) {
                                 print_schedule(schedule.as_object());
                                 if (ids->size() > 1) std::printf("\n");
                               });
                         });
  command->add_option("ID", *ids, "The schedule's id; several are shown in turn")->required()->type_name("SCHEDULE");
}

void add_create(CLI::App& schedules, Chosen& chosen) {
  auto spec = std::make_shared<SpecArguments>();
  auto* command = add_client_command(schedules, "create", "Have a job submitted again and again", chosen,
                                     [spec](Api& api, const SettingValues& settings) {
                                       if (spec->cron.empty() == spec->every.empty())
                                         throw CommandFailure(ExitCode::usage, "when? either --cron or --every",
                                                              {"as in --cron \"30 2 * * MON-FRI\", or --every 15m"});
                                       json::object body;
                                       if (!spec->id.empty()) body["id"] = spec->id;
                                       apply(*spec, body);
                                       print_made(settings, api.post({"schedules"}, body).body);
                                       return ExitCode::done;
                                     });
  command->add_option("TYPE", spec->type, "The job type")->required()->type_name("JOB_TYPE");
  add_params_options(*command, spec->params, spec->pairs);
  command->add_option("--id", spec->id, "What it is called; made up if it is not said")->type_name("ID");
  add_spec_options(*command, *spec);
  command->add_flag("--paused", spec->paused, "Nothing fires until it is resumed");
  command->footer(
      "Examples:\n"
      "  coremachine schedules create report --id nightly --cron '30 2 * * MON-FRI' --time-zone Europe/Berlin\n"
      "  coremachine schedules create clean_up --every 15m -p days=30");
}

/// The members of a schedule that are what somebody wants, and not what came of it.
json::object spec_of(const json::object& schedule) {
  json::object spec;
  for (const auto* key : {"job_type", "params", "tags", "priority", "cron", "time_zone", "every", "anchor", "overlap",
                          "catch_up_limit", "jitter", "paused", "starts_at", "ends_at"}) {
    if (const auto* value = schedule.if_contains(key); value && !value->is_null()) spec[key] = *value;
  }
  return spec;
}

void add_update(CLI::App& schedules, Chosen& chosen) {
  auto spec = std::make_shared<SpecArguments>();
  auto* command = add_client_command(schedules, "update", "Change a schedule; what is not said stays as it is", chosen,
                                     [spec](Api& api, const SettingValues& settings) {
                                       const Target target{"schedules", spec->id};
                                       auto body = spec_of(api.get(target).as_object());
                                       apply(*spec, body);
                                       print_made(settings, api.put(target, body).body);
                                       return ExitCode::done;
                                     });
  command->add_option("ID", spec->id, "The schedule's id")->required()->type_name("SCHEDULE");
  add_params_options(*command, spec->params, spec->pairs);
  command->add_option("--type", spec->type, "The job type")->type_name("JOB_TYPE");
  add_spec_options(*command, *spec);
  command->footer("Example:\n  coremachine schedules update nightly --cron '0 3 * * *'");
}

/// pause, resume, run and rm, each of several.
void add_action(CLI::App& schedules, Chosen& chosen, const std::string& name, const std::string& help) {
  auto ids = std::make_shared<std::vector<std::string>>();
  auto* command =
      add_client_command(schedules, name, help, chosen, [ids, name](Api& api, const SettingValues& settings) {
        return for_each_id(
            *ids, settings,
            [&](const std::string& id) -> json::value {
              if (name != "rm") return api.post({"schedules", id, "$" + name}).body;
              api.remove({"schedules", id});
              return json::object{{"id", id}, {"status", "deleted"}};
            },
            [&](const json::value& answer) {
              const auto& object = answer.as_object();
              auto id = cell_of(object, "id");
              if (id.empty()) id = cell_of(object, "job_id");
              if (id.empty()) id = cell_of(object, "scheduled_for") + "  waits for the job before it";
              std::printf("%s  %s\n", printable(id).c_str(), printable(cell_of(object, "status")).c_str());
            });
      });
  command->add_option("ID", *ids, "The schedule's id; there may be several")->required()->type_name("SCHEDULE");
}

}  // namespace

void add_schedules(CLI::App& program, Chosen& chosen) {
  auto* schedules = add_group(program, "schedules", "Jobs by the calendar and at intervals");
  add_list(*schedules, chosen);
  add_show(*schedules, chosen);
  add_create(*schedules, chosen);
  add_update(*schedules, chosen);
  add_action(*schedules, chosen, "pause", "Nothing fires until it is resumed");
  add_action(*schedules, chosen, "resume", "Go on with a paused schedule");
  add_action(*schedules, chosen, "run", "Fire now, whatever the time");
  add_action(*schedules, chosen, "rm", "Remove a schedule; jobs that it has submitted go on");
}

}  // namespace coremachine::cli
