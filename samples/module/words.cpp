// A module with a job and the tasks that it is made of. One task is a function, which workers find by its name; another
// one is an object, whose members travel with it.
#include <coremachine/module/module.hpp>
#include <coremachine/registry/typed.hpp>
#include <coremachine/resolve/callable_type.hpp>
#include <coremachine/resolve/task_spec.hpp>

#include <sstream>
#include <string>
#include <vector>

namespace json = boost::json;
using namespace coremachine;

namespace {

struct CountParams {
  std::vector<std::string> texts;
  std::int64_t longer_than = 0;

  static void rules(params::Fields<CountParams>& fields) {
    fields[&CountParams::texts].doc("what the words are counted in");
    fields[&CountParams::longer_than].doc("in letters: shorter words do not count").range(0, 100).by_default();
  }
};
BOOST_DESCRIBE_STRUCT(CountParams, (), (texts, longer_than))

TaskResult split(const json::object& params) {
  std::istringstream text{std::string(params.at("text").as_string())};
  json::array words;
  for (std::string word; text >> word;) words.emplace_back(word);
  return json::value(std::move(words));
}

/// Counts the words that are longer than so much.
struct CountLonger {
  std::int64_t than = 0;

  TaskResult operator()(const json::object& params) const {
    std::int64_t count = 0;
    for (const auto& word : params.at("words").as_array()) count += std::ssize(word.as_string()) > than ? 1 : 0;
    return json::value(count);
  }
};
BOOST_DESCRIBE_STRUCT(CountLonger, (), (than))

struct CountWords : TypedJobHandler<CountParams> {
  std::vector<TaskDefinition> create_stage_tasks(int stage, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    if (stage == 1) {
      for (const auto& text : params(context).texts) {
        tasks.push_back(define_task(TaskSpec(split), {{"text", text}}).value());
      }
    } else {
      const CountLonger count{params(context).longer_than};
      for (const auto& words : context.stage_result(1).at("words").as_array()) {
        tasks.push_back(define_task(TaskSpec(count), {{"words", words}}).value());
      }
    }
    return tasks;
  }
  json::object aggregate_stage_results(int stage, const StageResults& results) const override {
    if (stage == 1) {
      json::array words;
      for (const auto& of_text : results) words.push_back(of_text);
      return {{"words", std::move(words)}};
    }
    std::int64_t sum = 0;
    for (const auto& count : results) sum += count.as_int64();
    return {{"count", sum}};
  }
  bool should_advance_stage(int stage, const JobContext&) const override { return stage == 1; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(2); }
};

void register_all(ModuleContext& module) {
  module.jobs.add<CountWords>("count_words", {.description = "Counts words", .tags = {"words"}});
  module.resolver.register_task("words.split", split, {.description = "Splits a text into words", .tags = {"words"}});
  module.resolver.register_type<CountLonger>("words.count_longer");
}

}  // namespace

COREMACHINE_MODULE("words", "1.0", register_all);
