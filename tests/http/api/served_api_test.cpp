// What only shows when the API is behind a real server.
#include "tests/http/api/served_api.hpp"

#include <map>
#include <set>

#include <doctest/doctest.h>

#include "core/model/json_text.hpp"
#include "tests/http/server/server_fixture.hpp"
#include "tests/support/empty_job.hpp"
#include "tests/support/json_test_suite.hpp"

using namespace coremachine;
using tests::ServedApi;

namespace {

/// A job whose params are whatever JSON there is, and whose result is an array of so many numbers.
struct AnyJob : support::EmptyJob {
  static JobInfo info() { return {}; }
  json::object get_final_result(const JobContext& context) const override {
    const auto params = context.job_params();
    const auto* count = params.if_contains("count");
    json::array numbers;
    for (std::int64_t i = 0; count && i < count->as_int64(); ++i) numbers.push_back(i);
    return {{"numbers", std::move(numbers)}};
  }
};

void add_any_job(JobRegistry& jobs, TaskRegistry&) {
  jobs.add<AnyJob>("any");
}

/// The job's params are an object, and this is its only member.
std::string in_object(const std::string& text) {
  return R"({"value": )" + text + "}";
}

}  // namespace

TEST_SUITE("http: served api") {
  TEST_CASE("the JSON test suite, document by document over one connection") {
    ServedApi served({}, add_any_job);
    const auto client = served.connect();
    std::map<int, int> statuses;
    const auto post = [&](const std::string& body) {
      auto text = served.request("POST", "/api/v1/jobs/any", body);
      if (body.empty()) text = served.request("POST", "/api/v1/jobs/any", "", "Content-Length: 0\r\n");
      REQUIRE(client->send(text));
      const auto response = client->read_response();
      ++statuses[response.status];
      const auto answer = json::parse(response.body);
      if (response.status >= 400) {
        CHECK(answer.at("status") == response.status);
        CHECK(answer.at("request_id").as_string() == response.field("x-request-id"));
        CHECK(response.field("content-type") == "application/problem+json");
      }
      return response.status;
    };
    for (const auto& one : testing::json_test_suite()) {
      CAPTURE(one.name);
      std::vector<ParamFault> beyond;
      const auto value = parse_strict(one.text, beyond);
      const bool is_params = value && value->is_object() && beyond.empty();
      // As it is: only objects are params.
      CHECK(post(one.text) == (!value ? 400 : is_params ? 202 : 422));
      // Within an object every document is, but for integers beyond 64 bits.
      beyond.clear();
      const auto within = parse_strict(in_object(one.text), beyond);
      CHECK(post(in_object(one.text)) == (!within ? 400 : beyond.empty() ? 202 : 422));
      // Two members of one name are valid JSON; they are refused, as readers differ in which of them they take.
      const bool is_ambiguous = std::string_view(one.name).starts_with("y_object_duplicated_key");
      if (one.name[0] == 'y') CHECK(within.has_value() == !is_ambiguous);
      if (one.name[0] == 'n') CHECK_FALSE(value.has_value());
      if (one.accepted) CHECK(value.has_value());
    }
    CHECK(statuses[202] >= 95);
    CHECK(statuses[400] >= 188);
    CHECK(statuses.size() == 3);
  }

  TEST_CASE("a large artifact says how long it is, whole, in part and to HEAD") {
    ServedApi served({}, add_any_job);
    const auto client = served.connect();
    REQUIRE(client->send(served.request("POST", "/api/v1/jobs/any?wait=60s", R"({"count": 500000})")));
    const auto job = json::parse(client->read_response().body);
    REQUIRE(job.at("status") == "completed");
    const std::string id(job.at("result").at("$artifact").as_string());
    const auto path = "/api/v1/artifacts/" + id;

    REQUIRE(client->send(served.request("GET", path)));
    const auto whole = client->read_response();
    CHECK(whole.status == 200);
    CHECK_FALSE(whole.has("transfer-encoding"));
    CHECK(whole.field("content-length") == std::to_string(whole.body.size()));
    REQUIRE(whole.body.size() > (2U << 20U));
    CHECK(json::parse(whole.body).at("numbers").as_array().size() == 500'000);

    REQUIRE(client->send(served.request("HEAD", path)));
    const auto head = client->read_response(true);
    CHECK(head.status == 200);
    CHECK(head.field("content-length") == whole.field("content-length"));
    CHECK(head.field("etag") == "\"" + id + "\"");

    const auto range = [&](const std::string& method, std::size_t first, std::size_t last) {
      const auto field = "Range: bytes=" + std::to_string(first) + "-" + std::to_string(last) + "\r\n";
      REQUIRE(client->send(served.request(method, path, "", field)));
      return client->read_response(method == "HEAD");
    };
    for (const std::size_t count : {1UL, 100UL, (1UL << 20U) + 1, whole.body.size() - 7}) {
      CAPTURE(count);
      const auto part = range("GET", 7, 6 + count);
      CHECK(part.status == 206);
      CHECK((part.body == whole.body.substr(7, count)));
      CHECK(part.field("content-length") == std::to_string(count));
      // A range is for GET alone.
      CHECK(range("HEAD", 7, 6 + count).field("content-length") == std::to_string(whole.body.size()));
    }
    // The connection went on through all of this.
    REQUIRE(client->send(served.request("GET", "/livez")));
    CHECK(client->read_response().status == 200);
  }

  TEST_CASE("who asks first is refused before the body is sent") {
    ServedApi served;
    const auto ask = [&](const std::string& target, const std::string& fields) {
      const auto client = served.connect();
      client->send("POST " + target + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n" + fields +
                   "Expect: 100-continue\r\n\r\n");
      return client->read_response(false, true).status;
    };
    const std::string json = "Content-Type: application/json\r\n";
    CHECK(ask("/api/v1/jobs/hello_world", json) == 100);
    CHECK(ask("/api/v1/tasks/greet/$execute", json) == 100);
    CHECK(ask("/api/v1/limits/nobody", json) == 405);
    CHECK(ask("/api/v1/jobs/hello_wrld", json) == 404);
    CHECK(ask("/api/v1/tasks/gret/$execute", json) == 404);
    CHECK(ask("/api/v1/jobs/hello_world?priority=1000", json) == 400);
    CHECK(ask("/api/v1/jobs/hello_world", json + "Idempotency-Key: \r\n") == 400);
    CHECK(ask("/api/v1/jobs/hello_world", "Content-Type: text/plain\r\n") == 415);
    CHECK(ask("/api/v1/tasks", json) == 405);
  }

  TEST_CASE("each answer is told with its route and its job") {
    http::test::Arrivals<http::Answered> told;
    ServedApi served({}, {}, {}, [&](const http::Answered& what) { told.put(what); });
    const auto client = served.connect();
    const auto ask = [&](const std::string& method, const std::string& target, const std::string& body = {}) {
      REQUIRE(client->send(served.request(method, target, body, "X-Request-Id: mine\r\n")));
      const auto response = client->read_response(method == "HEAD");
      const auto what = told.next();
      CHECK(what.id == "mine");
      CHECK(what.method == method);
      CHECK(what.target == target);
      CHECK(what.status == response.status);
      CHECK(what.took.count() >= 0);
      return std::pair(std::string(what.route), what.subject);
    };
    using Told = std::pair<std::string, std::string>;
    const auto [route, job] = ask("POST", "/api/v1/jobs/hello_world?wait=60s", "{}");
    CHECK(route == "/api/v1/jobs/{job_type}");
    REQUIRE(JobId::parse(job));
    CHECK(ask("GET", "/api/v1/jobs/" + job) == Told{"/api/v1/jobs/{id}", job});
    CHECK(ask("HEAD", "/api/v1/jobs/" + job) == Told{"/api/v1/jobs/{id}", job});
    CHECK(ask("POST", "/api/v1/jobs/" + job + "/cancel", "{}") == Told{"/api/v1/jobs/{id}/$cancel", job});
    CHECK(ask("GET", "/api/v1/jobs/" + job + "/events") == Told{"/api/v1/jobs/{id}/events", job});
    CHECK(ask("GET", "/api/v1/jobs/nobody/tasks") == Told{"/api/v1/jobs/{id}/tasks", "nobody"});
    CHECK(ask("GET", "/api/v1/jobs?limit=1") == Told{"/api/v1/jobs", ""});
    CHECK(ask("POST", "/api/v1/jobs/hello_world", R"({"message": 5})") == Told{"/api/v1/jobs/{job_type}", ""});
    CHECK(ask("GET", "/api/v1/nowhere") == Told{"", ""});
    const auto executed = ask("POST", "/api/v1/tasks/greet/execute?wait=60s", "{}");
    CHECK(executed.first == "/api/v1/tasks/{name}/$execute");
    CHECK(JobId::parse(executed.second));
  }
}
