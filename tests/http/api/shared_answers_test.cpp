#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;

namespace {

std::size_t listed(const http::Response& response) {
  return ApiFixture::json_of(response).at("items").as_array().size();
}

}  // namespace

TEST_SUITE("http: shared answers") {
  TEST_CASE("an answer that may be old is the one that another had; others are new") {
    ApiFixture world;
    world.submit("hello_world", "{}", "?delay=1h");
    const std::string old = "/api/v1/jobs?max_age=10m";
    CHECK(listed(world.get(old)) == 1);
    world.submit("hello_world", "{}", "?delay=1h");
    CHECK(listed(world.get(old)) == 1);
    CHECK(listed(world.get("/api/v1/jobs")) == 2);
    CHECK(listed(world.get("/api/v1/jobs?max_age=0s")) == 2);
    CHECK(listed(world.get("/api/v1/jobs?limit=5&max_age=10m")) == 2);  // another question
  }

  TEST_CASE("those who come while it is made get the same") {
    ApiFixture world;
    const auto id = world.submit("fan_out", R"({"count": 3000})", "?wait=60s");
    const auto target = "/api/v1/jobs/" + id + "/heatmap?cells=7&max_age=1s";
    std::vector<std::shared_ptr<tests::Answered>> all;
    for (int i = 0; i < 200; ++i) all.push_back(world.begin("GET", target));
    const auto fresh = world.get("/api/v1/jobs/" + id + "/heatmap?cells=7").body;
    for (const auto& each : all) {
      REQUIRE(each->response().status == 200);
      REQUIRE(each->response().body == fresh);
    }
  }

  TEST_CASE("what is refused is refused to all, and not kept") {
    ApiFixture world;
    const auto id = world.submit("hello_world", "{}", "?wait=60s");
    const auto target = "/api/v1/jobs/" + id + "/tasks?max_age=10s";
    CHECK(listed(world.get(target)) == 1);
    CHECK(world.ask("DELETE", "/api/v1/jobs/" + id).status == 204);
    CHECK(world.get("/api/v1/jobs/" + id + "/tasks?max_age=1ms&limit=7").status == 404);
    CHECK(world.get("/api/v1/jobs?cursor=none&max_age=1s").status == 400);
    CHECK(world.get("/api/v1/jobs?max_age=soon").status == 400);
  }

  TEST_CASE("many different questions do not fill the memory") {
    ApiFixture world;
    for (int i = 1; i <= 200; ++i) {
      REQUIRE(world.get("/api/v1/jobs?max_age=10s&limit=" + std::to_string(i)).status == 200);
    }
  }
}
