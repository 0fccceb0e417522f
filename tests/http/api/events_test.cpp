#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;

namespace {

struct Event {
  std::uint64_t id = 0;
  std::string name;
  json::object data;
};

std::vector<Event> events_in(const std::string& text) {
  std::vector<Event> events;
  for (std::size_t from = 0; from < text.size();) {
    const auto to = text.find("\n\n", from);
    REQUIRE(to != std::string::npos);
    const auto block = text.substr(from, to - from);
    from = to + 2;
    if (!block.starts_with("id: ")) continue;  // a comment, or when to come back
    const auto event = block.find("\nevent: ");
    const auto data = block.find("\ndata: ");
    REQUIRE(event != std::string::npos);
    REQUIRE(data != std::string::npos);
    events.push_back({std::stoull(block.substr(4)), block.substr(event + 8, data - event - 8),
                      json::parse(block.substr(data + 7)).as_object()});
  }
  return events;
}

bool is_last(const Event& event) {
  return event.name == "job.completed" || event.name == "job.failed" || event.name == "job.cancelled";
}

}  // namespace

TEST_SUITE("http: events") {
  TEST_CASE("a job is followed from its first event to its last, live or afterwards") {
    ApiFixture world;
    const auto id = world.submit("fan_out", R"({"count": 100})");
    const auto live = world.begin("GET", "/api/v1/jobs/" + id + "/events");
    CHECK(live->response().status == 200);
    CHECK(ApiFixture::field(live->response(), "Content-Type") == "text/event-stream");
    const auto told = events_in(live->read_all());
    const auto again = events_in(world.begin("GET", "/api/v1/jobs/" + id + "/events")->read_all());
    for (const auto& events : {told, again}) {
      REQUIRE(events.size() >= 4);
      CHECK(events.front().name == "job.accepted");
      CHECK(events.back().name == "job.completed");
      for (std::size_t i = 0; i < events.size(); ++i) {
        CHECK(events[i].data.at("job_id") == json::value(id));
        CHECK(events[i].data.at("seq") == events[i].id);
        CHECK(is_last(events[i]) == (i + 1 == events.size()));
        if (i > 0) CHECK(events[i].id > events[i - 1].id);
      }
    }
    CHECK(world.api->streams().size() == 0);
  }

  TEST_CASE("who comes back gets what came after") {
    ApiFixture world;
    const auto id = world.submit("hello_world", "{}");
    const auto path = "/api/v1/jobs/" + id + "/events";
    auto all = events_in(world.begin("GET", path)->read_all());
    // That is for whoever is there at the time.
    std::erase_if(all, [](const Event& event) { return event.name == "progress"; });
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
      const auto last_id = std::to_string(all[i].id);
      for (const bool by_header : {true, false}) {
        const auto resumed = by_header ? world.begin("GET", path, "", {{"last-event-id", last_id}})
                                       : world.begin("GET", path + "?after=" + last_id);
        const auto rest = events_in(resumed->read_all());
        REQUIRE(rest.size() == all.size() - i - 1);
        for (std::size_t j = 0; j < rest.size(); ++j) CHECK(rest[j].id == all[i + 1 + j].id);
      }
    }
    // There is nothing more: a browser is told to stay away.
    CHECK(world.ask("GET", path, "", {{"last-event-id", std::to_string(all.back().id)}}).status == 204);
    CHECK(world.ask("GET", path, "", {{"last-event-id", "one"}}).status == 400);
    CHECK(world.ask("HEAD", path).status == 200);
    CHECK(world.ask("HEAD", path).body.empty());
  }

  TEST_CASE("an end that a retry has overtaken is told, and is not the end of the stream") {
    ApiFixture world;
    const auto params = R"({"count": 1, "fail_percent": 100, "fail_attempts": 2, "max_attempts": 1})";
    const auto id =
        std::string(json::parse(world.post("/api/v1/jobs/fan_out?wait=60s", params).body).at("job_id").as_string());
    const auto path = "/api/v1/jobs/" + id;
    std::vector<std::string> ends{"job.failed"};
    for (const auto end : {"job.failed", "job.completed"}) {
      CHECK(world.post(path + "/retry").status == 202);
      CHECK(json::parse(world.get(path + "?wait=60s").body).at("status").as_string() == std::string(end).substr(4));
      ends.emplace_back(end);
      const auto events = events_in(world.begin("GET", path + "/events")->read_all());
      std::vector<std::string> told;
      for (const auto& event : events) {
        if (is_last(event)) told.push_back(event.name);
      }
      CHECK(told == ends);
      CHECK(is_last(events.back()));
    }
  }

  TEST_CASE("who claims to have seen more than has happened is told what happens from now on, to the end") {
    ApiFixture world;
    const auto id = world.submit("hello_world", "{}", "?delay=1h");
    const auto path = "/api/v1/jobs/" + id + "/events?after=99999";
    const auto stream = world.begin("GET", path);
    CHECK(stream->response().status == 200);
    CHECK(world.post("/api/v1/jobs/" + id + "/cancel").status == 202);
    const auto events = events_in(stream->read_all());
    REQUIRE(events.size() == 1);
    CHECK(events[0].name == "job.cancelled");
    CHECK(world.get(path).status == 204);
  }

  TEST_CASE("there are only so many streams, and those whose client has gone do not count") {
    http::ApiOptions options;
    options.most_streams = 1;
    ApiFixture world(std::move(options));
    const auto id = world.submit("hello_world", "{}", "?delay=1h");
    const auto path = "/api/v1/jobs/" + id + "/events";
    const auto first = world.begin("GET", path);
    CHECK(first->response().status == 200);
    first->read_until([](const std::string& text) { return text.find("job.accepted") != std::string::npos; });
    const auto refused = world.get(path);
    CHECK(refused.status == 429);
    first->go();
    const auto second = world.begin("GET", path);
    CHECK(second->response().status == 200);
    CHECK(world.post("/api/v1/jobs/" + id + "/cancel").status == 202);
    CHECK(events_in(second->read_all()).back().name == "job.cancelled");
  }

  TEST_CASE("streams can be ended, and their clients come back") {
    ApiFixture world;
    const auto id = world.submit("hello_world", "{}", "?delay=1h");
    const auto path = "/api/v1/jobs/" + id + "/events";
    const auto first = world.begin("GET", path);
    first->read_until([](const std::string& text) { return text.find("job.accepted") != std::string::npos; });
    world.api->streams().empty();
    CHECK(events_in(first->read_all()).size() == 1);
    CHECK(world.api->streams().size() == 0);
    const auto second = world.begin("GET", path);
    CHECK(world.post("/api/v1/jobs/" + id + "/cancel").status == 202);
    CHECK(events_in(second->read_all()).back().name == "job.cancelled");
  }

  TEST_CASE("a quiet stream has a heartbeat, and ends when the server stops") {
    http::ApiOptions options;
    options.heartbeat = Milliseconds{1};
    ApiFixture world(std::move(options));
    const auto id = world.submit("hello_world", "{}", "?delay=1h");
    const auto stream = world.begin("GET", "/api/v1/jobs/" + id + "/events");
    stream->read_until([](const std::string& text) { return text.find("\n:\n\n:\n\n") != std::string::npos; });
    world.api->drain(Milliseconds{60'000});
    const auto text = stream->read_all();
    CHECK(events_in(text).size() == 1);
  }
}
