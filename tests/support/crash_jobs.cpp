#include "tests/support/crash_jobs.hpp"

#include <chrono>
#include <csignal>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <utility>

#include "core/embed/open_store.hpp"
#include "core/model/job_view.hpp"
#include "core/runtime/artifact_collector.hpp"
#include "core/runtime/shell.hpp"
#include "core/store/check.hpp"
#include "tests/support/large_jobs.hpp"
#include "tests/support/sim_jobs.hpp"

namespace coremachine::support {
namespace {

/// One stage whose tasks are made by `make`; the result counts what came out.
struct CountingJob : JobHandler {
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"completed", results.size()}, {"failed", results.failed()}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
  StagePolicy stage_policy(int, const JobContext&) const override {
    StagePolicy policy;
    policy.join = JoinBestEffort{};
    return policy;
  }
};

struct StuckJob : CountingJob {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    while (!context.cancelled()) std::this_thread::yield();
    return {};
  }
};

/// Holds its handler's thread long enough for those behind it to be recalled.
struct SlowJob : CountingJob {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(150);
    while (std::chrono::steady_clock::now() < until && !context.cancelled()) std::this_thread::yield();
    return {};
  }
};

struct UnevenJob : CountingJob {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
    std::vector<TaskDefinition> tasks;
    for (int i = 0; i < 600; ++i) tasks.push_back({"uneven.work", {{"long", i == 500}}});
    return tasks;
  }
};

struct PatientJob : CountingJob {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {{"patient.work"}}; }
};

struct PoisonJob : CountingJob {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override {
    std::vector<TaskDefinition> tasks;
    for (int i = 0; i < 50; ++i) tasks.push_back({"poison.work", {{"i", i}}});
    return tasks;
  }
};

TaskResult uneven_work(const json::object& params, TaskContext& context) {
  // Long enough that its slice is asked to give back the rest; it ends as soon as it is not wanted.
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(params.at("long").as_bool() ? 250 : 0);
  while (std::chrono::steady_clock::now() < until && !context.cancelled()) std::this_thread::yield();
  return {{"done", true}};
}

TaskResult patient_work(const json::object&, TaskContext& context) {
  while (!context.cancelled()) std::this_thread::yield();
  return {{"patient", true}};
}

TaskResult poison_work(const json::object& params, TaskContext&) {
  if (params.at("i").to_number<int>() == 7) ::raise(SIGSEGV);
  return {{"ok", true}};
}

json::object sim_params(std::initializer_list<json::object> stages) {
  json::array list;
  for (const auto& stage : stages) list.emplace_back(stage);
  return {{"stages", std::move(list)}};
}

std::uint64_t sum_below(std::uint64_t count) {
  return count == 0 ? 0 : count * (count - 1) / 2;
}

}  // namespace

CrashJobs::CrashJobs() {
  register_sim_jobs(jobs, tasks);
  register_large_jobs(jobs, tasks);
  jobs.add<StuckJob>("stuck").add<SlowJob>("slow").add<UnevenJob>("uneven").add<PoisonJob>("poison").add<PatientJob>(
      "patient");
  tasks.add("uneven.work", uneven_work).add("poison.work", poison_work).add("patient.work", patient_work);
}

namespace {

/// Of another store the URL is given in place of a path.
std::string url_of(const std::string& path) {
  return path.find("://") == std::string::npos ? "sqlite:" + path : path;
}

}  // namespace

CoreMachine machine_on(CrashJobs& with, const std::string& path, std::function<void(std::string_view)> fault_point) {
  auto opened = embed::open_store(url_of(path));
  runtime::ShellSetup setup;
  setup.options.jobs = &with.jobs;
  setup.options.tasks = &with.tasks;
  setup.options.workers = 2;
  setup.options.handlers = 2;
  setup.options.alone_at_most = Milliseconds{100};
  setup.options.drain_limit = Milliseconds{500};  // nobody waits for what was not said
  setup.options.log = [](std::string_view) {};
  setup.store = std::move(opened.store);
  setup.running_record = std::move(opened.running_record);
  setup.open_artifacts = std::move(opened.open_artifacts);
  setup.options.large_value = 1024;
  setup.fault_point = std::move(fault_point);
  return CoreMachine(std::make_shared<runtime::Shell>(std::move(setup)));
}

void busy_life(CoreMachine& machine, const Say& say) {
  const auto accept = [&](std::string_view type, const json::object& params) {
    const auto id = machine.submit(type, params).value();
    say("accepted " + id.str());
    return id;
  };
  const auto end = [&](JobId id) {
    const auto job = machine.wait(id).value();
    say("ended " + id.str() + " " + std::string(to_string(job.status)));
  };
  const auto small = accept("sim", sim_params({{{"width", 3}}, {{"width", 0}}, {{"width", 5}, {"fail", 1}}}));
  const auto followed = machine.subscribe(small, [](const JobEvent&) {});
  const auto large = accept("sim", sim_params({{{"width", 3000}, {"fail", 1}, {"every", 7}}, {{"width", 2}}}));
  const auto uneven = accept("uneven", {});
  const auto stuck = accept("stuck", {});
  const auto slow = accept("slow", {});
  const auto heavy = accept("large", large_params(9, "first"));
  const auto forgotten = machine.submit("large", large_params(4, "forgotten")).value();
  const auto failing = accept("sim", sim_params({{{"width", 4}}, {{"width", 40}, {"fail", 3}, {"every", 40}}}));
  const auto stopped = accept("patient", {});
  end(small);
  (void)machine.wait(forgotten);
  (void)machine.remove(forgotten);
  // The start has looked through the artifacts once, and now some are released.
  end(heavy);
  while (machine.job(stopped).value().stages.empty() || machine.job(stopped).value().stages[0].tasks.running == 0)
    std::this_thread::yield();
  (void)machine.cancel(stopped);
  end(stopped);
  (void)machine.cancel(stuck);
  end(stuck);
  end(failing);
  // Three attempts failed; the fourth completes.
  if (machine.retry(failing)) end(failing);
  end(slow);
  end(large);
  end(uneven);
  say("finished");
}

