#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "triggers/cli/command_failure.hpp"
#include "triggers/cli/commands/arguments.hpp"
#include "triggers/cli/commands/client_command.hpp"
#include "triggers/cli/commands/jobs_command.hpp"
#include "triggers/cli/params_argument.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

struct ActionArguments {
  std::vector<std::string> ids;
  bool all_matching = false;
  JobFilter filter;
  bool dry_run = false;
};

json::object to_json(const JobFilter& filter) {
  json::object object;
  if (!filter.statuses.empty()) object["status"] = json::value_from(filter.statuses);
  if (!filter.type.empty()) object["type"] = filter.type;
  if (!filter.tags.empty()) object["tags"] = json::value_from(filter.tags);
  if (!filter.since.empty()) object["since"] = time_argument(filter.since);
  if (!filter.until.empty()) object["until"] = time_argument(filter.until);
  return object;
}

/// Either ids, or `--all-matching` with a filter.
void check(const ActionArguments& arguments, const std::string& name) {
  const std::string command = "`coremachine jobs " + name;
  if (arguments.all_matching && !arguments.ids.empty())
    throw CommandFailure(ExitCode::usage, "--all-matching is in place of ids, and there are both");
  if (arguments.all_matching && arguments.filter.empty())
    throw CommandFailure(ExitCode::usage,
                         "--all-matching needs at least one of --status, --type, --tag, --since, --until",
                         {"as in " + command + " --all-matching --tag nightly --dry-run`"});
  if (!arguments.all_matching && (!arguments.filter.empty() || arguments.dry_run))
    throw CommandFailure(ExitCode::usage, "filters and --dry-run go with --all-matching",
                         {"as in " + command + " --all-matching --tag nightly --dry-run`"});
  if (!arguments.all_matching && arguments.ids.empty())
    throw CommandFailure(ExitCode::usage, "which job?",
                         {command + " ID`, or " + command + " --all-matching --tag nightly`"});
}

ExitCode act_on_all(Api& api, const SettingValues& settings, const std::string& verb,
                    const ActionArguments& arguments) {
  const auto answer = api.post({"jobs", "$" + verb},
                               json::object{{"filter", to_json(arguments.filter)}, {"dry_run", arguments.dry_run}});
  if (settings.format() != Format::table) {
    print_value(settings.format(), answer.body);
    return ExitCode::done;
  }
  const auto matched = cell_of(answer.body.as_object(), "matched");
  if (arguments.dry_run) {
    std::printf("%s %s; without --dry-run it is done\n", matched.c_str(),
                matched == "1" ? "job matches" : "jobs match");
  } else {
    std::printf("%s %s matched, %s changed\n", matched.c_str(), matched == "1" ? "job" : "jobs",
                cell_of(answer.body.as_object(), "changed").c_str());
  }
  return ExitCode::done;
}

void print_status(const json::value& job) {
  std::printf("%s  %s\n", printable(cell_of(job.as_object(), "job_id")).c_str(),
              printable(cell_of(job.as_object(), "status")).c_str());
}

/// A command that has a job change its state. `verb` is what the server calls it.
void add_action(CLI::App& jobs, Chosen& chosen, const std::string& name, const std::string& verb,
                const std::string& help, bool bulk) {
  auto arguments = std::make_shared<ActionArguments>();
  auto* command = add_client_command(jobs, name, help, chosen, [=](Api& api, const SettingValues& settings) {
    check(*arguments, name);
    if (arguments->all_matching) return act_on_all(api, settings, verb, *arguments);
    return for_each_id(
        arguments->ids, settings,
        [&](const std::string& id) -> json::value {
          if (verb != "delete") return api.post({"jobs", id, "$" + verb}).body;
          api.remove({"jobs", id});
          return json::object{{"job_id", id}, {"status", "deleted"}};
        },
        print_status);
  });
  auto* ids = command->add_option("ID", arguments->ids, "The job's id; there may be several")->type_name("JOB");
  if (!bulk) {
    ids->required();
    return;
  }
  command->add_flag("--all-matching", arguments->all_matching,
                    "In place of ids: every job that the filters below match");
  add_filter_options(*command, arguments->filter);
  command->add_flag("--dry-run", arguments->dry_run, "Only say how many match");
  command->footer("Example:\n  coremachine jobs " + name + " --all-matching --tag nightly --since 24h --dry-run");
}

void add_signal(CLI::App& jobs, Chosen& chosen) {
  struct Arguments {
    std::string id;
    std::string name;
    std::string data;
    std::vector<std::string> pairs;
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = add_client_command(
      jobs, "signal", "Send a signal, which opens a gate that waits for it", chosen,
      [arguments](Api& api, const SettingValues& settings) {
        json::value data;
        if (!arguments->data.empty() || !arguments->pairs.empty()) {
          auto read = value_from(arguments->data, arguments->pairs);
          if (!read) throw CommandFailure(ExitCode::usage, read.error().message);
          data = std::move(*read);
        }
        return for_each_id(
            {arguments->id}, settings,
            [&](const std::string& id) {
              return api.post({"jobs", id, "$signal"}, json::object{{"name", arguments->name}, {"data", data}}).body;
            },
            print_status);
      });
  command->add_option("ID", arguments->id, "The job's id")->required()->type_name("JOB");
  command->add_option("NAME", arguments->name, "The signal's name, as the gate has it")->required()->type_name("NAME");
  command->add_option("DATA", arguments->data, "What it carries: JSON, @FILE, or - for standard input")
      ->type_name("JSON");
  add_repeated(*command, "-p,--param", arguments->pairs, "One member of an object as key=value; may be given again",
               "KEY=VALUE");
  command->footer("Example:\n  coremachine jobs signal JOB approved '{\"by\": \"Ada\"}'");
}

}  // namespace

void add_job_actions(CLI::App& jobs, Chosen& chosen) {
  add_action(jobs, chosen, "cancel", "cancel", "End a job: nothing of it starts any more", true);
  add_action(jobs, chosen, "pause", "pause", "Start nothing more of a job; what runs may end", false);
  add_action(jobs, chosen, "resume", "resume", "Go on with a paused job", false);
  add_action(jobs, chosen, "retry", "retry", "Run again what did not complete of a job that is over", true);
  add_signal(jobs, chosen);
  add_action(jobs, chosen, "rm", "delete", "Forget a job that is over", true);
}

}  // namespace coremachine::cli
