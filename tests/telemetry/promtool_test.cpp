// What the machine tells Prometheus, judged by Prometheus' own tool. Where the machine has none, ctest says that this
// was skipped; `./dev test` fetches it.

#include <sys/wait.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include <coremachine/coremachine.hpp>

#include "jobs/builtin.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;

/// COREMACHINE_PROMTOOL, or the one that `./dev` fetched, or the one of the system; empty: none.
std::string promtool() {
  const auto* named = std::getenv("COREMACHINE_PROMTOOL");
  for (const auto& path :
       {std::string(named ? named : ""), std::string(COREMACHINE_TESTS_DIR) + "/../build/tools/promtool",
        std::string("/usr/bin/promtool"), std::string("/usr/local/bin/promtool")}) {
    if (!path.empty() && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

struct Judged {
  int status = 0;
  std::string said;
};

Judged judge(const std::string& tool, const std::string& text, const std::string& folder) {
  const auto path = folder + "/metrics";
  std::ofstream(path) << text;
  auto* output = ::popen(("'" + tool + "' check metrics <'" + path + "' 2>&1").c_str(), "r");
  REQUIRE(output != nullptr);
  Judged judged;
  char buffer[4096];
  for (std::size_t count = 0; (count = std::fread(buffer, 1, sizeof buffer, output)) > 0;)
    judged.said.append(buffer, count);
  judged.status = WEXITSTATUS(::pclose(output));
  return judged;
}

}  // namespace

TEST_SUITE("telemetry: promtool") {
  TEST_CASE("promtool has nothing to say") {
    const auto tool = promtool();
    if (tool.empty()) {
      MESSAGE("SKIPPED: there is no promtool here; `./dev test` fetches it, COREMACHINE_PROMTOOL names one");
      return;
    }
    const support::TemporaryDirectory folder;
    // Can it fail?
    const auto bad = judge(tool, "# TYPE jobs counter\njobs{type=\"a\"} 1\n", folder.path());
    CHECK(bad.status != 0);
    CHECK(bad.said.find("jobs") != std::string::npos);

    JobRegistry jobs;
    TaskRegistry tasks;
    register_builtin_jobs(jobs, tasks);
    tasks.add("od.d-name_1", [](const json::object&) -> TaskResult { return {}; });
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    options.log = [](std::string_view) {};
    CoreMachine machine(options);
    CHECK(machine.run("hello_world").has_value());
    CHECK(machine.run("fan_out", {{"count", 100}, {"fail_percent", 5}, {"join", "best_effort"}}).has_value());
    auto metrics = machine.metrics();
    const auto good = judge(tool, to_prometheus(metrics), folder.path());
    CHECK(good.said == "");
    CHECK(good.status == 0);
    // What a label may have in it, the tool reads back.
    Metric odd{"odd_things", "A help\nof two lines, with \\ and \".", MetricKind::gauge, {}};
    odd.samples.push_back({.labels = {{"name", "quote \" back \\ line \n end \xF0\x9F\x99\x82"}}, .value = 1});
    metrics.push_back(std::move(odd));
    const auto escaped = judge(tool, to_prometheus(metrics), folder.path());
    CHECK(escaped.said == "");
    CHECK(escaped.status == 0);
  }
}
