// What is asked of many jobs and many tasks, on a whole machine, against what follows from how the jobs were made.

#include <doctest/doctest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <coremachine/coremachine.hpp>

#include "tests/support/sim_jobs.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;

/// Where tasks wait until the test lets them go.
class Barrier {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++came_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void await(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return came_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int came_ = 0;
};

/// Lets whoever waits go, also when a check failed.
struct OpenAtExit {
  Barrier& of;
  ~OpenAtExit() { of.open(); }
};

/// Tasks of the types that its params name.
struct MixedJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    for (const auto& type : context.job_params().at("tasks").as_array())
      tasks.push_back({std::string(type.as_string()), {{"i", tasks.size()}}});
    return tasks;
  }
  StagePolicy stage_policy(int, const JobContext&) const override {
    StagePolicy policy;
    policy.join = JoinBestEffort{};
    return policy;
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"n", results.size()}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

struct World {
  World() {
    support::register_sim_jobs(job_types, task_types);
    job_types.add<MixedJob>("mixed");
    task_types.add("ok", [](const json::object& params) -> TaskResult { return {{"i", params.at("i")}}; });
    task_types.add("wait", [this](const json::object&) -> TaskResult {
      barrier.pass();
      return {{"done", true}};
    });
    task_types.add(
        "bad",
        [](const json::object&) -> TaskResult {
          return TaskFailure{"broken", "no luck"};
        },
        TaskInfo{.retry = RetryPolicy{.max_attempts = 1}});
    task_types.add(
        "flaky",
        [](const json::object&) -> TaskResult {
          return TaskFailure{"flaky", "not yet"};
        },
        TaskInfo{.retry = RetryPolicy{.max_attempts = 9, .first_delay = Milliseconds{3'600'000}}});
  }

  MachineOptions options(const std::string& store = "memory:", unsigned workers = 2) {
    MachineOptions options;
    options.jobs = &job_types;
    options.tasks = &task_types;
    options.workers = workers;
    options.store = store;
    options.log = [](std::string_view) {};
    return options;
  }
  std::string on_disk() const { return "sqlite:" + folder.path() + "/store.db"; }

  static json::object mixed(const std::vector<std::string>& types) {
    json::array list;
    for (const auto& type : types) list.emplace_back(type);
    return {{"tasks", std::move(list)}};
  }

  support::TemporaryDirectory folder;
  Barrier barrier;
  JobRegistry job_types;
  TaskRegistry task_types;
};

std::vector<JobId> ids(const std::vector<JobView>& jobs) {
  std::vector<JobId> found;
  for (const auto& job : jobs) found.push_back(job.id);
  return found;
}

std::vector<JobView> all_jobs(CoreMachine& machine, JobQuery query) {
  std::vector<JobView> all;
  for (int pages = 0; pages < 1000; ++pages) {
    auto page = machine.jobs(query).value();
    REQUIRE(page.items.size() <= query.limit);
    for (auto& item : page.items) all.push_back(std::move(item));
    if (!page.next_cursor) return all;
    query.cursor = *page.next_cursor;
  }
  FAIL("the pages never end");
  return all;
}

std::vector<TaskView> all_tasks(CoreMachine& machine, JobId job, TaskQuery query) {
  std::vector<TaskView> all;
  for (int pages = 0; pages < 10'000; ++pages) {
    auto page = machine.tasks(job, query).value();
    REQUIRE(page.items.size() <= query.limit);
    for (auto& item : page.items) all.push_back(std::move(item));
    if (!page.next_cursor) return all;
    query.cursor = *page.next_cursor;
  }
  FAIL("the pages never end");
  return all;
}

/// Tasks by status, from the pages.
TaskCounts counted(const std::vector<TaskView>& tasks) {
  TaskCounts counts;
  for (const auto& task : tasks) {
    ++counts.total;
    switch (task.status) {
      case TaskStatus::queued: ++counts.queued; break;
      case TaskStatus::running: ++counts.running; break;
      case TaskStatus::retrying: ++counts.retrying; break;
      case TaskStatus::completed: ++counts.completed; break;
      case TaskStatus::failed: ++counts.failed; break;
      case TaskStatus::dead: ++counts.dead; break;
      case TaskStatus::cancelled: ++counts.cancelled; break;
    }
  }
  return counts;
}

