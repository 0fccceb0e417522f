#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;

namespace {

std::vector<std::string> ids(const json::object& page) {
  std::vector<std::string> all;
  for (const auto& item : page.at("items").as_array()) all.emplace_back(item.at("job_id").as_string());
  return all;
}

}  // namespace

TEST_SUITE("http: views") {
  TEST_CASE("jobs are listed newest first, by pages and filters, without values") {
    ApiFixture world;
    std::vector<std::string> newest_first;
    for (int i = 0; i < 5; ++i) {
      newest_first.insert(newest_first.begin(),
                          world.submit("hello_world", "{}", "?delay=1h&tags=t,n" + std::to_string(i)));
    }
    const auto all = ApiFixture::json_of(world.get("/api/v1/jobs"));
    CHECK(ids(all) == newest_first);
    CHECK(all.at("next_cursor").is_null());
    for (const auto& item : all.at("items").as_array()) {
      CHECK_FALSE(item.as_object().contains("params"));
      CHECK_FALSE(item.as_object().contains("result"));
      CHECK(item.at("status") == "scheduled");
    }
    const auto expanded = ApiFixture::json_of(world.get("/api/v1/jobs?expand=params,result"));
    CHECK(expanded.at("items").at(0).as_object().contains("params"));

    std::vector<std::string> paged;
    std::string cursor;
    do {
      const auto page = ApiFixture::json_of(world.get("/api/v1/jobs?limit=2&cursor=" + cursor));
      for (const auto& id : ids(page)) paged.push_back(id);
      cursor = page.at("next_cursor").is_null() ? "" : ApiFixture::text(page, "next_cursor");
    } while (!cursor.empty());
    CHECK(paged == newest_first);

    const auto listed = [&](const std::string& query) {
      return ids(ApiFixture::json_of(world.get("/api/v1/jobs?" + query)));
    };
    CHECK(listed("tags=t,n3") == std::vector{newest_first[1]});
    CHECK(listed("tags=t,nobody").empty());
    CHECK(listed("status=scheduled,failed").size() == 5);
    CHECK(listed("status=failed").empty());
    CHECK(listed("type=fan_out").empty());
    CHECK(listed("type=hello_world").size() == 5);
    CHECK(listed("q=" + newest_first[2]) == std::vector{newest_first[2]});
    CHECK(listed("since=2999-01-01T00:00:00Z").empty());
    CHECK(listed("until=2999-01-01T00:00:00Z").size() == 5);
  }

  TEST_CASE("tasks of a round, the heat map, and why a job is not finished") {
    ApiFixture world;
    const auto id = world.submit("fan_out", R"({"count": 120, "fail_percent": 10, "fail_attempts": 9, "max_attempts": 1,
                                              "join": "best_effort"})");
    CHECK(ApiFixture::json_of(world.get("/api/v1/jobs/" + id + "?wait=60s")).at("status") == "completed_with_errors");
    const auto path = "/api/v1/jobs/" + id;
    const auto failed = ApiFixture::json_of(world.get(path + "/tasks?stage=2&status=failed&limit=200&expand=params"));
    CHECK(failed.at("items").as_array().size() == 20);
    for (const auto& task : failed.at("items").as_array()) {
      CHECK(task.at("index").to_number<int>() % 100 < 10);
      CHECK(task.at("error").is_object());
      CHECK(task.at("params").at("i") == task.at("index"));
    }
    std::set<std::int64_t> seen;
    std::string cursor;
    do {
      const auto page = ApiFixture::json_of(world.get(path + "/tasks?stage=2&limit=50&cursor=" + cursor));
      for (const auto& task : page.at("items").as_array())
        CHECK(seen.insert(task.at("index").to_number<std::int64_t>()).second);
      cursor = page.at("next_cursor").is_null() ? "" : ApiFixture::text(page, "next_cursor");
    } while (!cursor.empty());
    CHECK(seen.size() == 120);

    const auto map = ApiFixture::json_of(world.get(path + "/heatmap?stage=2&cells=7"));
    CHECK(map.at("cells").as_array().size() <= 7);
    std::int64_t covered = 0;
    for (const auto& cell : map.at("cells").as_array()) {
      CHECK(cell.at("first") == covered);
      covered += cell.at("count").to_number<std::int64_t>();
    }
    CHECK(covered == 120);

    const auto done = ApiFixture::json_of(world.get(path + "/explain"));
    CHECK(done == json::value{{"job_id", id}, {"status", "completed_with_errors"}, {"reasons", json::array()}});
    const auto later = world.submit("hello_world", "{}", "?delay=1h");
    const auto why = ApiFixture::json_of(world.get("/api/v1/jobs/" + later + "/explain"));
    CHECK(why.at("reasons").at(0).at("code") == "scheduled");
  }

  TEST_CASE("all that match are counted, then cancelled, retried, forgotten") {
    ApiFixture world;
    for (int i = 0; i < 4; ++i)
      world.submit("hello_world", "{}", "?delay=1h&tags=" + std::string(i % 2 ? "odd" : "even"));
    const auto odd = R"({"filter": {"status": ["scheduled", "cancelled"], "tags": ["odd"]}, "dry_run": )";
    const auto counts = [](int matched, int changed) {
      return json::value{{"matched", matched}, {"changed", changed}};
    };
    CHECK(ApiFixture::json_of(world.post("/api/v1/jobs/$cancel", odd + std::string("true}"))) == counts(2, 0));
    CHECK(ApiFixture::json_of(world.post("/api/v1/jobs/$cancel", odd + std::string("false}"))) == counts(2, 2));
    CHECK(ApiFixture::json_of(world.post("/api/v1/jobs/$delete", odd + std::string("false}"))) == counts(2, 2));
    CHECK(ids(ApiFixture::json_of(world.get("/api/v1/jobs"))).size() == 2);
    for (const auto* body : {"{}", R"({"filter": {}})", R"({"filter": {"tags": []}})",
                             R"({"filter": {"status": "done"}})", R"({"filter": {"status": []}})",
                             R"({"filter": {"since": "monday"}})", R"({"filter": {"type": "a"}, "dryrun": true})"}) {
      CAPTURE(body);
      CHECK(world.post("/api/v1/jobs/$cancel", body).status == 422);
    }
  }

  TEST_CASE("workers, queues and the server itself") {
    ApiFixture world({}, {.workers = 3});
    const auto workers = ApiFixture::json_of(world.get("/api/v1/workers"));
    CHECK(workers.at("next_cursor").is_null());
    CHECK(workers.at("items").at(0).at("concurrency") == 3);
    const auto queues = ApiFixture::json_of(world.get("/api/v1/queues"));
    CHECK(queues.at("next_cursor").is_null());
    CHECK(world.get("/api/v1/queues/echo").status == 200);
    for (const auto* prefix : {"", "/api/v1"}) {
      CHECK(ApiFixture::json_of(world.get(prefix + std::string("/livez"))).at("status") == "ok");
      CHECK(ApiFixture::json_of(world.get(prefix + std::string("/readyz"))).at("status") == "ready");
      CHECK(world.get(prefix + std::string("/metrics")).body.find("coremachine_http_waiting_requests 0") !=
            std::string::npos);
      CHECK(ApiFixture::json_of(world.get(prefix + std::string("/openapi.json"))).at("openapi") == "3.1.0");
    }
    CHECK(world.get("/").body.find("<!doctype html>") == 0);
    CHECK(ApiFixture::json_of(world.get("/api/v1")).at("name") == "coremachine");
  }

  TEST_CASE("schedules are made, changed, shown, fired and forgotten") {
    ApiFixture world;
    const auto spec =
        R"({"name": "nightly", "job_type": "hello_world", "cron": "30 2 * * *", "params": {"message": "Hi"}})";
    const auto made = world.post("/api/v1/schedules", spec);
    CHECK(made.status == 201);
    CHECK(ApiFixture::field(made, "Location") == "/api/v1/schedules/nightly");
    CHECK(world.post("/api/v1/schedules", spec).status == 409);
    CHECK(ApiFixture::json_of(world.get("/api/v1/schedules/nightly?next_times=3")).at("next_times").as_array().size() ==
          3);
    const auto bad = world.post("/api/v1/schedules", R"({"job_type": "hello_wrld", "cron": "61 * * * *", "x": 1})");
    CHECK(bad.status == 422);
    CHECK(ApiFixture::pointers(bad) == std::set<std::string>{"#/cron", "#/job_type", "#/x"});
    const auto worse =
        world.post("/api/v1/schedules", R"({"job_type": "hello_world", "priority": 500, "params": {"x": 1}})");
    CHECK(ApiFixture::pointers(worse) == std::set<std::string>{"#", "#/params/x", "#/priority"});
    CHECK(world.ask("PUT", "/api/v1/schedules/nightly", R"({"job_type": "hello_world", "every": "1h"})").status == 200);
    CHECK(world.ask("PUT", "/api/v1/schedules/hourly", R"({"job_type": "hello_world", "every": "1h"})").status == 201);
    CHECK(
        world.ask("PUT", "/api/v1/schedules/a", R"({"name": "b", "job_type": "hello_world", "every": "1h"})").status ==
        422);
    CHECK(ApiFixture::json_of(world.get("/api/v1/schedules")).at("items").as_array().size() == 2);
    CHECK(ApiFixture::json_of(world.post("/api/v1/schedules/nightly/$pause")).at("status") == "paused");
    CHECK(ApiFixture::json_of(world.post("/api/v1/schedules/nightly/resume")).at("status") == "active");
    const auto run = world.post("/api/v1/schedules/nightly/$run");
    CHECK(run.status == 202);
    const auto job = ApiFixture::text(ApiFixture::json_of(run), "job_id");
    CHECK(ApiFixture::json_of(world.get("/api/v1/jobs/" + job + "?wait=60s")).at("status") == "completed");
    CHECK(world.ask("DELETE", "/api/v1/schedules/nightly").status == 204);
    CHECK(world.get("/api/v1/schedules/nightly").status == 404);
  }
}
