#include "triggers/cli/commands/jobs_command.hpp"

#include <cstdio>
#include <memory>
#include <string>

#include "triggers/cli/commands/arguments.hpp"
#include "triggers/cli/commands/client_command.hpp"
#include "triggers/cli/commands/watch.hpp"
#include "triggers/cli/help/command_tree.hpp"
#include "triggers/cli/stage_counts.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

const json::array& array_at(const json::object& object, std::string_view key) {
  static const json::array none;
  const auto* value = object.if_contains(key);
  return value && value->is_array() ? value->get_array() : none;
}

/// `990/1,000, 10 failed`.
std::string progress_of(const json::object& stage) {
  const auto* counts = stage.if_contains("tasks");
  return counts && counts->is_object() ? listed(StageCounts(counts->get_object()).words()) : std::string();
}

/// Of the newest round.
std::string progress_of_job(const json::object& job) {
  const auto& stages = array_at(job, "stages");
  return stages.empty() || !stages.back().is_object() ? std::string() : progress_of(stages.back().get_object());
}

std::string status_help(const std::string& kind) {
  return "Only in this status: " + choices_of(kind) + "; may be given again";
}

std::vector<Column> job_columns() {
  return {column("ID", "job_id"),
          column("TYPE", "job_type"),
          column("STATUS", "status"),
          column("STAGE", "stage"),
          {"TASKS", progress_of_job},
          column("PRIORITY", "priority"),
          time_column("CREATED", "created_at"),
          time_column("FINISHED", "finished_at"),
          column("TAGS", "tags")};
}

std::vector<Column> task_columns() {
  return {column("STAGE", "stage"),
          column("ROUND", "round"),
          column("INDEX", "index"),
          column("TYPE", "task_type"),
          column("STATUS", "status"),
          column("ATTEMPT", "attempt"),
          column("WORKER", "worker"),
          time_column("STARTED", "started_at"),
          time_column("FINISHED", "finished_at"),
          column("ERROR", "error.message")};
}

void print_job(const json::object& job) {
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* what, const Column& from) {
    if (auto text = from.cell(job); !text.empty()) rows.push_back({what, std::move(text)});
  };
  add("job", column("", "job_id"));
  add("type", column("", "job_type"));
  add("status", column("", "status"));
  add("attempt", column("", "attempt"));
  add("priority", column("", "priority"));
  add("tags", column("", "tags"));
  add("created", time_column("", "created_at"));
  add("due", time_column("", "run_at"));
  add("started", time_column("", "started_at"));
  add("finished", time_column("", "finished_at"));
  add("params", column("", "params"));
  add("result", column("", "result"));
  add("error", column("", "error.message"));
  print_table({"WHAT", "VALUE"}, rows);
  if (array_at(job, "stages").empty()) return;
  std::printf("\n");
  print_list(Format::table, json::value(array_at(job, "stages")),
             {column("STAGE", "stage"),
              column("ROUND", "round"),
              column("STATUS", "status"),
              {"TASKS", progress_of},
              time_column("STARTED", "started_at"),
              time_column("FINISHED", "finished_at")});
}

