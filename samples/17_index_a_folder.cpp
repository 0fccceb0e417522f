// A folder of texts becomes an index of their headings: one task for each text, tried again if it fails; a share of the
// files may be no texts. What is counted is folded as it comes, what is collected goes line by line into an output.
#include <coremachine/coremachine.hpp>
#include <coremachine/registry/typed.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>

using namespace coremachine;
namespace fs = std::filesystem;

struct IndexParams {
  std::string folder;
  double tolerate_percent = 25;
  static void rules(params::Fields<IndexParams>& fields) {
    fields[&IndexParams::tolerate_percent].doc("of the files, that are no texts").range(0, 100).by_default();
  }
};
BOOST_DESCRIBE_STRUCT(IndexParams, (), (folder, tolerate_percent))

struct Count : StageFold {
  json::value init() const override { return 0; }
  void step(json::value& sum, TaskIndex, const json::value& result) const override { merge(sum, result); }
  void merge(json::value& sum, const json::value& other) const override {
    sum = sum.to_number<std::int64_t>() + other.to_number<std::int64_t>();
  }
  json::object finish(const json::value& sum, const StageOutcome& outcome) const override {
    json::object result{{"texts", outcome.completed()}, {"headings", sum}, {"index", outcome.seal_output("index")}};
    for (const auto& failure : outcome.failures(10)) result["left_out"] = failure.message;
    return result;
  }
};

struct IndexFolder : TypedJobHandler<IndexParams> {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    for (const auto& file : fs::directory_iterator(params(context).folder)) {
      tasks.push_back({"index_text", {{"path", file.path().string()}}});
    }
    return tasks;
  }
  StagePolicy stage_policy(int, const JobContext& context) const override {
    return {.join = JoinToleratePercent{params(context).tolerate_percent},
            .retry = RetryPolicy{.max_attempts = 3, .first_delay = Milliseconds{10}}};
  }
  std::unique_ptr<StageFold> make_fold(int) const override { return std::make_unique<Count>(); }
  json::object aggregate_stage_results(int, const StageResults&) const override { return {}; }  // the fold does it
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("index_folder", IndexFolder, .description = "Makes an index of the headings in a folder of texts");

TaskResult index_text(const json::object& params, TaskContext& context) {
  const fs::path path(params.at("path").as_string().c_str());
  if (path.stem() == "busy" && context.attempt() == 1) throw std::runtime_error("the disk was busy");  // tried again
  std::ifstream file(path, std::ios::binary);
  std::int64_t headings = 0;
  for (std::string line; std::getline(file, line);) {
    const bool is_text = line.find('\0') == std::string::npos;
    if (!is_text) return TaskFailure{.message = path.string() + " is no text", .kind = TaskFailure::Kind::permanent};
    if (!line.starts_with("# ")) continue;
    context.output("index").append(std::to_string(++headings), {{"heading", line.substr(2)}, {"in", path.string()}});
  }
  return json::value(headings);
}
COREMACHINE_TASK("index_text", index_text);

int main() {
  fs::create_directory("texts");
  std::ofstream("texts/fruit.md") << "# Apples\nare red\n# Pears\nare green\n";
  std::ofstream("texts/busy.md") << "# Plums\n";
  std::ofstream("texts/empty.md");
  std::ofstream("texts/picture.png").write("\x89PNG\0", 5);
  CoreMachine machine;
  const auto job = machine.run("index_folder", {{"folder", "texts"}}).value();
  std::cout << to_string(job.status) << ", " << job.result->at("headings") << " headings in " << job.result->at("texts")
            << " texts; left out: " << job.result->at("left_out") << '\n';
}
