#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/register.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "core/model/suggest.hpp"
#include "tests/support/empty_job.hpp"

using namespace coremachine;
using support::EmptyJob;

namespace {

COREMACHINE_JOB("tests.registered_by_macro", EmptyJob);
COREMACHINE_JOB("tests.registered_by_macro_with_info", EmptyJob, .description = "said in one line", .tags = {"tests"});

template <class F>
Error error_of(F act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.error();
  }
  return Error{ErrorCode::timed_out, "nothing was thrown"};
}

bool says(const Error& error, std::string_view text) {
  return error.message.find(text) != std::string::npos;
}

std::vector<std::string> names_of(const std::vector<JobInfo>& infos) {
  std::vector<std::string> names;
  for (const auto& info : infos) names.push_back(info.name);
  return names;
}

}  // namespace

TEST_SUITE("registry: jobs") {
  TEST_CASE("a job type that a program was built without says why, until it is there") {
    JobRegistry registry;
    registry.add<EmptyJob>("present").add_absent("absent", "it needs a tool");
    CHECK_FALSE(registry.contains("absent"));
    CHECK(registry.list_all_info().size() == 1);
    for (const auto& error : {registry.make("absent").error(), registry.get_info("absent").error()}) {
      CHECK(error.code == ErrorCode::unknown_job_type);
      CHECK(error.message == "job type \"absent\" is not in this program: it needs a tool");
    }
    CHECK(says(registry.make("absen").error(), "nearest: present"));
    registry.add<EmptyJob>("absent");
    CHECK(registry.make("absent").has_value());
    registry.freeze();
    CHECK(error_of([&] { registry.add_absent("late", "x"); }).code == ErrorCode::wrong_state);
  }

  TEST_CASE("what is registered can be made and asked about") {
    JobRegistry registry;
    registry.add<EmptyJob>("b.job", {.description = "does nothing", .tags = {"x", "y"}}).add<EmptyJob>("a.job");
    CHECK(registry.contains("a.job"));
    CHECK_FALSE(registry.contains("c.job"));
    CHECK(registry.make("a.job").value() != nullptr);
    CHECK(registry.make("a.job").value() != registry.make("a.job").value());
    const auto info = registry.get_info("b.job").value();
    CHECK(info.name == "b.job");
    CHECK(info.description == "does nothing");
    CHECK(info.version == "1");
    CHECK(names_of(registry.list_all_info()) == std::vector<std::string>{"a.job", "b.job"});
  }

  TEST_CASE("tags select what has all of them") {
    JobRegistry registry;
    registry.add<EmptyJob>("one", {.tags = {"x"}}).add<EmptyJob>("two", {.tags = {"y", "x"}}).add<EmptyJob>("none");
    using Names = std::vector<std::string>;
    CHECK(names_of(registry.list_by_tags({"x"})) == Names{"one", "two"});
    CHECK(names_of(registry.list_by_tags({"x", "y"})) == Names{"two"});
    CHECK(names_of(registry.list_by_tags({"z"})).empty());
    CHECK(names_of(registry.list_by_tags({})) == Names{"none", "one", "two"});
  }

  TEST_CASE("a name that is there already is refused, naming both places") {
    JobRegistry registry;
    const auto first = std::source_location::current();
    registry.add<EmptyJob>("same", {}, first);
    const auto second = std::source_location::current();
    const auto error = error_of([&] { registry.add<EmptyJob>("same", {}, second); });
    CHECK(error.code == ErrorCode::invalid_argument);
    CHECK(says(error, "\"same\" is registered twice"));
    CHECK(first.line() != second.line());
    for (const auto& where : {first, second}) {
      CHECK(says(error, std::string(where.file_name()) + ":" + std::to_string(where.line())));
    }
    CHECK(registry.list_all_info().size() == 1);
  }

  TEST_CASE("new jobs get the highest version, and older ones theirs, in whichever order they are registered") {
    struct Row {
      std::vector<std::string> ascending;
    };
    for (const auto& row : {Row{{"1", "2", "10"}}, Row{{"1.2", "1.9", "1.10"}}, Row{{"1", "1.0", "1.0.1"}},
                            Row{{"a", "b", "b.1"}}, Row{{"1", "01", "2"}}, Row{{"9", "beta", "beta.2"}}}) {
      auto order = row.ascending;
      std::sort(order.begin(), order.end());
      do {
        JobRegistry registry;
        for (const auto& version : order) registry.add<EmptyJob>("job", {.version = version});
        std::vector<std::string> all;
        for (const auto& info : registry.list_all_versions()) all.push_back(info.version);
        std::set<std::string> expected(row.ascending.begin(), row.ascending.end());
        CHECK(std::set<std::string>(all.begin(), all.end()) == expected);
        CHECK(all.back() == registry.get_info("job").value().version);
        if (row.ascending[0] != "1" || row.ascending[1] != "01") CHECK(all == row.ascending);
        CHECK(registry.list_all_info().size() == 1);
        for (const auto& version : all) CHECK(registry.make("job", version).has_value());
      } while (std::next_permutation(order.begin(), order.end()));
    }
    JobRegistry registry;
    registry.add<EmptyJob>("job", {.version = "2"}).add<EmptyJob>("job", {.version = "1"});
    CHECK(registry.make("job", "3").error().message == "job type \"job\" has no version 3 here; there is 1, 2");
    CHECK(error_of([&] { registry.add<EmptyJob>("job", {.version = "1"}); }).code == ErrorCode::invalid_argument);
    CHECK(says(error_of([&] { registry.add<EmptyJob>("other", {.version = "one two"}); }), "a version is"));
  }

  TEST_CASE("an invalid name is refused with the rule") {
    JobRegistry registry;
    for (const std::string name : {"", "a b", "a..b", "\xff\n"}) {
      CAPTURE(name);
      const auto error = error_of([&] { registry.add<EmptyJob>(name); });
      CHECK(error.code == ErrorCode::invalid_name);
      CHECK(says(error, name_rule));
    }
    CHECK(registry.list_all_info().empty());
  }

  TEST_CASE("a factory that is empty is refused, one that returns nothing is an error of the author") {
    JobRegistry registry;
    CHECK(error_of([&] { registry.add_factory("empty", nullptr); }).code == ErrorCode::invalid_argument);
    registry.add_factory("returns.nothing", [] { return std::unique_ptr<JobHandler>(); });
    CHECK(registry.make("returns.nothing").error().code == ErrorCode::handler_contract);
  }

  TEST_CASE("an unknown type is answered with the nearest known ones") {
    JobRegistry registry;
    CHECK(registry.make("hello").error() ==
          Error{ErrorCode::unknown_job_type, "unknown job type \"hello\"; no job types are registered"});
    registry.add<EmptyJob>("hello_world").add<EmptyJob>("list_container").add<EmptyJob>("fan_out");
    const Error expected{ErrorCode::unknown_job_type, "unknown job type \"hello_wrld\"; nearest: hello_world"};
    CHECK(registry.make("hello_wrld").error() == expected);
    CHECK(registry.get_info("hello_wrld").error() == expected);
  }

  TEST_CASE("a frozen registry refuses every change and still answers") {
    JobRegistry registry;
    registry.add<EmptyJob>("early");
    CHECK_FALSE(registry.frozen());
    registry.freeze();
    CHECK(registry.frozen());
    const auto error = error_of([&] { registry.add<EmptyJob>("late"); });
    CHECK(error.code == ErrorCode::wrong_state);
    CHECK(says(error, "late"));
    CHECK(says(error, "frozen"));
    CHECK(error_of([&] { registry.clear(); }).code == ErrorCode::wrong_state);
    CHECK_NOTHROW(registry.freeze());
    CHECK(registry.make("early").has_value());
    CHECK_FALSE(registry.contains("late"));
  }

  TEST_CASE("what goes wrong before main is kept and thrown at once by freeze") {
    JobRegistry registry;
    const auto where = std::source_location::current();
    CHECK(registry.add_at_load<EmptyJob>("good", {}, where));
    CHECK(registry.add_at_load<EmptyJob>("good", {}, where));
    CHECK(registry.add_at_load<EmptyJob>("not good", {}, where));
    const auto error = error_of([&] { registry.freeze(); });
    CHECK(says(error, "2 registrations of job types went wrong"));
    CHECK(says(error, "\"good\" is registered twice"));
    CHECK(says(error, "\"not?good\""));
    CHECK_FALSE(registry.frozen());
    registry.clear();
    CHECK_NOTHROW(registry.freeze());
    CHECK_FALSE(registry.contains("good"));
  }

  TEST_CASE("one line at namespace scope registers with the process-wide registry") {
    CHECK(JobRegistry::instance().contains("tests.registered_by_macro"));
    const auto info = JobRegistry::instance().get_info("tests.registered_by_macro_with_info").value();
    CHECK(info.description == "said in one line");
    CHECK(info.tags == std::vector<std::string>{"tests"});
  }

  TEST_CASE("threads may register at the same time, and one of two with the same name wins") {
    JobRegistry registry;
    std::atomic<int> refused = 0;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 50; ++i) {
          registry.add<EmptyJob>("own." + std::to_string(t) + "." + std::to_string(i));
          if (error_of([&] { registry.add<EmptyJob>("shared." + std::to_string(i)); }).code != ErrorCode::timed_out) {
            ++refused;
          }
        }
      });
    }
    threads.clear();
    CHECK(registry.list_all_info().size() == 4 * 50 + 50);
    CHECK(refused == 3 * 50);
  }
}

