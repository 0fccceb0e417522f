// The params of a job and of its tasks as structs.
//
// What a struct says of its members decides what fits, what is taken for what is missing, and what the registry tells
// of it. Params that do not fit are refused when the job is submitted, with everything that is wrong and where.
#include <coremachine/coremachine.hpp>
#include <coremachine/registry/typed.hpp>

#include <iostream>
#include <string>

using namespace coremachine;

enum class Format { png, jpeg };
BOOST_DESCRIBE_ENUM(Format, png, jpeg)

struct ResizeParams {
  std::vector<std::string> paths;
  std::int64_t width = 800;
  std::optional<Format> format;

  static void rules(params::Fields<ResizeParams>& fields) {
    fields.doc("Which pictures are resized, and how");
    fields[&ResizeParams::paths].doc("the files").min_items(1).each().min_length(1);
    fields[&ResizeParams::width].doc("in pixels").range(1, 10000).by_default();
    fields[&ResizeParams::format].doc("if it should be another one");
  }
};
BOOST_DESCRIBE_STRUCT(ResizeParams, (), (paths, width, format))

// One task is given one of the pictures. It has no rules: everything but the optional is required.
struct Picture {
  std::string path;
  std::int64_t width = 0;
  std::optional<Format> format;
};
BOOST_DESCRIBE_STRUCT(Picture, (), (path, width, format))

struct Resize : TypedJobHandler<ResizeParams> {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    const auto asked = params(context);
    std::vector<TaskDefinition> tasks;
    for (const auto& path : asked.paths) {
      tasks.push_back({"resize_one", params::to_json(Picture{path, asked.width, asked.format})});
    }
    return tasks;
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    json::array made;
    for (const auto& result : results) made.push_back(result);
    return {{"made", made}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("resize", Resize, .description = "Resizes pictures");

TaskResult resize_one(const Picture& picture) {
  const auto ending = picture.format == Format::jpeg ? " as jpeg" : "";
  return json::value(picture.path + " to " + std::to_string(picture.width) + ending);
}
COREMACHINE_TASK("resize_one", resize_one);

void show(const Result<JobView>& job) {
  if (job) {
    std::cout << to_string(job->status) << ": " << *job->result << '\n';
    return;
  }
  std::cout << job.error().message << '\n';
  for (const auto& fault : job.error().faults) std::cout << "  " << fault.pointer << ' ' << fault.detail << '\n';
}

int main() {
  CoreMachine machine;
  show(machine.run("resize", {{"paths", {"a.png", "b.png"}}}));
  show(machine.run("resize", params::to_json(ResizeParams{{"c.png"}, 64, Format::jpeg})));
  show(machine.run("resize", {{"paths", {"a.png", ""}}, {"widht", 100}, {"format", "gif"}}));

  const auto schema = JobRegistry::instance().get_info("resize")->params_schema;
  std::cout << schema.at("properties").at("width") << '\n';
}
