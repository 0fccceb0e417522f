#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <coremachine/model/error.hpp>

#include "triggers/cli/commands/arguments.hpp"
#include "triggers/cli/commands/client_command.hpp"
#include "triggers/cli/commands/listing.hpp"
#include "triggers/cli/commands/watch.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

/// An object as one row a member, nested values as JSON.
void print_members(const json::object& object) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : object) rows.push_back({std::string(key), cell_of(object, key)});
  print_table({"WHAT", "VALUE"}, rows);
}

void add_shows(CLI::App& parent, Chosen& chosen, const std::string& collection, const std::string& help,
               const std::string& type_name) {
  auto names = std::make_shared<std::vector<std::string>>();
  auto* command =
      add_client_command(parent, "show", help, chosen, [names, collection](Api& api, const SettingValues& settings) {
        return for_each_id(
            *names, settings,
            [&](const std::string& name) {
              return api.get({collection, name});
            },
            [&](const json::value& value) {
              print_members(value.as_object());
              if (names->size() > 1) std::printf("\n");
            });
      });
  command->add_option("NAME", *names, "The name; several are shown in turn")->required()->type_name(type_name);
}

ExitCode list_types(Api& api, const SettingValues& settings) {
  print_list(settings.format(), api.get({"job-types"}),
             {column("NAME", "name"), column("VERSION", "version"), column("TAGS", "tags"),
              column("DESCRIPTION", "description")});
  return ExitCode::done;
}

void add_task_list(CLI::App& tasks, Chosen& chosen) {
  auto tags = std::make_shared<std::vector<std::string>>();
  auto* command = add_client_command(tasks, "list", "List the task types that a server knows", chosen,
                                     [tags](Api& api, const SettingValues& settings) {
                                       Target target{"tasks"};
                                       print_list(settings.format(), api.get(target.with("tags", joined(*tags))),
                                                  {column("NAME", "name"), column("TAGS", "tags"),
                                                   column("TIMEOUT", "timeout"), column("DESCRIPTION", "description")});
                                       return ExitCode::done;
                                     });
  add_repeated(*command, "--tag", *tags, "Only with this tag; given again, with all of them", "TAG");
}

struct ExecuteArguments {
  std::string name;
  std::string params;
  std::vector<std::string> pairs;
  bool wait = false;
  std::string longest;
};

const json::value* member_of(const json::object& object, std::string_view key, std::string_view below) {
  const auto* value = object.if_contains(key);
  return value && value->is_object() ? value->get_object().if_contains(below) : nullptr;
}

/// What the task returned. Where what the job has is large as a whole, the task knows its part of it.
json::value result_of(Api& api, const json::object& job) {
  if (const auto* result = member_of(job, "result", "result")) return *result;
  if (!member_of(job, "result", "$artifact")) return nullptr;
  Target target{"jobs", cell_of(job, "job_id"), "tasks"};
  const auto tasks = api.get(target.with("expand", "result"));
  const auto& items = items_of(tasks);
  return items.empty() ? json::value() : items.front().at("result");
}

/// What the task came to, in the form in which the server tells it to who waits there: as it was accepted, as its job
/// is now, and what the task raised.
json::object outcome_of(Api& api, json::object accepted, const json::object& job, const json::value& raised) {
  accepted["status"] = job.at("status");
  accepted["result"] = result_of(api, job);
  auto& error = accepted["error"] = nullptr;
  if (const auto* code = member_of(job, "error", "code")) {
    error = json::object{{"type", *code}, {"message", cell_of(job, "error.message")}};
    const bool by_task = cell_of(job, "error.code") == to_string(ErrorCode::task_failed);
    if (by_task && !cell_of({{"error", raised}}, "error.type").empty()) error = raised;
  }
  return accepted;
}

ExitCode tell_outcome(const json::object& outcome, const SettingValues& settings) {
  const auto* error = outcome.if_contains("error");
  const bool failed = error && !error->is_null();
  if (settings.format() != Format::table) {
    print_value(settings.format(), outcome);
  } else if (const auto* result = outcome.if_contains("result"); result && !failed) {
    print_value(Format::table, *result);
  }
  if (!failed) return ExitCode::done;
  print_error("the task failed: " + cell_of(outcome, "error.type") + ": " + cell_of(outcome, "error.message"));
  return ExitCode::job_failed;
}

ExitCode wait_for_outcome(Api& api, const json::object& accepted, const SettingValues& settings,
                          const std::optional<Milliseconds>& longest) {
  json::value raised;
  const auto note_error = [&](const std::string& event, const json::object& data) {
    const auto* error = event == "task.failed" ? data.if_contains("error") : nullptr;
    if (error) raised = *error;
  };
  const auto watched = await_job(api, cell_of(accepted, "job_id"), settings,
                                 {.longest = longest, .draws = false, .on_event = note_error});
  if (watched.how != Followed::ended && watched.job.empty()) return ExitCode::timed_out;
  const auto outcome = outcome_of(api, accepted, watched.job, raised);
  if (watched.how == Followed::ended) return tell_outcome(outcome, settings);
  print_value(settings.format(), outcome);
  return ExitCode::timed_out;
}

ExitCode execute(Api& api, const SettingValues& settings, const ExecuteArguments& arguments) {
  const auto longest = duration_argument("--wait-timeout", arguments.longest);
  const auto answer = api.post({"tasks", arguments.name, "$execute"},
                               json::object{{"params", params_or_failure(arguments.params, arguments.pairs)}});
  const auto& body = answer.body.as_object();
  const auto id = cell_of(body, "job_id");
  // Not the server waits, but this program: it can say which job it is when somebody has waited long enough.
  if (arguments.wait || longest) return wait_for_outcome(api, body, settings, longest);
  if (settings.format() != Format::table) {
    print_value(settings.format(), body);
  } else {
    std::printf("%s\n", id.c_str());
    hint(settings, "`coremachine jobs watch " + id + "` watches it");
  }
  return ExitCode::done;
}

void add_execute(CLI::App& tasks, Chosen& chosen) {
  auto arguments = std::make_shared<ExecuteArguments>();
  auto* command = add_client_command(
      tasks, "execute", "Call one task, outside of any job of yours", chosen,
      [arguments](Api& api, const SettingValues& settings) { return execute(api, settings, *arguments); });
  command->add_option("NAME", arguments->name, "The task type, as greet")->required()->type_name("TASK_TYPE");
  add_params_options(*command, arguments->params, arguments->pairs);
  command->add_flag("--wait", arguments->wait, "Wait for it, and print its result");
  command->add_option("--wait-timeout", arguments->longest, "The same, for so long at most; then exit 124")
      ->type_name("DURATION");
  command->footer("Example:\n  coremachine tasks execute greet -p message=Welcome --wait");
}

}  // namespace

void add_types(CLI::App& program, Chosen& chosen) {
  auto* types = add_client_group(program, "types", "Job types of a server", chosen, list_types);
  add_client_command(*types, "list", "List the job types that a server knows", chosen, list_types);
  add_shows(*types, chosen, "job-types", "Show a job type: its params, its stages", "JOB_TYPE");
}

void add_tasks(CLI::App& program, Chosen& chosen) {
  auto* tasks = add_group(program, "tasks", "Task types of a server: list, show, execute");
  add_task_list(*tasks, chosen);
  add_shows(*tasks, chosen, "tasks", "Show a task type: its params, its retries", "TASK_TYPE");
  add_execute(*tasks, chosen);
}

}  // namespace coremachine::cli
