#include <cstdio>
#include <memory>
#include <string>

#include "core/embed/open_store.hpp"
#include "core/ports/store_url.hpp"
#include "core/store/check.hpp"
#include "core/store/files/artifact_files.hpp"
#include "triggers/cli/commands.hpp"
#include "triggers/cli/config/command_settings.hpp"
#include "triggers/cli/output.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

struct DbArguments {
  std::string store;
  std::string target;
  bool repair = false;
};

json::object stats_json(const StoreStats& stats) {
  return {{"store", stats.kind},
          {"location", stats.location},
          {"bytes", stats.bytes},
          {"jobs", stats.jobs},
          {"unfinished_jobs", stats.unfinished},
          {"closed_rounds", stats.rounds},
          {"definition_segments", stats.definition_segments},
          {"outcome_segments", stats.outcome_segments},
          {"tasks_defined", stats.tasks_defined},
          {"tasks_finished", stats.tasks_finished},
          {"artifact_references", stats.artifact_references},
          {"incarnation", stats.incarnation},
          {"last_commit", stats.last_commit},
          {"schema_version", stats.schema_version}};
}

/// The artifact store that belongs to it; null if there is none.
std::unique_ptr<ArtifactStore> artifacts_of(const embed::OpenedStore& opened) {
  auto artifacts = opened.open_artifacts(true);
  if (artifacts) return std::move(*artifacts);
  if (artifacts.error().code == ErrorCode::store_missing) return nullptr;
  throw Failure(artifacts.error());
}

ExitCode stats(const DbArguments& arguments, Format format) {
  const auto opened = embed::open_store(arguments.store, true);
  const auto artifacts = artifacts_of(opened);
  const auto kept = artifacts ? artifacts->stats() : Result<ArtifactStats>(ArtifactStats{});
  if (!kept) throw Failure(kept.error());
  auto values = stats_json(opened.store->stats());
  values["artifacts"] = kept->count;
  values["artifact_bytes"] = kept->bytes;
  if (format != Format::table) {
    print_value(format, values);
    return ExitCode::done;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : values) {
    rows.push_back({std::string(key), value.is_string() ? std::string(value.as_string()) : compact(value)});
  }
  print_table({"WHAT", "VALUE"}, rows);
  return ExitCode::done;
}

/// What keeps the store from being opened at all, or from being read on, is a finding like the others.
CheckFindings findings_of(const DbArguments& arguments) {
  bool is_open = false;
  try {
    const auto opened = embed::open_store(arguments.store, true);
    const auto artifacts = artifacts_of(opened);
    is_open = true;
    return check_store(*opened.store, arguments.repair, artifacts.get());
  } catch (const Failure& failure) {
    if (!is_open && failure.error().code != ErrorCode::store_damaged) throw;
    CheckFindings findings;
    findings.problems.push_back(failure.error().message);
    return findings;
  }
}

ExitCode check(const DbArguments& arguments, Format format) {
  const auto found = findings_of(arguments);
  if (format != Format::table) {
    json::array problems;
    for (const auto& problem : found.problems) problems.emplace_back(problem);
    json::array repairs;
    for (const auto& repair : found.repairs) repairs.emplace_back(repair);
    print_value(format, json::object{{"sound", found.problems.empty()},
                                     {"jobs", found.jobs},
                                     {"tasks", found.tasks},
                                     {"artifacts", found.artifacts},
                                     {"problems", std::move(problems)},
                                     {"repairs", std::move(repairs)}});
  } else {
    for (const auto& repair : found.repairs) std::printf("repaired: %s\n", repair.c_str());
    for (const auto& problem : found.problems) std::printf("damaged: %s\n", problem.c_str());
    std::printf("%s: %s jobs, %s tasks", found.problems.empty() ? "sound" : "not sound", grouped(found.jobs).c_str(),
                grouped(found.tasks).c_str());
    if (found.artifacts > 0) std::printf(", %s artifacts", grouped(found.artifacts).c_str());
    std::printf("\n");
  }
  return found.problems.empty() ? ExitCode::done : ExitCode::job_failed;
}

ExitCode backup(const DbArguments& arguments, Format format) {
  const auto opened = embed::open_store(arguments.store, true);
  const std::string scheme = "sqlite:";
  const auto target = arguments.target.starts_with(scheme) ? arguments.target.substr(scheme.size()) : arguments.target;
  const auto artifacts = artifacts_of(opened);  // nobody else has them open as long as we have
  auto done = opened.store->backup(target);
  if (done && artifacts) {
    done = copy_artifact_files(arguments.store.substr(scheme.size()) + "-artifacts", target + "-artifacts");
  }
  if (!done) {
    print_error(done.error());
    return exit_code_for(done.error());
  }
  if (format == Format::table) {
    std::printf("copied %s to %s\n", without_password(arguments.store).c_str(), target.c_str());
  } else {
    print_value(format, json::object{{"store", without_password(arguments.store)}, {"backup", target}});
  }
  return ExitCode::done;
}

/// A damaged store is what these commands are for: it is an answer, not a failure to reach one.
ExitCode guarded(ExitCode (*command)(const DbArguments&, Format), DbArguments arguments,
                 const SettingValues& settings) {
  arguments.store = settings.text("store");
  if (arguments.store.starts_with("memory:")) settings.refuse("store", "takes a store that outlives a program");
  try {
    return command(arguments, settings.format());
  } catch (const Failure& failure) {
    print_error(failure.error());
    return failure.error().code == ErrorCode::store_damaged ? ExitCode::job_failed : exit_code_for(failure.error());
  }
}

}  // namespace

void add_db(CLI::App& program, Chosen& chosen) {
  auto* db = program.add_subcommand("db", "Look after a store that no server has open");
  db->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& help,
                       ExitCode (*command)(const DbArguments&, Format)) {
    auto arguments = std::make_shared<DbArguments>();
    auto* sub = db->add_subcommand(name, help);
    auto taken = std::make_shared<CommandSettings>(*sub, std::vector<std::string_view>{"store", "output"});
    sub->callback([arguments, command, taken, &chosen] {
      chosen = [arguments, command, taken] { return guarded(command, *arguments, taken->values()); };
    });
    return std::pair{sub, arguments};
  };
  const auto [checked, check_arguments] =
      add("check", "Prove every invariant: 0 it is sound, 1 it is damaged, 3 there is no such store", check);
  checked->add_flag("--repair", check_arguments->repair, "Mend what can be mended, and say what was");
  const auto [backed, backup_arguments] = add("backup", "Copy the store to a new file", backup);
  backed->add_option("FILE", backup_arguments->target, "The file to make")->required();
  add("stats", "Sizes and counts", stats);
}

}  // namespace coremachine::cli