void cancel_endless(CoreMachine& machine) {
  for (const auto* type : {"stuck", "patient"}) {
    JobQuery query{.type = type};
    do {
      const auto page = machine.jobs(query).value();
      for (const auto& job : page.items) {
        if (!is_terminal(job.status)) (void)machine.cancel(job.id);
      }
      query.cursor = page.next_cursor.value_or("");
    } while (!query.cursor.empty());
  }
}

namespace {

/// With the last job goes the last artifact.
void verify_all_is_collected(const embed::OpenedStore& opened) {
  auto& store = *opened.store;
  const auto incarnation = store.begin_incarnation();
  auto artifacts = opened.open_artifacts(true).value();
  const auto* kept = artifacts.get();
  runtime::LargeValues large(
      {.open = [&](bool) { return Result<std::unique_ptr<ArtifactStore>>(std::move(artifacts)); }});
  runtime::ArtifactCollector collector({.large = &large, .store = &store});
  auto sequence = store.last_commit();
  Batch all{.sequence = ++sequence, .incarnation = incarnation};
  JobFilter every;
  every.limit = SIZE_MAX;
  const auto jobs = store.list_jobs(every).rows;
  for (const auto& job : jobs) all.deletes.push_back(job.id);
  store.commit(all).value();
  while (store.has_garbage()) {
    Batch sweep{.sequence = ++sequence, .incarnation = incarnation};
    sweep.sweep = 50;
    store.commit(sweep).value();
  }
  constexpr Milliseconds idle{1000};
  while (collector.work() < idle) {
  }
  const auto left = kept->stats().value().count;
  if (left > 0) throw std::runtime_error(std::to_string(left) + " artifacts are left that nobody names");
}

}  // namespace

void verify_after_crash(const std::string& path, const std::vector<std::string>& said) {
  std::map<std::string, std::string> ended;
  std::vector<std::string> accepted;
  for (const auto& line : said) {
    std::istringstream words(line);
    std::string what, id, status;
    words >> what >> id >> status;
    if (what == "accepted") accepted.push_back(id);
    if (what == "ended") ended[id] = status;
  }
  {
    CrashJobs with;
    auto machine = machine_on(with, path);
    cancel_endless(machine);
    for (const auto& text : accepted) {
      const auto id = *JobId::parse(text);
      const auto job = machine.wait(id).value();
      const auto told = ended.find(text);
      // The one that was retried after it was told had failed may have gone on.
      const bool retried = told != ended.end() && told->second == "failed";
      if (told != ended.end() && !retried && told->second != to_string(job.status)) {
        throw std::runtime_error(text + " was told to be " + told->second + " and is " +
                                 std::string(to_string(job.status)));
      }
      if (job.type == "sim" && job.status == JobStatus::completed) {
        const auto& sums = job.result->at("sums").as_array();
        const auto& stages = job.params.at("stages").as_array();
        for (std::size_t i = 0; i < sums.size(); ++i) {
          if (sums[i].to_number<std::uint64_t>() != sum_below(stages[i].at("width").to_number<std::uint64_t>())) {
            throw std::runtime_error("the sum of stage " + std::to_string(i + 1) + " of " + text + " is wrong");
          }
        }
      } else if (job.type == "sim" && job.status != JobStatus::failed) {
        throw std::runtime_error(text + " is " + std::string(to_string(job.status)));
      }
      // Its tasks wait for the disk: that the process is killed while one of them runs alone can happen often enough.
      const bool is_suspect = job.error && job.error->code == ErrorCode::poison;
      if (job.type == "large" && !is_suspect) {
        const auto fault = fault_of_large_result(machine, job);
        if (!fault.empty()) throw std::runtime_error(text + ": " + fault);
      }
      if (job.type == "uneven" && job.status == JobStatus::completed &&
          job.result->at("completed").to_number<std::uint64_t>() != 600) {
        throw std::runtime_error("tasks of " + text + " are missing");
      }
    }
  }
  auto opened = embed::open_store(url_of(path), true);
  auto artifacts = opened.open_artifacts(true);
  const auto findings = check_store(*opened.store, false, artifacts ? artifacts->get() : nullptr);
  if (!findings.problems.empty()) throw std::runtime_error(findings.problems.front());
  if (!artifacts) return;
  artifacts->reset();
  verify_all_is_collected(opened);
}

}  // namespace coremachine::support