TEST_SUITE("registry: suggestions") {
  TEST_CASE("the nearest names come first, and what is far off is left out") {
    struct Row {
      std::string_view asked;
      std::vector<std::string_view> nearest;
    };
    const std::vector<std::string_view> known{"analyze_blob", "echo", "fan_out", "greet", "hello_world", "list_blobs"};
    const Row rows[] = {
        {"ehco", {"echo"}},
        {"GREET", {"greet"}},
        {"fanout", {"fan_out"}},
        {"list_blob", {"list_blobs"}},
        {"hello-world", {"hello_world"}},
    };
    for (const auto& row : rows) {
      CAPTURE(row.asked);
      CHECK(nearest_names(row.asked, known) == row.nearest);
    }
    CHECK(nearest_names("echo1", {"echo2", "echo3", "echo4", "echo5"}).size() == 3);
    CHECK(nearest_names("anything", {}).empty());
    CHECK(nearest_names("", known).front() == "echo");
    CHECK_FALSE(nearest_names(std::string(100000, 'x'), known).empty());
  }

  TEST_CASE("a name in a message is short and prints") {
    CHECK(quoted_name("hello_world") == "\"hello_world\"");
    CHECK(quoted_name("a\n\"b\xff") == "\"a??b?\"");
    CHECK(quoted_name(std::string(5000, 'x')).size() < 140);
  }
}
