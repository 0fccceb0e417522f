#include <atomic>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;

namespace {

/// The data of the last event that is whole.
json::object last_event(const std::string& text) {
  const auto end = text.rfind("\n\n");
  const auto data = text.rfind("\ndata: ", end);
  REQUIRE(data != std::string::npos);
  return json::parse(text.substr(data + 7, text.find("\n\n", data) - data - 7)).as_object();
}

bool has_event(const std::string& text, const std::function<bool(const json::object&)>& fits) {
  for (auto at = text.find("\ndata: "); at != std::string::npos; at = text.find("\ndata: ", at + 1)) {
    const auto end = text.find("\n\n", at);
    if (end != std::string::npos && fits(json::parse(text.substr(at + 7, end - at - 7)).as_object())) return true;
  }
  return false;
}

}  // namespace

TEST_SUITE("http: the whole at a glance") {
  TEST_CASE("jobs by status, and the last hour") {
    http::ApiOptions options;
    std::atomic<CoreMachine*> of_metrics{nullptr};
    options.metrics = [&] {
      auto* const machine = of_metrics.load();
      return machine ? machine->metrics() : std::vector<Metric>();
    };
    ApiFixture world(std::move(options));
    of_metrics = world.machine.get();
    world.submit("hello_world", "{}", "?wait=60s");
    world.submit("hello_world", "{}", "?delay=1h");
    const auto stats = ApiFixture::json_of(world.get("/api/v1/stats"));
    CHECK(stats.at("version") == "test");
    CHECK(stats.at("jobs").at("completed") == 1);
    CHECK(stats.at("jobs").at("scheduled") == 1);
    CHECK(stats.at("jobs").as_object().size() == all_job_statuses.size());
    CHECK(stats.at("series").at("interval") == 10);
  }

  TEST_CASE("who watches is told at once, and of what changes") {
    ApiFixture world;
    const auto first = world.begin("GET", "/api/v1/stats/events");
    CHECK(first->response().status == 200);
    CHECK(ApiFixture::field(first->response(), "Content-Type") == "text/event-stream");
    const auto at_once = first->read_until([](const std::string& text) { return text.ends_with("\n\n"); });
    CHECK(at_once.starts_with("id: "));
    CHECK(at_once.find("\nevent: overview\n") != std::string::npos);
    CHECK(last_event(at_once).at("jobs").at("completed") == 0);
    const auto second = world.begin("GET", "/api/v1/stats/events");
    second->read_until([](const std::string& text) { return text.ends_with("\n\n"); });
    world.submit("hello_world", "{}", "?wait=60s");
    for (const auto& watcher : {first, second}) {
      const auto told = watcher->read_until([](const std::string& text) {
        return has_event(text, [](const json::object& stats) { return stats.at("jobs").at("completed") == 1; });
      });
      CHECK(!last_event(told).contains("series"));
    }
    first->go();
    second->go();
  }

  TEST_CASE("streams are counted and limited, and end with the server") {
    http::ApiOptions options;
    options.most_streams = 2;
    ApiFixture world(std::move(options));
    const auto first = world.begin("GET", "/api/v1/stats/events");
    const auto second = world.begin("GET", "/api/v1/stats/events");
    CHECK(first->response().status == 200);
    CHECK(second->response().status == 200);
    CHECK(world.get("/api/v1/stats/events").status == 429);
    CHECK(ApiFixture::json_of(world.get("/api/v1/stats")).at("streams") == 2);
    first->go();
    CHECK(world.begin("GET", "/api/v1/stats/events")->response().status == 200);
    CHECK(world.ask("HEAD", "/api/v1/stats/events").status == 200);
    world.api->drain(Milliseconds{60'000});
    second->read_all();
    CHECK(world.get("/api/v1/stats/events").status == 503);
  }
}
