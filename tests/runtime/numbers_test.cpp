// A number is the same to the bit wherever it comes by: params, tasks, results, the end of the job, and what is read
// of it later.

#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <coremachine/runtime/core_machine.hpp>

namespace {

using namespace coremachine;

/// A task for each number of the params; the result has what they gave back.
struct NumbersJob : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    for (const auto& number : context.job_params().at("numbers").as_array())
      tasks.push_back({"number.echo", {{"number", number}}});
    return tasks;
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    json::array numbers;
    for (std::size_t i = 0; i < results.size(); ++i) numbers.push_back(results[i].at("number"));
    return {{"numbers", std::move(numbers)}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};

}  // namespace

TEST_SUITE("runtime: numbers") {
  TEST_CASE("a number is the same wherever it comes by") {
    json::array numbers;
    for (int above = 1; above <= 40; ++above) {
      for (int below = 1; below <= 40; ++below) numbers.push_back(static_cast<double>(above) / below);
    }
    JobRegistry jobs;
    TaskRegistry tasks;
    jobs.add<NumbersJob>("numbers");
    tasks.add("number.echo",
              [](const json::object& params, TaskContext&) -> TaskResult { return json::object(params); });
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    options.store = "memory:";
    CoreMachine machine(std::move(options));
    const auto id = machine.submit("numbers", {{"numbers", numbers}}).value();
    const auto over = machine.wait(id).value();
    REQUIRE(over.result);
    CHECK(over.result->at("numbers").as_array() == numbers);
    for (const auto& job : {over, machine.job(id).value()}) {
      CHECK(job.params.at("numbers").as_array() == numbers);
      CHECK(job.result->at("numbers").as_array() == numbers);
      CHECK(job.stages.at(0).result->at("numbers").as_array() == numbers);
    }
    TaskQuery query;
    query.params = query.results = true;
    std::size_t seen = 0;
    do {
      const auto page = machine.tasks(id, query).value();
      for (const auto& task : page.items) {
        CHECK(task.params->at("number") == numbers.at(seen));
        CHECK(task.result->at("number") == numbers.at(seen++));
      }
      query.cursor = page.next_cursor.value_or("");
    } while (!query.cursor.empty());
    CHECK(seen == numbers.size());
  }
}