void add_list(CLI::App& jobs, Chosen& chosen) {
  struct Arguments {
    JobFilter filter;
    std::string search;
    PageArguments page;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = add_client_command(jobs, "list", "List jobs, the newest first", chosen,
                                     [arguments](Api& api, const SettingValues& settings) {
                                       const auto& filter = arguments->filter;
                                       Target target{"jobs"};
                                       target.with("status", joined(filter.statuses))
                                           .with("type", filter.type)
                                           .with("tags", joined(filter.tags))
                                           .with("since", time_argument(filter.since))
                                           .with("until", time_argument(filter.until))
                                           .with("q", arguments->search);
                                       print_pages(api, target, arguments->page, settings, job_columns());
                                       return ExitCode::done;
                                     });
  add_filter_options(*command, arguments->filter);
  command->add_option("-s,--search", arguments->search, "Only with this text in the id, type, a tag or the error")
      ->type_name("TEXT");
  add_page_options(*command, arguments->page);
  command->footer(
      "Examples:\n"
      "  coremachine jobs list --status failed --status dead --since 24h\n"
      "  coremachine jobs list --tag nightly --all -o jsonl");
}

void add_show(CLI::App& jobs, Chosen& chosen) {
  auto ids = std::make_shared<std::vector<std::string>>();
  auto* command = add_client_command(jobs, "show", "Show everything about a job", chosen,
                                     [ids](Api& api, const SettingValues& settings) {
                                       return for_each_id(
                                           *ids, settings,
                                           [&](const std::string& id) {
                                             return api.get({"jobs", id});
                                           },
                                           [&](const json::value& job) {
                                             print_job(job.as_object());
                                             if (ids->size() > 1) std::printf("\n");
                                           });
                                     });
  command->add_option("ID", *ids, "The job's id; several are shown in turn")->required()->type_name("JOB");
}

void add_watch(CLI::App& jobs, Chosen& chosen) {
  struct Arguments {
    std::string id;
    std::string longest;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = add_client_command(jobs, "watch", "Watch a job until it is over, and print its result", chosen,
                                     [arguments](Api& api, const SettingValues& settings) {
                                       return watch_job(api, arguments->id, settings,
                                                        duration_argument("--wait-timeout", arguments->longest), true);
                                     });
  command->add_option("ID", arguments->id, "The job's id")->required()->type_name("JOB");
  command->add_option("--wait-timeout", arguments->longest, "Stop watching after so long, with exit 124")
      ->type_name("DURATION");
  command->footer(
      "With -o jsonl every event is a line; with -o json the job is printed when it is over. The exit status says\n"
      "what became of it: 0 it completed, 1 it failed, 124 it ran into its timeout.");
}

void add_tasks_of(CLI::App& jobs, Chosen& chosen) {
  struct Arguments {
    std::string id;
    std::string stage;
    std::string round;
    std::vector<std::string> statuses;
    std::string expand;
    PageArguments page;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = add_client_command(jobs, "tasks", "List the tasks of a job", chosen,
                                     [arguments](Api& api, const SettingValues& settings) {
                                       Target target{"jobs", arguments->id, "tasks"};
                                       target.with("stage", arguments->stage)
                                           .with("round", arguments->round)
                                           .with("status", joined(arguments->statuses))
                                           .with("expand", arguments->expand);
                                       auto columns = task_columns();
                                       if (arguments->expand.find("params") != std::string::npos)
                                         columns.push_back(column("PARAMS", "params"));
                                       if (arguments->expand.find("result") != std::string::npos)
                                         columns.push_back(column("RESULT", "result"));
                                       print_pages(api, target, arguments->page, settings, columns);
                                       return ExitCode::done;
                                     });
  command->add_option("ID", arguments->id, "The job's id")->required()->type_name("JOB");
  command->add_option("--stage", arguments->stage, "Only of this stage")->type_name("N");
  command->add_option("--round", arguments->round, "Only of this round")->type_name("N");
  add_repeated(*command, "--status", arguments->statuses, status_help("TASK_STATUS"), "TASK_STATUS");
  command->add_option("--expand", arguments->expand, "Show these too: " + choices_of("PARTS"))->type_name("PARTS");
  add_page_options(*command, arguments->page);
}

void add_explain(CLI::App& jobs, Chosen& chosen) {
  auto ids = std::make_shared<std::vector<std::string>>();
  auto* command = add_client_command(
      jobs, "explain", "Say why a job is not finished", chosen, [ids](Api& api, const SettingValues& settings) {
        return for_each_id(
            *ids, settings,
            [&](const std::string& id) {
              return api.get({"jobs", id, "explain"});
            },
            [&](const json::value& answer) {
              const auto& reasons = array_at(answer.as_object(), "reasons");
              if (reasons.empty())
                return static_cast<void>(std::printf("%s is %s\n",
                                                     printable(cell_of(answer.as_object(), "job_id")).c_str(),
                                                     printable(cell_of(answer.as_object(), "status")).c_str()));
              print_list(Format::table, json::value(reasons),
                         {column("WAITS FOR", "code"), column("COUNT", "count"), column("EXAMPLE", "example"),
                          column("DETAIL", "detail")});
            });
      });
  command->add_option("ID", *ids, "The job's id; several are explained in turn")->required()->type_name("JOB");
}

}  // namespace

void add_filter_options(CLI::App& command, JobFilter& filter) {
  add_repeated(command, "--status", filter.statuses, status_help("JOB_STATUS"), "JOB_STATUS");
  command.add_option("--type", filter.type, "Only of this job type")->type_name("JOB_TYPE");
  add_repeated(command, "--tag", filter.tags, "Only with this tag; given again, with all of them", "TAG");
  command.add_option("--since", filter.since, "Only made at this time or later; 2h is two hours ago")
      ->type_name("TIME");
  command.add_option("--until", filter.until, "Only made before this time")->type_name("TIME");
}

void add_job_readers(CLI::App& jobs, Chosen& chosen) {
  add_list(jobs, chosen);
  add_show(jobs, chosen);
  add_watch(jobs, chosen);
  add_tasks_of(jobs, chosen);
  add_explain(jobs, chosen);
}

void add_jobs(CLI::App& program, Chosen& chosen) {
  auto* jobs = add_group(program, "jobs", "Jobs of a server: list, watch, cancel, retry …");
  add_job_readers(*jobs, chosen);
  add_job_actions(*jobs, chosen);
}

}  // namespace coremachine::cli