/// The cells of a part of the round are these tasks of it, one after the other.
void check_part(const HeatMap& heat, std::uint64_t first, std::uint64_t end, const std::vector<TaskView>& tasks) {
  std::uint64_t next = first;
  for (const auto& cell : heat.cells) {
    REQUIRE(cell.first == next);
    const std::vector<TaskView> of_cell(tasks.begin() + static_cast<std::ptrdiff_t>(cell.first),
                                        tasks.begin() + static_cast<std::ptrdiff_t>(cell.first + cell.count));
    REQUIRE(counted(of_cell) == cell.counts);
    next += cell.count;
  }
  CHECK(next == end);
}

void check_heat_of_parts(CoreMachine& machine, JobId job, const std::vector<TaskView>& tasks) {
  const std::uint64_t total = tasks.size();
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1024}, total / 2, total - 1}) {
    if (first >= total) continue;
    for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{1000}, std::uint64_t{2048}, total}) {
      CAPTURE(first);
      CAPTURE(count);
      for (const std::size_t cells : {1U, 3U, 4096U}) {
        const auto heat = machine.heat_map(job, {.cells = cells, .first = first, .count = count}).value();
        CHECK(heat.cells.size() <= cells);
        check_part(heat, first, std::min(total, first + count), tasks);
      }
    }
    const auto page = machine.tasks(job, {.first = first, .limit = 3}).value();
    REQUIRE(!page.items.empty());
    CHECK(page.items[0].index == first);
    CHECK(page.items[0].status == tasks.at(first).status);
    CHECK(page.items.size() == std::min<std::uint64_t>(3, total - first));
  }
  CHECK(machine.heat_map(job, {.first = total}).value().cells.empty());
  CHECK(machine.tasks(job, {.first = total}).value().items.empty());
}

/// The heat map says what the pages say, at every size of its cells, and of every part.
void check_heat(CoreMachine& machine, JobId job, const std::vector<TaskView>& tasks) {
  check_heat_of_parts(machine, job, tasks);
  for (const std::size_t cells : {1U, 2U, 7U, 1024U, 4096U}) {
    const auto heat = machine.heat_map(job, {}, cells).value();
    CHECK(heat.cells.size() <= cells);
    CHECK(heat.counts == counted(tasks));
    check_part(heat, 0, tasks.size(), tasks);
  }
}

const std::vector<std::string> stores{"memory:", "disk"};

}  // namespace

