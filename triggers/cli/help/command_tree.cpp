#include "triggers/cli/help/command_tree.hpp"

#include <array>

#include <coremachine/model/status.hpp>
#include <coremachine/schedule/schedule.hpp>

#include "jobs/builtin.hpp"

namespace coremachine::cli {
namespace {

OptionNode node_of(const CLI::Option& option) {
  OptionNode node;
  for (const auto& name : option.get_snames()) node.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) node.names.push_back("--" + name);
  const bool takes_value = option.get_positional() || (option.get_type_size() != 0 && option.get_expected_max() != 0);
  // Behind a colon comes what the value is checked for.
  if (takes_value) node.kind = option.get_type_name().substr(0, option.get_type_name().find(':'));
  node.value = option.get_positional() ? option.get_name(true, false) : node.kind;
  node.help = option.get_description();
  node.required = option.get_required();
  node.repeated = option.get_expected_max() > 1 || option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
  return node;
}

CommandNode node_of(const CLI::App& app, const std::string& above) {
  CommandNode node;
  node.name = app.get_name();
  node.path = above.empty() ? node.name : above + " " + node.name;
  node.help = app.get_description();
  node.footer = app.get_footer();
  node.group = app.get_group();
  for (const auto* option : app.get_options({})) {
    if (option->get_group().empty()) continue;
    (option->get_positional() ? node.arguments : node.options).push_back(node_of(*option));
  }
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) node.commands.push_back(node_of(*command, node.path));
  }
  return node;
}

template <class Statuses>
std::vector<std::string> texts_of(const Statuses& statuses) {
  std::vector<std::string> words;
  for (const auto status : statuses) words.emplace_back(to_string(status));
  return words;
}

std::vector<std::string> builtin_types(bool of_jobs) {
  JobRegistry jobs;
  TaskRegistry tasks;
  register_builtin_jobs(jobs, tasks);
  std::vector<std::string> names;
  if (of_jobs) {
    for (const auto& info : jobs.list_all_info()) names.push_back(info.name);
  } else {
    for (const auto& info : tasks.list_all_info()) names.push_back(info.name);
  }
  return names;
}

}  // namespace

CommandNode tree_of(const CLI::App& program) {
  return node_of(program, "");
}

bool is_file(const std::string& kind) {
  return kind == "FILE" || kind == "LIB";
}

std::string choices_of(const std::string& kind) {
  const auto words = words_for(kind);
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

std::vector<std::string> words_for(const std::string& kind) {
  if (kind == "FORMAT") return {"table", "json", "jsonl"};
  if (kind == "LEVEL") return {"debug", "info", "warn", "error", "off"};
  if (kind == "STYLE") return {"text", "json"};
  if (kind == "SHELL") return {"bash", "zsh", "fish"};
  if (kind == "BOOL") return {"true", "false"};
  if (kind == "PARTS") return {"params", "result", "params,result"};
  if (kind == "JOB_STATUS") return texts_of(all_job_statuses);
  if (kind == "TASK_STATUS") return texts_of(all_task_statuses);
  if (kind == "OVERLAP")
    return texts_of(
        std::array{OverlapPolicy::skip, OverlapPolicy::queue_one, OverlapPolicy::cancel_running, OverlapPolicy::allow});
  if (kind == "JOB_TYPE") return builtin_types(true);
  if (kind == "TASK_TYPE") return builtin_types(false);
  return {};
}

}  // namespace coremachine::cli
