// Two stages. The first has one task, which finds out what there is to do; the second has one task for each part of
// it, and they run in parallel. A stage begins when the one before it is joined and aggregated.
//
// The results of a stage are aggregated in the order of its tasks, whatever the order in which they finished.
#include <coremachine/coremachine.hpp>

#include <algorithm>
#include <iostream>

using namespace coremachine;

// Counts the primes below a limit, block by block.
struct CountPrimes : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override {
    if (stage == 1) return {{"cut", context.job_params()}};
    std::vector<TaskDefinition> tasks;
    for (const auto& block : context.stage_result(1).at("blocks").as_array()) {
      tasks.push_back({"count_primes", block.as_object()});
    }
    return tasks;
  }

  json::object aggregate_stage_results(int stage, const StageResults& results) const override {
    if (stage == 1) return results[0].as_object();
    std::int64_t sum = 0;
    json::array first_ten;
    for (const auto& count : results) {
      sum += count.as_int64();
      if (first_ten.size() < 10) first_ten.push_back(count);
    }
    return {{"blocks", results.size()}, {"primes", sum}, {"in_the_first_ten_blocks", first_ten}};
  }

  bool should_advance_stage(int stage, const JobContext&) const override { return stage < 2; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(2); }
};
COREMACHINE_JOB("count_primes", CountPrimes);

TaskResult cut(const json::object& params) {
  const auto below = params.at("below").as_int64();
  const auto size = params.at("block").as_int64();
  json::array blocks;
  for (std::int64_t from = 0; from < below; from += size) {
    blocks.push_back(json::object{{"from", from}, {"to", std::min(from + size, below)}});
  }
  return json::object{{"blocks", blocks}};
}
COREMACHINE_TASK("cut", cut);

bool is_prime(std::int64_t n) {
  for (std::int64_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return n > 1;
}

TaskResult count_primes(const json::object& params) {
  std::int64_t count = 0;
  for (auto n = params.at("from").as_int64(); n < params.at("to").as_int64(); ++n) count += is_prime(n) ? 1 : 0;
  return json::value(count);
}
COREMACHINE_TASK("count_primes", count_primes);

int main() {
  CoreMachine machine;
  const auto job = machine.run("count_primes", {{"below", 100'000}, {"block", 100}}).value();
  for (const auto& stage : job.stages) {
    std::cout << "stage " << stage.stage << ": " << stage.tasks.completed << " of " << stage.tasks.total << " tasks\n";
  }
  std::cout << *job.result << '\n';
}
