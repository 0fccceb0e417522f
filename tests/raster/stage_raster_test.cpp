#include "jobs/raster/stage_raster.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include <doctest/doctest.h>
#include <coremachine/runtime/core_machine.hpp>
#include <coremachine/testing/workflow.hpp>

#include "core/registry/task_callable.hpp"
#include "handlers/gdal/gdal.hpp"
#include "jobs/raster/raster.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace coremachine;
using namespace coremachine::builtin;
using coremachine::support::ChildProcess;
using coremachine::support::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

constexpr int size = 1500;
constexpr std::int64_t tiles = 9;

/// In a process of its own: GDAL may have threads, and tests here fork.
void make_source(const std::string& path) {
  ChildProcess child([&](const auto&) {
    const auto& g = gdal();
    Dataset file(g.GDALCreate(g.GDALGetDriverByName("GTiff"), path.c_str(), size, size, 1, GDT_Byte, nullptr));
    double transform[] = {500000, 10, 0, 5200000, 0, -10};
    g.GDALSetGeoTransform(file.get(), transform);
    g.GDALSetSpatialRef(file.get(), crs_from("EPSG:32632").get());
    std::vector<unsigned char> pixels(size * size);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<unsigned char>(i * i >> 7U);
    CHECK(g.GDALDatasetRasterIOEx(file.get(), GF_Write, 0, 0, size, size, pixels.data(), size, size, GDT_Byte, 1,
                                  nullptr, 0, 0, 0, nullptr) == CE_None);
  });
  REQUIRE(child.wait() == 0);
}

json::object params_of(const TemporaryDirectory& folder) {
  return {{"source", folder.path() + "/source.tif"}, {"destination", folder.path() + "/made.tif"}, {"tile_size", 512}};
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The job with one of its tasks in other hands.
class Bench {
 public:
  using Around = std::function<TaskResult(const TaskFunction& task, const json::object& params, TaskContext& context)>;

  explicit Bench(const TemporaryDirectory& folder, const std::string& wrapped = "", Around around = {}) {
    register_raster_jobs(jobs_, real_);
    for (const auto& info : real_.list_all_info()) {
      const auto& task = real_.find_callable(info.name)->function;
      if (info.name != wrapped) {
        tasks_.add(info.name, [&task](const json::object& p, TaskContext& c) { return task(p, c); });
      } else {
        tasks_.add(info.name, [&task, around](const json::object& p, TaskContext& c) { return around(task, p, c); });
      }
    }
    options_.jobs = &jobs_;
    options_.tasks = &tasks_;
    options_.workers = 1;
    options_.store = "sqlite:" + folder.path() + "/store.db";
    options_.log = [](std::string_view) {};
  }
  MachineOptions options() const { return options_; }

 private:
  JobRegistry jobs_;
  TaskRegistry real_;
  TaskRegistry tasks_;
  MachineOptions options_;
};

/// What lies beside source and store.
std::vector<std::string> others_in(const TemporaryDirectory& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    const auto name = entry.path().filename().string();
    if (name != "source.tif" && !name.starts_with("store.db")) names.push_back(name);
  }
  return names;
}

/// What the job makes where nothing happens to it.
std::string undisturbed() {
  const TemporaryDirectory folder;
  make_source(folder.path() + "/source.tif");
  std::string made;
  const Bench bench(folder);
  CoreMachine machine(bench.options());
  const auto job = machine.run("stage_raster", params_of(folder)).value();
  CHECK(job.status == JobStatus::completed);
  CHECK(others_in(folder) == std::vector<std::string>{"made.tif"});
  return content_of(folder.path() + "/made.tif");
}

}  // namespace

