// A stage that waits for somebody to decide. It has no tasks but a gate: a signal by its name opens it, and what the
// signal brings says what follows. A signal that comes before the job is at its gate is kept until then. No thread
// waits meanwhile; in a store on disk the job may stand at its gate for weeks, also over a restart.
#include <coremachine/coremachine.hpp>

#include <iostream>
#include <string>
#include <thread>

using namespace coremachine;

constexpr int writing = 1, review = 2, publishing = 3;

struct Article : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override {
    if (stage == review) return {};
    if (stage == publishing) return {{"publish", context.stage_result(writing)}};
    const auto wish = context.has_stage_result(review) ? context.stage_result(review).at("wish") : json::value();
    return {{"write", {{"title", context.job_params().at("title")}, {"wish", wish}}}};
  }
  StagePolicy stage_policy(int stage, const JobContext& context) const override {
    if (stage != review) return {};
    Gate gate{.signal = "verdict"};
    // With a time it opens by itself when that is over; with `must_come` the job would fail then.
    if (context.job_params().contains("patience_ms")) {
      gate.wait = Milliseconds{context.job_params().at("patience_ms").as_int64()};
    }
    return {.gate = gate};
  }
  json::object aggregate_stage_results(int stage, const StageResults& results) const override {
    if (stage != review) return results[0].as_object();
    const auto* verdict = results.signal();
    return verdict ? verdict->as_object() : json::object{{"say", "nothing"}};  // nothing: it was the time
  }
  std::optional<int> next_stage(int stage, const JobContext& context) const override {
    if (stage == writing) return review;
    if (stage == publishing) return std::nullopt;
    const auto& said = context.stage_result(review).at("say");
    if (said == "yes") return publishing;
    return said == "change it" ? std::optional<int>(writing) : std::nullopt;
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }  // next_stage is asked instead
  json::object get_final_result(const JobContext& context) const override {
    if (!context.has_stage_result(publishing)) return {{"not_published", context.stage_result(review).at("say")}};
    return context.stage_result(publishing);
  }
};
COREMACHINE_JOB("article", Article);

TaskResult write_article(const json::object& params) {
  const auto title = std::string(params.at("title").as_string());
  return {{"text", params.at("wish").is_null() ? title : title + ", " + std::string(params.at("wish").as_string())}};
}
TaskResult publish_article(const json::object& params) {
  return {{"published", params.at("text")}};
}
COREMACHINE_TASK("write", write_article);
COREMACHINE_TASK("publish", publish_article);

void show(const JobView& job) {
  std::cout << job.params.at("title") << ": " << to_string(job.status) << ", " << *job.result << '\n';
  for (const auto& stage : job.stages) std::cout << "  stage " << stage.stage << ": " << *stage.result << '\n';
}

int main() {
  CoreMachine machine;

  const auto sea = machine.submit("article", {{"title", "The Sea"}}).value();
  // Only to show it: a signal need not wait until the job is at its gate.
  auto why = machine.explain(sea).value();
  while (why.empty() || why[0].code != ReasonCode::signal) {
    std::this_thread::yield();
    why = machine.explain(sea).value();
  }
  std::cout << why[0].detail << '\n';
  machine.signal(sea, "verdict", {{"say", "change it"}, {"wish", "with more waves"}}).value();
  machine.signal(sea, "verdict", {{"say", "yes"}}).value();  // for when it comes to the gate again
  show(machine.wait(sea).value());

  const auto desert = machine.submit("article", {{"title", "The Desert"}}).value();
  machine.signal(desert, "verdict", {{"say", "too dry"}}).value();
  show(machine.wait(desert).value());

  show(machine.run("article", {{"title", "The Moon"}, {"patience_ms", 10}}).value());
}
