#include <coremachine/registry/job_handler.hpp>

#include <memory>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/empty_job.hpp"

using namespace coremachine;

namespace {

std::shared_ptr<const std::string> text(const char* json) {
  return std::make_shared<const std::string>(json);
}

JobContext::State state_with(const char* params) {
  JobContext::State state;
  state.job_id = JobId{1, 2};
  state.job_type = "tests.job";
  state.round = 4;
  state.attempt = 2;
  state.params = text(params);
  return state;
}

}  // namespace

TEST_SUITE("registry: job context") {
  TEST_CASE("it knows its job and reads the params once") {
    const JobContext context(state_with(R"({"a": [1, 2.5], "b": {"c": null}})"));
    CHECK(context.job_id() == JobId{1, 2});
    CHECK(context.job_type() == "tests.job");
    CHECK(context.round() == 4);
    CHECK(context.attempt() == 2);
    CHECK(context.job_params().at("a").at(1) == 2.5);
    CHECK(&context.job_params() == &context.job_params());
  }

  TEST_CASE("results of closed stages are there, of any other they are not") {
    auto state = state_with("{}");
    state.stage_results[1] = text(R"({"n": 1})");
    state.stage_results[3] = text(R"({"n": 3})");
    const JobContext context(std::move(state));
    CHECK(context.stage_result(1).at("n") == 1);
    CHECK(context.stage_result(3).at("n") == 3);
    CHECK(&context.stage_result(1) == &context.stage_result(1));
    CHECK(context.has_stage_result(3));
    CHECK_FALSE(context.has_stage_result(2));
    for (const int stage : {0, 2, 4, -1}) CHECK_THROWS_AS((void)context.stage_result(stage), std::out_of_range);
  }

  TEST_CASE("a reference to a result outlives the reading of another") {
    auto state = state_with("{}");
    for (int stage = 1; stage <= 50; ++stage) state.stage_results[stage] = text(R"({"n": 1})");
    const JobContext context(std::move(state));
    const auto& first = context.stage_result(1);
    for (int stage = 2; stage <= 50; ++stage) CHECK(context.stage_result(stage).size() == 1);
    CHECK(first.at("n") == 1);
  }

  TEST_CASE("stored text that is no object is damage") {
    for (const char* damaged : {"", "[1]", "{\"a\":", "null"}) {
      CAPTURE(damaged);
      const JobContext context(state_with(damaged));
      CHECK_THROWS_AS((void)context.job_params(), Failure);
    }
    JobContext::State state;
    CHECK(JobContext(std::move(state)).job_params().empty());
  }

  TEST_CASE("it asks whether the job is cancelled each time") {
    bool cancelled = false;
    auto state = state_with("{}");
    CHECK_FALSE(JobContext(state_with("{}")).cancelled());
    state.cancelled = [&] { return cancelled; };
    const JobContext context(std::move(state));
    CHECK_FALSE(context.cancelled());
    cancelled = true;
    CHECK(context.cancelled());
  }

  TEST_CASE("a handler that says nothing of a policy has the default one") {
    const JobContext context(state_with("{}"));
    CHECK(support::EmptyJob().stage_policy(1, context) == StagePolicy{});
  }
}
