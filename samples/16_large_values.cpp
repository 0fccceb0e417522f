// Values that are too large for a result. Params and results over `large_value` bytes are kept as artifacts by
// themselves: handlers read them as ever, and whoever looks from outside sees a reference. What tasks collect goes line
// by line into an output, and a handler may make an artifact of its own, piece by piece.
#include <coremachine/coremachine.hpp>

#include <iostream>
#include <string>

using namespace coremachine;

struct Survey : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    std::vector<TaskDefinition> tasks;
    for (const auto& region : context.job_params().at("regions").as_array()) {
      tasks.push_back({"measure", {{"region", region}}});
    }
    return tasks;
  }

  json::object aggregate_stage_results(int, const StageResults& results) const override {
    std::size_t readings = 0;
    for (const auto& result : results) readings += result.at("readings").as_array().size();  // read one by one
    return {{"readings", readings}, {"peaks", results.seal_output("peaks")}};
  }

  bool should_advance_stage(int, const JobContext&) const override { return false; }

  json::object get_final_result(const JobContext& context) const override {
    auto result = context.stage_result(1);
    const auto map = context.new_artifact("image/x-portable-graymap");
    map->write("P2 300 100 9\n");
    for (int row = 0; row < 100; ++row) {
      for (int column = 0; column < 300; ++column) map->write(std::to_string((row + column) % 10) + " ");
    }
    result["map"] = map->finish();
    return result;
  }
};
COREMACHINE_JOB("survey", Survey);

TaskResult measure(const json::object& params, TaskContext& context) {
  auto peaks = context.output("peaks");
  const auto& region = params.at("region").at("name");
  json::array readings;
  for (int i = 0; i < 100'000; ++i) {
    const auto reading = (i * 7919 + static_cast<int>(context.index())) % 100'003;
    readings.push_back(reading);
    // Whichever attempt writes a line first: it is there once.
    if (reading > 99'998) peaks.append(std::to_string(i), {{"region", region}, {"reading", reading}});
  }
  return {{"readings", std::move(readings)}};  // some 590 kB of text
}
COREMACHINE_TASK("measure", measure);

int main() {
  MachineOptions options;
  options.large_value = 16 * 1024;  // by default a value is large from 1 MiB on
  options.workers = 1;              // so that the lines come in order
  CoreMachine machine(std::move(options));

  json::array regions;
  for (const char* name : {"north", "south"}) regions.push_back({{"name", name}, {"about", std::string(20'000, '.')}});
  const auto job = machine.run("survey", {{"regions", regions}}).value();
  std::cout << to_string(job.status) << '\n';

  const auto about = [&](const char* what, const json::value& value) {
    const auto reference = parse_artifact_reference(value);
    if (reference) std::cout << what << ": " << reference->size << " bytes of " << reference->media_type << '\n';
  };
  about("params", job.params);
  about("map", job.result->at("map"));
  about("peaks", job.result->at("peaks"));
  std::cout << "readings: " << job.result->at("readings") << '\n';

  const auto params = machine.artifact_value(job.params).value();
  std::cout << "the first region is " << params.at("regions").at(0).at("name") << '\n';

  const auto peaks = machine.open_artifact(job.result->at("peaks").at("$artifact").as_string()).value();
  std::string lines(static_cast<std::size_t>(peaks->size()), '\0');
  peaks->read(0, lines.data(), lines.size());
  std::size_t count = 0;
  for (const char c : lines) count += c == '\n';
  std::cout << "lines of peaks: " << count << '\n';
}