TEST_SUITE("raster: stage_raster") {
  // The cases that fork come first: GDAL is not loaded in this process before.
  TEST_CASE("a process that is killed between two tiles, or when the file is there, leaves nothing half-written") {
    struct Row {
      const char* task;
      int after;
      bool dies_after_work;
    };
    const Row rows[] = {{"warp_tile", 3, false},      {"warp_tile", 4, true},        {"assemble_raster", 0, false},
                        {"assemble_raster", 0, true}, {"describe_raster", 0, false}, {"describe_raster", 0, true}};
    std::string expected;
    for (const auto& row : rows) {
      CAPTURE(row.task);
      CAPTURE(row.dies_after_work);
      const TemporaryDirectory folder;
      make_source(folder.path() + "/source.tif");
      ChildProcess dying([&](const auto&) {
        int calls = 0;
        const Bench bench(folder, row.task, [&](const TaskFunction& task, const json::object& p, TaskContext& c) {
          const bool is_last = calls++ == row.after;
          if (is_last && !row.dies_after_work) std::raise(SIGKILL);
          auto result = task(p, c);
          if (is_last) std::raise(SIGKILL);
          return result;
        });
        CoreMachine machine(bench.options());
        machine.run("stage_raster", params_of(folder)).value();
      });
      CHECK(dying.wait() == SIGKILL);
      const bool was_done = std::string(row.task) == "describe_raster" ||
                            (std::string(row.task) == "assemble_raster" && row.dies_after_work);
      CHECK(fs::exists(folder.path() + "/made.tif") == was_done);

      ChildProcess next([&](const auto& say) {
        const Bench bench(folder);
        CoreMachine machine(bench.options());
        const auto page = machine.jobs({}).value();
        const auto job = machine.wait(page.items.at(0).id).value();
        say(std::string(to_string(job.status)));
      });
      CHECK(next.read_all() == std::vector<std::string>{"completed"});
      CHECK(others_in(folder) == std::vector<std::string>{"made.tif"});
      if (expected.empty()) expected = content_of(folder.path() + "/made.tif");
      CHECK(content_of(folder.path() + "/made.tif") == expected);
    }
    ChildProcess check([&](const auto& say) { say(undisturbed() == expected ? "same" : "different"); });
    CHECK(check.read_all() == std::vector<std::string>{"same"});
  }

  TEST_CASE("a tile that is damaged or gone before they are put together is made again") {
    const TemporaryDirectory folder;
    make_source(folder.path() + "/source.tif");
    const Bench bench(folder, "assemble_raster", [](const TaskFunction& task, const json::object& p, TaskContext& c) {
      const std::string tile_folder(p.at("plan").at("folder").as_string());
      fs::remove(tile_folder + "/0.tile");
      fs::resize_file(tile_folder + "/3.tile", 100);
      std::fstream middle(tile_folder + "/4.tile", std::ios::in | std::ios::out | std::ios::binary);
      middle.seekp(static_cast<std::streamoff>(fs::file_size(tile_folder + "/4.tile") / 2));
      middle << "damage";
      middle.close();
      return task(p, c);
    });
    CoreMachine machine(bench.options());
    const auto job = machine.run("stage_raster", params_of(folder)).value();
    REQUIRE(job.status == JobStatus::completed);
    CHECK(job.stages[2].result->at("tiles_made_again") == 3);
    CHECK(content_of(folder.path() + "/made.tif") == undisturbed());
  }

  TEST_CASE("cancel in the middle leaves no destination, and a retry goes on with the tiles that there are") {
    const TemporaryDirectory folder;
    make_source(folder.path() + "/source.tif");
    CoreMachine* machine = nullptr;
    int calls = 0;
    bool cancelling = true;
    const Bench bench(folder, "warp_tile", [&](const TaskFunction& task, const json::object& p, TaskContext& c) {
      if (calls++ == 4 && cancelling) machine->cancel(c.job_id()).value();
      return task(p, c);
    });
    CoreMachine running(bench.options());
    machine = &running;
    const auto job = running.run("stage_raster", params_of(folder)).value();
    CHECK(job.status == JobStatus::cancelled);
    CHECK_FALSE(fs::exists(folder.path() + "/made.tif"));
    cancelling = false;
    calls = 0;
    running.retry(job.id).value();
    CHECK(running.wait(job.id).value().status == JobStatus::completed);
    CHECK(calls < tiles);
    CHECK(content_of(folder.path() + "/made.tif") == undisturbed());
  }

  TEST_CASE("a destination that somebody else makes meanwhile stays, and so does one that there was") {
    const TemporaryDirectory folder;
    make_source(folder.path() + "/source.tif");
    const auto made = folder.path() + "/made.tif";
    const Bench bench(folder, "assemble_raster", [&](const TaskFunction& task, const json::object& p, TaskContext& c) {
      std::ofstream(made) << "of somebody else";
      return task(p, c);
    });
    CoreMachine machine(bench.options());
    auto params = params_of(folder);
    auto job = machine.run("stage_raster", params).value();
    CHECK(job.status == JobStatus::failed);
    CHECK(job.error->message.find("was made by somebody else meanwhile") != std::string::npos);
    CHECK(content_of(made) == "of somebody else");
    job = machine.run("stage_raster", params).value();
    CHECK(job.status == JobStatus::failed);
    CHECK(job.error->message.find("\"overwrite\": true") != std::string::npos);
    CHECK(content_of(made) == "of somebody else");
    params["overwrite"] = true;
    CHECK(machine.run("stage_raster", params).value().status == JobStatus::completed);
    CHECK(content_of(made) == undisturbed());
  }

  TEST_CASE("tiles are pulled when they are many, and what is folded does not depend on the order") {
    const StageRasterJob job;
    testing::HandlerProbe probe(job, {{"source", "a"}, {"destination", "b"}});
    RasterPlan plan;
    plan.tile_size = 256;
    probe.aggregate(1, {json::object{{"tiles", 5000}, {"plan", params::to_json(plan)}}});
    const auto pulled = probe.pulled(2);
    REQUIRE(pulled.size() == 5000);
    CHECK(pulled[4999].parameters.at("tile") == 4999);
    const auto folded =
        probe.fold(2, {json::object{{"bytes", 5}}, json::object{{"bytes", 7}}, json::object{{"bytes", 0}}});
    CHECK(folded == json::object{{"tiles", 3}, {"bytes", 12}});
  }

  TEST_CASE("params that cannot be meant are refused before anything runs") {
    const auto faults_of = [](json::object more) {
      json::object params{{"source", "a"}, {"destination", "b"}};
      for (const auto& [name, value] : more) params[name] = value;
      const auto parsed = params::parse<RasterRequest>(params);
      return parsed ? std::string("none") : params::describe_faults(parsed.error().faults);
    };
    CHECK(faults_of({}) == "none");
    CHECK(faults_of({{"nodata", "nan"}, {"level", 12}, {"datetime", "2026-01-31T12:00:00.5+01:00"}}) == "none");
    struct Row {
      json::object params;
      const char* says;
    };
    const Row rows[] = {
        {{{"tile_size", 1000}}, "a power of two"},
        {{{"tile_size", 128}}, "256"},
        {{{"compression", "zip"}}, "\"deflate\""},
        {{{"compression", "lzw"}, {"level", 3}}, "level: the compression lzw has none"},
        {{{"level", 13}}, "level: deflate has 1 to 12"},
        {{{"resampling", "best"}}, "\"lanczos\""},
        {{{"nodata", "none"}}, "a number or \"nan\""},
        {{{"destination", "/vsimem/x.tif"}}, "a path in the file system of this machine"},
        {{{"datetime", "yesterday"}}, "/datetime"},
        {{{"target_srs", "EPSG:4326"}}, "nearest: "},
    };
    for (const auto& row : rows) {
      CAPTURE(row.params);
      CHECK(faults_of(row.params).find(row.says) != std::string::npos);
    }
  }
}
