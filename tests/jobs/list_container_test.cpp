#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>
#include <coremachine/runtime/core_machine.hpp>

#include "handlers/container.hpp"
#include "handlers/media_type.hpp"
#include "tests/jobs/handler_calls.hpp"
#include "tests/support/child_process.hpp"

using namespace coremachine;
using coremachine::tests::HandlerCalls;
namespace fs = std::filesystem;

namespace {

constexpr const char* sha256_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr const char* sha256_of_million_a = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

/// A directory that is gone with the test.
class Folder {
 public:
  Folder() {
    auto pattern = (fs::temp_directory_path() / "coremachine-blobs-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string str() const { return path_.string(); }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  void write(const std::string& name, const std::string& contents) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << contents;
  }

 private:
  fs::path path_;
};

std::vector<std::string> names_in(const TaskResult& listing) {
  REQUIRE(listing.ok());
  std::vector<std::string> names;
  for (const auto& blob : listing.value().at("blobs").as_array()) names.emplace_back(blob.at("name").as_string());
  CHECK(listing.value().at("blob_count") == names.size());
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_SUITE("jobs: list_container") {
  TEST_CASE("it lists what lies below a directory and looks into each file") {
    const HandlerCalls calls;
    const Folder folder;
    folder.write("b.txt", "abc");
    folder.write("a/deep/er/data.json", "");
    folder.write("c", std::string(1'000'000, 'a'));
    CHECK(calls.run_job("list_container", {{"container_name", folder.str()}}) ==
          json::object{{"container", folder.str()},
                       {"blob_count", 3},
                       {"analysis",
                        {{"total_blobs", 3},
                         {"total_size", 1'000'003},
                         {"analyses",
                          {{{"name", "a/deep/er/data.json"},
                            {"size", 0},
                            {"media_type", "application/json"},
                            {"sha256", sha256_of_nothing}},
                           {{"name", "b.txt"}, {"size", 3}, {"media_type", "text/plain"}, {"sha256", sha256_of_abc}},
                           {{"name", "c"},
                            {"size", 1'000'000},
                            {"media_type", "text/plain"},
                            {"sha256", sha256_of_million_a}}}}}}});
  }

  TEST_CASE("an empty directory is a container without blobs") {
    const HandlerCalls calls;
    const Folder folder;
    fs::create_directories(folder / "empty/inside");
    const auto result = calls.run_job("list_container", {{"container_name", folder.str()}});
    CHECK(result.at("blob_count") == 0);
    CHECK(result.at("analysis") ==
          json::value(json::object{{"total_blobs", 0}, {"total_size", 0}, {"analyses", json::array()}}));
  }

  TEST_CASE("a blob has a size and the time of its last change") {
    const HandlerCalls calls;
    const Folder folder;
    folder.write("x", "12345");
    const auto time = std::chrono::sys_time<Milliseconds>(Milliseconds(1'769'860'800'123));
    fs::last_write_time(folder / "x", fs::file_time_type::clock::from_sys(time));
    CHECK(
        calls.run_task("list_blobs", {{"container_name", folder.str()}}).value() ==
        json::value(json::object{
            {"blobs", json::array{json::object{{"name", "x"}, {"size", 5}, {"modified", "2026-01-31T12:00:00.123Z"}}}},
            {"blob_count", 1}}));
  }

  TEST_CASE("names are sorted by their bytes, whatever the directories") {
    const HandlerCalls calls;
    const Folder folder;
    for (const char* name : {"a/z", "a-b", "a.b", "B", "ä", "a/b/c", "a b", "a\nb\"c", "z/1"}) folder.write(name, "");
    CHECK(names_in(calls.run_task("list_blobs", {{"container_name", folder.str()}})) ==
          Names{"B", "a\nb\"c", "a b", "a-b", "a.b", "a/b/c", "a/z", "z/1", "ä"});
  }

  TEST_CASE("a prefix and a limit select") {
    const HandlerCalls calls;
    const Folder folder;
    for (const char* name : {"2024/a.tif", "2024/b.tif", "2024-x", "2025/a.tif", "20"}) folder.write(name, "");
    struct Row {
      const char* prefix;
      std::int64_t limit;
      Names names;
    };
    const Row rows[] = {
        {"", 100, {"20", "2024-x", "2024/a.tif", "2024/b.tif", "2025/a.tif"}},
        {"2024", 100, {"2024-x", "2024/a.tif", "2024/b.tif"}},
        {"2024/", 100, {"2024/a.tif", "2024/b.tif"}},
        {"2024/b", 100, {"2024/b.tif"}},
        {"2024/b.tif/c", 100, {}},
        {"/", 100, {}},
        {"2", 2, {"20", "2024-x"}},
        {"", 1, {"20"}},
    };
    for (const auto& row : rows) {
      CAPTURE(row.prefix);
      const json::object params{{"container_name", folder.str()}, {"prefix", row.prefix}, {"limit", row.limit}};
      CHECK(names_in(calls.run_task("list_blobs", params)) == row.names);
    }
    CHECK(calls.run_job("list_container", {{"container_name", folder.str()}, {"limit", 2}}).at("blob_count") == 2);
  }

  TEST_CASE("links are not followed, and what is no file is no blob") {
    const HandlerCalls calls;
    const Folder folder;
    folder.write("real/file", "x");
    fs::create_symlink(folder / "real/file", folder / "link");
    fs::create_directory_symlink(folder.str(), folder / "real/loop");
    fs::create_symlink("nowhere", folder / "dangling");
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK(names_in(calls.run_task("list_blobs", {{"container_name", folder.str()}})) == Names{"real/file"});
    for (const char* name : {"link", "pipe", "real", "dangling"}) {
      CAPTURE(name);
      CHECK(calls.refusal_of_task("analyze_blob", {{"container_name", folder.str()}, {"name", name}}).type ==
            "not_a_file");
    }
  }

  TEST_CASE("a container that is itself a link is one that was asked for") {
    const HandlerCalls calls;
    const Folder folder;
    folder.write("real/file", "x");
    fs::create_directory_symlink(folder / "real", folder / "link");
    CHECK(names_in(calls.run_task("list_blobs", {{"container_name", (folder / "link").string()}})) == Names{"file"});
  }

  TEST_CASE("a name that JSON cannot say is counted, not lost in silence") {
    const HandlerCalls calls;
    const Folder folder;
    folder.write("good", "");
    folder.write("bad\xff", "");
    const auto listing = calls.run_task("list_blobs", {{"container_name", folder.str()}});
    CHECK(names_in(listing) == Names{"good"});
    CHECK(listing.value().at("skipped") == 1);
  }

  TEST_CASE("a container that is none is refused for good, by its name") {
    const HandlerCalls calls;
    const Folder folder;
    folder.write("file", "");
    const auto missing = calls.refusal_of_task("list_blobs", {{"container_name", (folder / "no").string()}});
    CHECK(missing.kind == TaskFailure::Kind::permanent);
    CHECK(missing.message == "container_name: \"" + (folder / "no").string() +
                                 "\" does not exist, should be a directory that this process can read");
    const auto file = calls.refusal_of_task("list_blobs", {{"container_name", (folder / "file").string()}});
    CHECK(file.kind == TaskFailure::Kind::permanent);
    CHECK(file.message.find("is no directory") != std::string::npos);
  }

  TEST_CASE("a blob outside of its container is refused") {
    const HandlerCalls calls;
    const Folder folder;
    folder.write("inside/x", "");
    folder.write("secret", "");
    for (const std::string& name :
         {std::string("../secret"), std::string("a/../../secret"), folder.str() + "/secret"}) {
      CAPTURE(name);
      const json::object params{{"container_name", (folder / "inside").string()}, {"name", name}};
      CHECK(calls.refusal_of_task("analyze_blob", params).message.find("should be relative") != std::string::npos);
    }
    CHECK(calls.refusal_of_task("analyze_blob", {{"container_name", folder.str()}, {"name", "gone"}}).type ==
          "not_found");
  }

  TEST_CASE("work that is not wanted any more ends") {
    HandlerCalls calls;
    const Folder folder;
    folder.write("x", "x");
    calls.cancelled = true;
    const auto listing = calls.run_task("list_blobs", {{"container_name", folder.str()}});
    REQUIRE_FALSE(listing.ok());
    CHECK(listing.failure().type == "cancelled");
    CHECK_FALSE(calls.run_task("analyze_blob", {{"container_name", folder.str()}, {"name", "x"}}).ok());
  }

  TEST_CASE("params that do not fit are refused with every fault") {
    const HandlerCalls calls;
    const auto message = calls.refusal_of_job("list_container", {{"prefix", 1}, {"limit", 0}, {"recursive", true}});
    for (const char* fault :
         {"/container_name is missing, should be a string that is not empty", "/prefix is 1, should be a string",
          "/limit is 0, should be an integer of at least 1", "/recursive is not known; nearest: "}) {
      CAPTURE(fault);
      CHECK(message.find(fault) != std::string::npos);
    }
    CHECK(calls.refusal_of_job("list_container", {{"container_name", ""}}).find("/container_name is \"\"") !=
          std::string::npos);
  }

  TEST_CASE("media types come from the extension, else from the beginning") {
    struct Row {
      std::string_view name;
      std::string_view beginning;
      std::string_view type;
    };
    const Row rows[] = {
        {"a.TIF", "", "image/tiff"},
        {"x/y.tar.gz", "", "application/gzip"},
        {"a.json", "\x89PNG\r\n\x1A\n", "application/json"},
        {"a.unknown", "\x89PNG\r\n\x1A\n", "image/png"},
        {"a", std::string_view("II*\0more", 8), "image/tiff"},
        {"a", "%PDF-1.7", "application/pdf"},
        {"a", "plain text\nwith ü", "text/plain"},
        {"a", std::string_view("nul\0byte", 8), "application/octet-stream"},
        {"a", "\xff\xfe", "application/octet-stream"},
        {"a", "", "application/octet-stream"},
        {".json", "text", "text/plain"},
        {"dir.json/file", "text", "text/plain"},
        {"a.", "text", "text/plain"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.name);
      CHECK(builtin::media_type_of(row.name, row.beginning) == row.type);
    }
    std::string cut(builtin::beginning_size - 1, 'x');
    cut += "\xC3";  // the first byte of a character whose second one is not in it
    CHECK(builtin::media_type_of("a", cut) == "text/plain");
    CHECK(builtin::media_type_of("a", "x\xC3") == "application/octet-stream");
  }

  TEST_CASE("what may not be read is told of, and stops nothing else") {
    if (::geteuid() != 0) {
      MESSAGE("SKIPPED: only root can become somebody who may not read a file");
      return;
    }
    const Folder folder;
    folder.write("good", "abc");
    folder.write("secret", "abc");
    folder.write("closed/inside", "abc");
    fs::permissions(folder.str(), fs::perms(0755));
    fs::permissions(folder / "secret", fs::perms::none);
    fs::permissions(folder / "closed", fs::perms::none);
    support::ChildProcess child([&](const auto& say) {
      ::setfsuid(65534);  // of this thread, and of those that it makes
      JobRegistry jobs;
      TaskRegistry tasks;
      register_builtin_jobs(jobs, tasks);
      MachineOptions options;
      options.jobs = &jobs;
      options.tasks = &tasks;
      CoreMachine machine(options);
      const auto job = machine.run("list_container", {{"container_name", folder.str()}}).value();
      say(std::string(to_string(job.status)));
      say(json::serialize(*job.result));
    });
    const auto said = child.read_all();
    REQUIRE(said.size() == 2);
    CHECK(said[0] == "completed_with_errors");
    const auto result = json::parse(said[1]);
    CHECK(result.at("blob_count") == 2);
    CHECK(result.at("unreadable") == json::value{{{"name", "\"closed/\""}, {"error", "Permission denied"}}});
    CHECK(result.at("analysis").at("total_blobs") == 1);
    CHECK(result.at("analysis").at("failed_blobs") == 1);
    const auto& failure = result.at("analysis").at("failures").at(0);
    CHECK(failure.at("type") == "not_readable");
    CHECK(failure.at("message").as_string().find("secret") != std::string::npos);
  }

  TEST_CASE("a file that vanishes between the list and the look is a failure of its own task") {
    const Folder folder;
    folder.write("stays", "abc");
    folder.write("goes", "abc");
    JobRegistry jobs;
    TaskRegistry all;
    TaskRegistry tasks;
    register_builtin_jobs(jobs, all);
    const auto& list = all.find_callable("list_blobs")->function;
    const auto& analyze = all.find_callable("analyze_blob")->function;
    tasks.add("list_blobs", [&](const json::object& params, TaskContext& context) {
      auto result = list(params, context);
      fs::remove(folder / "goes");
      return result;
    });
    tasks.add("analyze_blob",
              [&](const json::object& params, TaskContext& context) { return analyze(params, context); });
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    CoreMachine machine(options);
    const auto job = machine.run("list_container", {{"container_name", folder.str()}}).value();
    CHECK(job.status == JobStatus::completed_with_errors);
    CHECK(job.result->at("blob_count") == 2);
    CHECK(job.result->at("analysis").at("failures").at(0).at("type") == "not_found");
    CHECK(job.result->at("analysis").at("failures").at(0).at("index") == 0);
  }

  TEST_CASE("names of a directory are walked in the order of all names below it") {
    builtin::NameList names;
    for (const char* name : {"b", "a-b", "a.b", "ab"}) names.add(name, false);
    names.add("a", true);
    names.sort();
    Names sorted;
    for (std::size_t i = 0; i < names.size(); ++i) sorted.emplace_back(names[i]);
    CHECK(sorted == Names{"a-b", "a.b", "a/", "ab", "b"});
    for (const char* name : {"..", "../x", "a/..", "a/../b", "/x", "a//../x"}) {
      CAPTURE(name);
      CHECK_FALSE(builtin::stays_inside(name));
    }
    for (const char* name : {"a", "..a", "a..", "a/...", "a/b"}) CHECK(builtin::stays_inside(name));
  }

  TEST_CASE("the analyses of more than a thousand blobs are an artifact, which is there after a restart too") {
    Folder folder;
    Folder blobs;
    for (int i = 0; i < 1001; ++i) blobs.write("b" + std::to_string(i), std::to_string(i));
    JobRegistry jobs;
    TaskRegistry tasks;
    register_builtin_jobs(jobs, tasks);
    MachineOptions options;
    options.jobs = &jobs;
    options.tasks = &tasks;
    options.store = "sqlite:" + (folder / "store.db").string();
    std::string id;
    {
      CoreMachine machine(options);
      const auto few = machine.run("list_container", {{"container_name", blobs.str()}, {"limit", 1000}}).value();
      CHECK(few.result->at("analysis").at("analyses").is_array());
      const auto many = machine.run("list_container", {{"container_name", blobs.str()}}).value();
      REQUIRE(many.status == JobStatus::completed);
      CHECK(many.result->at("blob_count") == 1001);
      CHECK(many.result->at("analysis").at("total_blobs") == 1001);
      id = std::string(many.result->at("analysis").at("analyses").at("$artifact").as_string());
      CHECK(many.result->at("analysis").at("analyses").at("media_type") == "application/json");
    }
    CoreMachine machine(options);
    const auto text = machine.artifact(id).value();
    CHECK(json::parse(text).as_array().size() == 1001);
    CHECK(machine.artifact("sha256-" + std::string(64, '0')).error().code == ErrorCode::store_missing);
    CHECK(machine.artifact("nonsense").error().code == ErrorCode::invalid_argument);
  }
}
