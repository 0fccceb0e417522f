// What a job is submitted with, what its tasks are given, and what happens when that does not fit.
//
// The params of a job are a JSON object. Every function of the job handler can read them through its context; a task
// sees only the parameters in its own definition. A handler that does not like its params throws, and the job ends
// `failed` with that as its error.
#include <coremachine/coremachine.hpp>

#include <iostream>
#include <stdexcept>
#include <string>

using namespace coremachine;

struct Invite : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    const auto& params = context.job_params();
    const auto* greeting = params.if_contains("greeting");
    std::vector<TaskDefinition> tasks;
    for (const auto& name : params.at("names").as_array()) {
      if (!name.is_string()) throw std::invalid_argument("a name has to be a string");
      tasks.push_back({"write_card", {{"name", name}, {"greeting", greeting ? *greeting : "Dear"}}});
    }
    return tasks;
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    json::array cards;
    for (const auto& card : results) cards.push_back(card);
    return {{"cards", cards}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("invite", Invite, .description = "Writes a card to each of some names");

TaskResult write_card(const json::object& params) {
  const auto greeting = std::string(params.at("greeting").as_string());
  return json::value(greeting + " " + std::string(params.at("name").as_string()));
}
COREMACHINE_TASK("write_card", write_card);

void show(const Result<JobView>& job) {
  if (!job) {
    std::cout << "refused, " << to_string(job.error().code) << ": " << job.error().message << '\n';
  } else if (job->error) {
    std::cout << to_string(job->status) << ", " << to_string(job->error->code) << ": " << job->error->message << '\n';
  } else {
    std::cout << to_string(job->status) << ": " << *job->result << '\n';
  }
}

int main() {
  CoreMachine machine;
  show(machine.run("invite", {{"names", {"Ada", "Grace"}}}));
  show(machine.run("invite", {{"names", {"Ada"}}, {"greeting", "Hello"}}));
  show(machine.run("invite", {{"names", {"Ada", 7}}}));  // the handler refuses
  show(machine.run("invit"));                            // the machine refuses
  SubmitOptions urgent;
  urgent.priority = 500;
  show(machine.run("invite", {{"names", {"Ada"}}}, urgent));
}