TEST_SUITE("queries: lists of jobs") {
  TEST_CASE_FIXTURE(World, "every filter gives what looking at each job gives, page by page") {
    for (const auto& kind : stores) {
      CAPTURE(kind);
      CoreMachine machine(options(kind == "disk" ? on_disk() : kind));
      std::mt19937_64 dice(7);
      const auto draw = [&](std::uint64_t below) { return dice() % below; };
      const std::vector<std::string> tags{"eu", "us", "night"};
      std::vector<JobView> known;
      for (int i = 0; i < 60; ++i) {
        SubmitOptions how;
        for (const auto& tag : tags) {
          if (draw(2) == 0) how.tags.push_back(tag);
        }
        const auto fate = draw(4);
        if (fate == 3) how.delay = Milliseconds{3'600'000};
        const auto params = fate == 1   ? mixed({"ok", "bad"})
                            : fate == 2 ? mixed({"ok", "no.such.task"})
                                        : mixed({"ok"});
        const auto id = machine.submit("mixed", params, how).value();
        if (fate != 3) machine.wait(id).value();
        known.push_back(machine.job(id).value());
      }
      std::reverse(known.begin(), known.end());
      for (int i = 0; i < 200; ++i) {
        JobQuery query;
        query.limit = 1 + draw(9);
        for (auto n = draw(3); n > 0; --n) query.statuses.push_back(all_job_statuses[draw(all_job_statuses.size())]);
        if (draw(3) == 0) query.tags.push_back(tags[draw(3)]);
        if (draw(4) == 0) query.type = draw(3) == 0 ? "sim" : "mixed";
        if (draw(4) == 0) query.search = draw(2) == 0 ? "NO.SUCH" : "igh";
        if (draw(4) == 0) query.since = known[draw(known.size())].created_at;
        if (draw(4) == 0) query.until = known[draw(known.size())].created_at;
        std::vector<JobId> expected;
        for (const auto& job : known) {
          const auto has = [&](const std::string& tag) {
            return std::count(job.tags.begin(), job.tags.end(), tag) > 0;
          };
          const bool status =
              query.statuses.empty() || std::count(query.statuses.begin(), query.statuses.end(), job.status) > 0;
          const bool text =
              query.search.empty() || (query.search == "igh" ? has("night") : job.status == JobStatus::dead);
          if (status && text && (query.type.empty() || query.type == job.type) &&
              std::all_of(query.tags.begin(), query.tags.end(), has) &&
              (!query.since || job.created_at >= *query.since) && (!query.until || job.created_at < *query.until))
            expected.push_back(job.id);
        }
        REQUIRE(ids(all_jobs(machine, query)) == expected);
      }
    }
  }

  TEST_CASE_FIXTURE(World, "an item is the job without its params and results, unless they are asked for") {
    CoreMachine machine(options());
    const auto id = machine.submit("mixed", mixed({"ok", "bad"}), {.tags = {"x"}}).value();
    const auto whole = machine.wait(id).value();
    JobQuery query;
    const auto lean = machine.jobs(query).value();
    REQUIRE(lean.items.size() == 1);
    CHECK(!lean.next_cursor);
    CHECK(lean.items[0].stages.at(0).tasks == whole.stages.at(0).tasks);
    auto expected = to_json(whole);
    expected.erase("params");
    expected.erase("result");
    expected.at("stages").as_array().at(0).as_object().erase("result");
    CHECK(to_json(lean, query).at("items").as_array().at(0) == expected);
    CHECK(to_json(lean, query).at("next_cursor").is_null());
    query.params = query.results = true;
    CHECK(to_json(machine.jobs(query).value(), query).at("items").as_array().at(0) == to_json(whole));
  }

  TEST_CASE_FIXTURE(World, "a job of several stages shows all of them, of a job that runs how far it is") {
    CoreMachine machine(options("memory:", 1));
    const OpenAtExit open_at_exit{barrier};
    const json::object params{{"stages", {{{"width", 3}}, {{"width", 2000}}, {{"width", 4}}}}};
    const auto over = machine.run("sim", params).value();
    std::vector<std::string> types(40, "wait");
    const auto open = machine.submit("mixed", mixed(types)).value();
    barrier.await(1);
    const auto page = machine.jobs().value();
    REQUIRE(ids(page.items) == std::vector{open, over.id});
    REQUIRE(page.items[1].stages.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(page.items[1].stages[i].tasks == over.stages[i].tasks);
    REQUIRE(page.items[0].stages.size() == 1);
    CHECK(page.items[0].stages[0].tasks.total == 40);
    CHECK(page.items[0].stages[0].tasks.completed == 0);
    barrier.open();
  }

  TEST_CASE_FIXTURE(World, "queries that are none say so") {
    CoreMachine machine(options());
    const auto refused = [&](const JobQuery& query) { return machine.jobs(query).error().code; };
    CHECK(refused({.limit = 0}) == ErrorCode::invalid_argument);
    CHECK(refused({.limit = 201}) == ErrorCode::invalid_argument);
    CHECK(refused({.cursor = "yesterday"}) == ErrorCode::invalid_argument);
    CHECK(refused({.search = std::string(300, 'x')}) == ErrorCode::invalid_argument);
    CHECK(machine.jobs({.limit = 200}).has_value());
    const auto id = machine.run("mixed", mixed({"ok"})).value().id;
    for (const auto* cursor : {"1", "1-", "-1", "0-0", "1-x", "1-1 ", "99999999999-1"})
      CHECK(machine.tasks(id, {.cursor = cursor}).error().code == ErrorCode::invalid_argument);
    CHECK(machine.tasks(id, {.round = 2, .cursor = "1-0"}).error().code == ErrorCode::invalid_argument);
    CHECK(machine.tasks(id, {.stage = 0}).error().code == ErrorCode::invalid_argument);
    CHECK(machine.tasks(id, {.limit = 0}).error().code == ErrorCode::invalid_argument);
    CHECK(machine.tasks(JobId{1, 2}).error().code == ErrorCode::unknown_job);
    CHECK(machine.tasks(id, {.stage = 2}).value().items.empty());
    CHECK(machine.tasks(id, {.round = 7}).value().items.empty());
    CHECK(machine.heat_map(id, {}, 0).error().code == ErrorCode::invalid_argument);
    CHECK(machine.heat_map(id, {}, 4097).error().code == ErrorCode::invalid_argument);
    CHECK(machine.heat_map(JobId{1, 2}).error().code == ErrorCode::unknown_job);
    CHECK(machine.heat_map(id, 2).value().cells.empty());
    CHECK(machine.events(JobId{1, 2}).error().code == ErrorCode::unknown_job);
    CHECK(machine.follow(JobId{1, 2}, 0, [](const JobEvent&) {}).error().code == ErrorCode::unknown_job);
    machine.stop();
    CHECK(machine.jobs().error().code == ErrorCode::draining);
    CHECK(machine.tasks(id).error().code == ErrorCode::draining);
    CHECK(machine.events(id).error().code == ErrorCode::draining);
  }

  TEST_CASE_FIXTURE(World, "what a call has told, a list does not contradict") {
    for (const auto& kind : stores) {
      CAPTURE(kind);
      World world;
      CoreMachine machine(world.options(kind == "disk" ? world.on_disk() : kind, 1));
      const OpenAtExit open_at_exit{world.barrier};
      const auto status = [&](JobId id) {
        const auto page = machine.jobs().value();
        for (const auto& job : page.items) {
          if (job.id == id) return std::string(to_string(job.status));
        }
        return std::string("gone");
      };
      for (int i = 0; i < 10; ++i) {
        const auto id = machine.submit("mixed", mixed({"ok", "ok"})).value();
        CHECK(status(id) != "gone");
        machine.wait(id).value();
        CHECK(status(id) == "completed");
        REQUIRE(machine.remove(id).has_value());
        CHECK(status(id) == "gone");
      }
      const auto id = machine.submit("mixed", mixed({"wait", "wait"})).value();
      world.barrier.await(1);
      CHECK(machine.pause(id).value().status == JobStatus::paused);
      CHECK(status(id) == "paused");
      CHECK(machine.resume(id).has_value());
      CHECK(status(id) != "paused");
      const auto cancelled = machine.cancel(id).value().status;
      CHECK((status(id) == to_string(cancelled) || status(id) == "cancelled"));
      world.barrier.open();
      machine.wait(id).value();
      CHECK(status(id) == "cancelled");
      CHECK(machine.retry(id).value().attempt == 2);
      CHECK(status(id) != "cancelled");
      machine.wait(id).value();
    }
  }
}

TEST_SUITE("queries: tasks") {
  /// What is known of a task of the job below, in its first or second attempt.
  struct Known {
    TaskStatus status;
    std::uint32_t attempt;
  };

  Known known_of(std::uint64_t i, std::uint64_t fail, std::uint64_t every, bool again) {
    const auto failures = i % every == 0 ? fail : 0;
    if (failures < 3) return {TaskStatus::completed, static_cast<std::uint32_t>(failures + 1)};
    if (!again) return {TaskStatus::failed, 3};
    return failures < 6 ? Known{TaskStatus::completed, static_cast<std::uint32_t>(failures + 1)}
                        : Known{TaskStatus::failed, 6};
  }

  TEST_CASE_FIXTURE(World, "pages of a job that is over, also when it was retried, are what its params foretell") {
    struct Shape {
      std::uint64_t width, fail, every;
      bool lazy;
    };
    for (const auto& kind : stores) {
      CoreMachine machine(options(kind == "disk" ? on_disk() : kind));
      for (const auto& shape : {Shape{12, 4, 5, false}, Shape{2500, 4, 9, false}, Shape{1500, 1, 2, true},
                                Shape{3000, 9, 1000, true}, Shape{0, 0, 1, false}}) {
        CAPTURE(kind);
        CAPTURE(shape.width);
        json::object stage{{"width", shape.width}, {"join", "best_effort"}};
        if (shape.fail > 0) stage["fail"] = shape.fail;
        stage["every"] = shape.every;
        if (shape.lazy) stage["lazy"] = true;
        const auto id = machine.submit("sim", {{"stages", json::array{stage}}}).value();
        auto job = machine.wait(id).value();
        std::mt19937_64 dice(shape.width);
        const auto draw = [&](std::uint64_t below) { return dice() % below; };
        for (const bool again : {false, true}) {
          CAPTURE(again);
          if (again) {
            if (job.status != JobStatus::completed_with_errors) break;
            REQUIRE(machine.retry(id).has_value());
            job = machine.wait(id).value();
          }
          for (int i = 0; i < 25; ++i) {
            TaskQuery query;
            query.limit = 1 + draw(200);
            if (i > 0) {
              for (auto n = 1 + draw(2); n > 0; --n)
                query.statuses.push_back(all_task_statuses[draw(all_task_statuses.size())]);
            }
            query.params = draw(2) == 0;
            query.results = draw(2) == 0;
            const auto tasks = all_tasks(machine, id, query);
            std::size_t at = 0;
            for (std::uint64_t index = 0; index < shape.width; ++index) {
              const auto known = known_of(index, shape.fail, shape.every, again);
              const bool wanted =
                  query.statuses.empty() || std::count(query.statuses.begin(), query.statuses.end(), known.status) > 0;
              if (!wanted) continue;
              REQUIRE(at < tasks.size());
              const auto& task = tasks[at++];
              REQUIRE(task.index == index);
              REQUIRE(task.status == known.status);
              REQUIRE(task.attempt == known.attempt);
              REQUIRE(task.task_type == "sim.work");
              REQUIRE(task.stage == 1);
              REQUIRE(task.round == (again ? 2 : 1));
              REQUIRE(task.worker == "local");
              REQUIRE(task.started_at.has_value());
              REQUIRE(task.finished_at >= task.started_at);
              REQUIRE(task.error.has_value() == (known.status == TaskStatus::failed));
              if (task.error) REQUIRE(task.error->message == "fails on purpose");
              if (task.error) REQUIRE(task.error_type == "sim");
              REQUIRE(task.params.has_value() == query.params);
              if (task.params) REQUIRE(task.params->at("i") == index);
              REQUIRE(task.result.has_value() == (query.results && known.status == TaskStatus::completed));
              if (task.result) REQUIRE(task.result->at("i") == index);
            }
            REQUIRE(at == tasks.size());
          }
          const auto heat = machine.heat_map(id, 1, 1 + draw(4096)).value();
          CHECK(heat.counts == job.stages.at(0).tasks);
        }
      }
    }
  }

  TEST_CASE_FIXTURE(World, "tasks of a job that runs, waits and fails") {
    for (const bool disk : {false, true}) {
      for (const std::size_t width : {10U, 3000U}) {
        CAPTURE(disk);
        CAPTURE(width);
        World world;
        CoreMachine machine(world.options(disk ? world.on_disk() : "memory:"));
        const OpenAtExit open_at_exit{world.barrier};
        std::vector<std::string> types(width, "ok");
        types[1] = "bad";
        types[width / 2] = "flaky";
        types[width - 1] = "wait";
        const auto id = machine.submit("mixed", mixed(types)).value();
        world.barrier.await(1);
        TaskCounts counts;
        std::vector<TaskView> tasks;
        do {
          tasks = all_tasks(machine, id, {.limit = 200});
          counts = counted(tasks);
        } while (counts.completed + counts.failed + counts.retrying < width - 1);
        CHECK(counts.total == width);
        CHECK(counts.running == 1);
        const auto& running = tasks.at(width - 1);
        CHECK(running.status == TaskStatus::running);
        CHECK(running.task_type == "wait");
        CHECK(running.attempt == 1);
        CHECK(running.started_at.has_value());
        CHECK(!running.finished_at);
        const auto& flaky = tasks.at(width / 2);
        CHECK(flaky.status == TaskStatus::retrying);
        CHECK(flaky.attempt >= 1);
        CHECK(flaky.error->message == "not yet");
        CHECK(flaky.retry_at > flaky.finished_at);
        const auto only = all_tasks(machine, id, {.statuses = {TaskStatus::retrying, TaskStatus::running}, .limit = 1});
        REQUIRE(only.size() == 2);
        CHECK(only[0].index == width / 2);
        CHECK(only[1].index == width - 1);
        const auto failed = all_tasks(machine, id, {.statuses = {TaskStatus::failed}});
        REQUIRE(failed.size() == 1);
        CHECK(failed[0].index == 1);
        CHECK(failed[0].error_type == "broken");
        check_heat(machine, id, tasks);

        // What never ran in a job that was cancelled is cancelled.
        machine.cancel(id).value();
        world.barrier.open();
        const auto job = machine.wait(id).value();
        const auto after = all_tasks(machine, id, {});
        CHECK(counted(after) == job.stages.at(0).tasks);
        CHECK(after.at(width / 2).status == TaskStatus::cancelled);
        CHECK(after.at(width / 2).error_type == "flaky");
        CHECK(all_tasks(machine, id, {.statuses = {TaskStatus::cancelled}}).size() == job.stages.at(0).tasks.cancelled);
        check_heat(machine, id, after);
      }
    }
  }

  TEST_CASE_FIXTURE(World, "tasks that nobody has begun are queued, in every chunk") {
    CoreMachine machine(options("memory:", 1));
    const OpenAtExit open_at_exit{barrier};
    REQUIRE(machine.set_limit("ok", {.paused = true}).has_value());
    std::vector<std::string> types(5000, "ok");
    types[1500] = "wait";
    const auto id = machine.submit("mixed", mixed(types)).value();
    barrier.await(1);
    const auto queued = all_tasks(machine, id, {.statuses = {TaskStatus::queued}, .limit = 199});
    REQUIRE(queued.size() == 4999);
    for (std::size_t i = 0; i < queued.size(); ++i) {
      REQUIRE(queued[i].index == (i < 1500 ? i : i + 1));
      REQUIRE(queued[i].attempt == 0);
      REQUIRE(queued[i].task_type == "ok");
      REQUIRE(!queued[i].started_at);
    }
    const auto running = all_tasks(machine, id, {.statuses = {TaskStatus::running}});
    REQUIRE(running.size() == 1);
    CHECK(running[0].index == 1500);
    const auto heat = machine.heat_map(id, {}, 5).value();
    CHECK(heat.cells.size() == 5);
    CHECK(heat.counts.queued == 4999);
    CHECK(heat.cells[1].counts.running == 1);
    CHECK(machine.pause(id).has_value());
    CHECK(all_tasks(machine, id, {.statuses = {TaskStatus::queued}}).size() == 4999);
    machine.cancel(id).value();
    barrier.open();
    machine.wait(id).value();
    CHECK(all_tasks(machine, id, {.statuses = {TaskStatus::cancelled}}).size() == 4999);
  }

  TEST_CASE_FIXTURE(World, "each stage has its tasks, and a cursor keeps to its round") {
    CoreMachine machine(options());
    const json::object params{{"stages", {{{"width", 3}}, {{"width", 20}}, {{"width", 4}}}}};
    const auto id = machine.run("sim", params).value().id;
    CHECK(all_tasks(machine, id, {}).size() == 4);
    CHECK(all_tasks(machine, id, {.stage = 1}).size() == 3);
    CHECK(all_tasks(machine, id, {.stage = 2, .limit = 3}).size() == 20);
    CHECK(all_tasks(machine, id, {.round = 3}).size() == 4);
    CHECK(machine.heat_map(id, 2).value().cells.size() == 20);
    CHECK(machine.heat_map(id, {.round = 2}).value().cells.size() == 20);
    CHECK(machine.heat_map(id, {.round = 9}).value().cells.empty());
    const auto page = machine.tasks(id, {.stage = 2, .limit = 7}).value();
    const auto next = machine.tasks(id, {.limit = 7, .cursor = *page.next_cursor}).value();
    CHECK(next.items.at(0).stage == 2);
    CHECK(next.items.at(0).index == 7);
    CHECK(to_json(page).at("next_cursor").as_string() == *page.next_cursor);
    CHECK(to_json(page).at("items").as_array().at(6).at("index") == 6);
  }
}

TEST_SUITE("queries: bulk") {
  TEST_CASE_FIXTURE(World, "what fits and may be done is done, and a dry run only counts") {
    CoreMachine machine(options("memory:", 1));
    const OpenAtExit open_at_exit{barrier};
    const auto hold = machine.submit("mixed", mixed({"wait"})).value();
    barrier.await(1);
    std::vector<JobId> later;
    for (int i = 0; i < 450; ++i) {
      SubmitOptions how;
      how.delay = Milliseconds{3'600'000};
      how.tags = {i % 3 == 0 ? "third" : "other"};
      later.push_back(machine.submit("mixed", mixed({"ok"}), how).value());
    }
    const auto count = [&](JobStatus status) {
      JobQuery query;
      query.statuses = {status};
      query.limit = 200;
      return all_jobs(machine, query).size();
    };
    CHECK(machine.cancel_all({}).error().code == ErrorCode::invalid_argument);
    CHECK(machine.cancel_all({.statuses = {JobStatus::completed}}).value().matched == 0);
    auto result = machine.cancel_all({.tags = {"third"}}, true).value();
    CHECK(result.matched == 150);
    CHECK(result.changed == 0);
    CHECK(count(JobStatus::scheduled) == 450);
    result = machine.cancel_all({.tags = {"third"}}).value();
    CHECK(result.matched == 150);
    CHECK(result.changed == 150);
    CHECK(count(JobStatus::cancelled) == 150);
    CHECK(machine.cancel_all({.tags = {"third"}}).value().matched == 0);
    CHECK(machine.retry_all({.statuses = {JobStatus::scheduled}}).value().matched == 0);
    const auto split = machine.job(later[100]).value().created_at;
    const auto before = machine.remove_all({.until = split}, true).value();
    const auto after = machine.remove_all({.since = split}, true).value();
    CHECK(before.matched + after.matched == 150);
    CHECK(machine.remove_all({.type = "sim"}).value().changed == 0);
    result = machine.retry_all({.type = "mixed", .until = split}).value();
    CHECK(result.changed == before.matched);
    CHECK(machine.remove_all({.type = "mixed"}).value().changed == after.matched);
    CHECK(machine.job(hold).value().status == JobStatus::running);
    CHECK(machine.cancel_all({.type = "mixed"}).value().changed == 301 + before.matched);
    barrier.open();
    CHECK(machine.wait(hold).value().status == JobStatus::cancelled);
    CHECK(machine.retry_all({.type = "mixed"}, true).value().matched == 301 + before.matched);
    CHECK(to_json(result).at("matched") == before.matched);
  }
}
