// A stage of 200,000 tasks that never holds them all. Its tasks are pulled as they are needed, from where a cursor
// says; their results are folded as they come in. Only the store grows with the number of tasks.
//
// The parts of a fold are merged in any order, so the outcome must not depend on it: of two equally long sequences the
// one that begins lower counts, not the one that was first. `testing::HandlerProbe::fold` finds a fold that does.
#include <coremachine/coremachine.hpp>

#include <algorithm>
#include <iostream>

using namespace coremachine;

std::int64_t number(const json::value& object, const char* name) {
  return object.at(name).to_number<std::int64_t>();
}

// Over sequences that halve what is even and take 3n + 1 of what is odd, until they come to 1: how long they are.
struct LengthFold : StageFold {
  json::value init() const override {
    return {{"longest", -1}, {"begins", 0}, {"steps", 0}, {"by_hundreds", {0, 0, 0, 0}}};
  }
  void step(json::value& folded, TaskIndex index, const json::value& result) const override {
    const auto length = result.to_number<std::int64_t>();
    json::array hundreds{0, 0, 0, 0};
    hundreds[static_cast<std::size_t>(length) / 100] = 1;
    merge(folded, {{"longest", length}, {"begins", index + 1}, {"steps", length}, {"by_hundreds", hundreds}});
  }
  void merge(json::value& folded, const json::value& other) const override {
    const auto longer = number(other, "longest") - number(folded, "longest");
    auto& sum = folded.as_object();
    if (longer > 0 || (longer == 0 && number(other, "begins") < number(folded, "begins"))) {
      sum["longest"] = other.at("longest");
      sum["begins"] = other.at("begins");
    }
    sum["steps"] = number(folded, "steps") + number(other, "steps");
    auto& hundreds = sum["by_hundreds"].as_array();
    for (std::size_t i = 0; i < hundreds.size(); ++i) {
      hundreds[i] = hundreds[i].to_number<std::int64_t>() + other.at("by_hundreds").at(i).to_number<std::int64_t>();
    }
  }
  json::object finish(const json::value& folded, const StageOutcome& outcome) const override {
    auto result = folded.as_object();
    result["sequences"] = outcome.completed();
    return result;
  }
};

struct Sequences : JobHandler {
  StagePolicy stage_policy(int, const JobContext&) const override { return {.lazy = true}; }
  std::optional<json::value> pull_stage_tasks(int, const JobContext& context, const json::value& cursor,
                                              TaskSink& tasks) const override {
    const auto up_to = context.job_params().at("up_to").as_int64();
    auto n = cursor.is_null() ? 1 : cursor.as_int64();  // no cursor: the first pull
    for (; n <= up_to && !tasks.full(); ++n) tasks.add({"sequence", {{"n", n}}});
    if (n > up_to) return std::nullopt;  // these were the last
    return n;
  }
  std::unique_ptr<StageFold> make_fold(int) const override { return std::make_unique<LengthFold>(); }

  // In place of these two are the pull and the fold.
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext&) const override { return {}; }
  json::object aggregate_stage_results(int, const StageResults&) const override { return {}; }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("sequences", Sequences);

TaskResult sequence(const json::object& params) {
  std::int64_t steps = 0;
  for (auto n = params.at("n").as_int64(); n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return json::value(steps);
}
COREMACHINE_TASK("sequence", sequence, .pure = true);

int main() {
  CoreMachine machine;
  const auto job = machine.run("sequences", {{"up_to", 200'000}}).value();
  std::cout << to_string(job.status) << ", " << job.stages[0].tasks.completed << " tasks\n" << *job.result << '\n';
}
