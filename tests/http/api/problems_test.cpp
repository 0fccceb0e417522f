#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"
#include "tests/support/empty_job.hpp"

using namespace coremachine;
using coremachine::tests::ApiFixture;

namespace {

struct Case {
  std::string method;
  std::string target;
  std::string body;
  int status;
  std::string says;  ///< part of the problem document
};

std::string deep(int levels) {
  return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']');
}

const std::string hello = "/api/v1/jobs/hello_world";

}  // namespace

TEST_SUITE("http: problems") {
  TEST_CASE("what cannot be read is a 400 that says what is wrong") {
    ApiFixture world;
    const std::vector<Case> cases{
        {"POST", hello, "", 400, "the body is missing"},
        {"POST", hello, "  ", 400, "empty"},
        {"POST", hello, "{", 400, "ends inside"},
        {"POST", hello, "{} {}", 400, "something follows"},
        {"POST", hello, "\xEF\xBB\xBF{}", 400, "byte order mark"},
        {"POST", hello, R"({"message": "a", "message": "b"})", 400, "comes twice"},
        {"POST", hello, "{\"message\": \"\xFF\"}", 400, "UTF-8"},
        {"POST", hello, R"({"message": "\ud800"})", 400, "surrogate"},
        {"POST", hello, R"({"message": )" + deep(32) + "}", 400, "deeper than 32"},
        {"POST", hello, R"({"message": 1e400})", 400, "too large"},
        {"POST", hello + "?wait=soon", "{}", 400, R"("parameter":"wait")"},
        {"POST", hello + "?wait=30", "{}", 400, "as 30s"},
        {"POST", hello + "?wait=-1s", "{}", 400, "wait"},
        {"POST", hello + "?priority=101", "{}", 400, "-100 to 100"},
        {"POST", hello + "?priority=high", "{}", 400, "priority"},
        {"POST", hello + "?delay=x", "{}", 400, "delay"},
        {"POST", hello + "?run_at=tomorrow", "{}", 400, "2026-01-31"},
        {"POST", hello + "?run_at=2999-01-31T12:00:00+01:00", "{}", 400, "%2B"},
        {"POST", hello + "?timeout=0s", "{}", 400, "timeout"},
        {"POST", hello + "?tags=a,,b", "{}", 400, "tags"},
        {"POST", hello + "?priority=1&priority=2", "{}", 400, "comes twice"},
        {"POST", hello + "?pirority=1", "{}", 400, "nearest: priority"},
        {"GET", "/api/v1/jobs?limit=0", "", 400, "1 to 200"},
        {"GET", "/api/v1/jobs?limit=201", "", 400, "1 to 200"},
        {"GET", "/api/v1/jobs?limit=ten", "", 400, "limit"},
        {"GET", "/api/v1/jobs?cursor=nonsense", "", 400, "cursor"},
        {"GET", "/api/v1/jobs?status=done", "", 400, "completed_with_errors"},
        {"GET", "/api/v1/jobs?since=monday", "", 400, "since"},
        {"GET", "/api/v1/jobs?expand=all", "", 400, "params, result"},
        {"GET", "/api/v1/jobs?q=%zz", "", 400, "hexadecimal"},
        {"GET", "/api/v1/tasks?tag=a", "", 400, "nearest: tags"},
        {"POST", "/api/v1/jobs/0123456789ABCDEFGHJKMNPQRS/$cancel", R"({"why": 1})", 400, "none is due"},
    };
    for (const auto& each : cases) {
      CAPTURE(each.target);
      CAPTURE(each.body);
      const auto response = world.ask(each.method, each.target, each.body);
      CHECK(response.status == each.status);
      CHECK(ApiFixture::field(response, "Content-Type") == "application/problem+json");
      CHECK_MESSAGE(response.body.find(each.says) != std::string::npos, response.body);
    }
  }

  TEST_CASE("a body that does not fit is a 422 with a pointer for each fault") {
    ApiFixture world;
    const auto pointers = [&](const std::string& target, const std::string& body) {
      const auto response = world.post(target, body);
      CHECK(response.status == 422);
      const auto problem = ApiFixture::json_of(response);
      CHECK(problem.at("code") == "invalid_params");
      std::vector<std::string> all;
      for (const auto& fault : problem.at("errors").as_array()) {
        CHECK_FALSE(fault.at("detail").as_string().empty());
        all.emplace_back(fault.at("pointer").as_string());
      }
      return all;
    };
    using Pointers = std::vector<std::string>;
    CHECK(pointers(hello, R"({"message": 5})") == Pointers{"#/message"});
    CHECK(pointers(hello, R"({"message": 5, "colour": "red"})") == Pointers{"#/message", "#/colour"});
    CHECK(pointers("/api/v1/jobs/fan_out", R"({"count": -1, "sleep_ms": true, "nope": 1})") ==
          Pointers{"#/count", "#/sleep_ms", "#/nope"});
    CHECK(pointers("/api/v1/jobs/fan_out", R"({})") == Pointers{"#/count"});
    CHECK(pointers("/api/v1/jobs/fan_out", R"({"count": 9223372036854775808})") == Pointers{"#/count"});
    CHECK(pointers("/api/v1/jobs/fan_out", R"({"count": 1, "sleep_ms": -99999999999999999999, "x": 1})") ==
          Pointers{"#/sleep_ms", "#/x"});
    CHECK(pointers(hello, "[]") == Pointers{"#"});
    CHECK(pointers(hello, R"({"a b/ü": 1})") == Pointers{"#/a%20b~1%C3%BC"});
    CHECK(pointers("/api/v1/tasks/greet/$execute", R"({"params": {"message": 1, "x": 2}})") ==
          Pointers{"#/params/message", "#/params/x"});
    CHECK(pointers("/api/v1/tasks/greet/$execute", R"({"parms": {}})") == Pointers{"#/parms"});
  }

  TEST_CASE("an integer beyond 64 bits is a 422 also where there is no schema") {
    struct AnyJob : support::EmptyJob {
      json::object get_final_result(const JobContext& context) const override { return context.job_params(); }
    };
    ApiFixture world({}, {}, [](JobRegistry& jobs, TaskRegistry&) { jobs.add<AnyJob>("any"); });
    const auto response =
        world.post("/api/v1/jobs/any", R"({"a": [1, 18446744073709551616], "b": 9223372036854775807})");
    CHECK(response.status == 422);
    CHECK(ApiFixture::json_of(response).at("errors").at(0).at("pointer") == "#/a/1");
    CHECK(world.post("/api/v1/jobs/any", R"({"b": 9223372036854775807, "c": -9223372036854775808})").status == 202);
    const auto long_one = "{\"a\": 1" + std::string(400, '0') + "}";
    CHECK(world.post("/api/v1/jobs/any", long_one).status == 422);
  }

  TEST_CASE("what is not there is a 404 that names the nearest") {
    ApiFixture world;
    const std::vector<Case> cases{
        {"POST", "/api/v1/jobs/hello_wrld", "{}", 404, "nearest: hello_world"},
        {"GET", "/api/v1/job-types/fanout", "", 404, "nearest: fan_out"},
        {"GET", "/api/v1/tasks/gret", "", 404, "nearest: greet"},
        {"POST", "/api/v1/tasks/gret/$execute", "{}", 404, "nearest: greet"},
        {"PUT", "/api/v1/limits/ecko", "{}", 404, "nearest: echo"},
        {"GET", "/api/v1/jobs/nonsense", "", 404, "nonsense"},
        {"GET", "/api/v1/jobs/0123456789ABCDEFGHJKMNPQRS", "", 404, "0123456789ABCDEFGHJKMNPQRS"},
        {"GET", "/api/v1/jobs/0123456789ABCDEFGHJKMNPQRS/result", "", 404, "unknown_job"},
        {"GET", "/api/v1/jobs/0123456789ABCDEFGHJKMNPQRS/tasks", "", 404, "unknown_job"},
        {"GET", "/api/v1/jobs/0123456789ABCDEFGHJKMNPQRS/explain", "", 404, "unknown_job"},
        {"GET", "/api/v1/jobs/0123456789ABCDEFGHJKMNPQRS/events", "", 404, "unknown_job"},
        {"GET", "/api/v1/jobs/0123456789ABCDEFGHJKMNPQRS/heatmap", "", 404, "unknown_job"},
        {"POST", "/api/v1/jobs/0123456789ABCDEFGHJKMNPQRS/$cancel", "", 404, "unknown_job"},
        {"GET", "/api/v1/artifacts/nonsense", "", 404, "artifact"},
        {"GET", "/api/v1/schedules/nightly", "", 404, "unknown_schedule"},
        {"GET", "/api/v1/job", "", 404, "/api/v1/jobs"},
    };
    for (const auto& each : cases) {
      CAPTURE(each.target);
      const auto response = world.ask(each.method, each.target, each.body);
      CHECK(response.status == each.status);
      CHECK_MESSAGE(response.body.find(each.says) != std::string::npos, response.body);
    }
  }

  TEST_CASE("a problem has all that RFC 9457 asks for, and the id of its request") {
    ApiFixture world;
    const auto problem = ApiFixture::json_of(world.get("/api/v1/jobs/nonsense"));
    CHECK(problem.at("type") == "urn:coremachine:problem:unknown_job");
    CHECK(problem.at("title") == "Not Found");
    CHECK(problem.at("status") == 404);
    CHECK(problem.at("request_id") == "request-1");
    CHECK(problem.at("detail").is_string());
  }

  TEST_CASE("methods: 405 with Allow, OPTIONS, HEAD") {
    ApiFixture world;
    for (const auto* target : {"/api/v1/tasks", "/api/v1/tasks/greet"}) {
      for (const auto* method : {"POST", "PUT", "DELETE", "PATCH"}) {
        CAPTURE(target);
        CAPTURE(method);
        const auto response = world.ask(method, target, "{}");
        CHECK(response.status == 405);
        CHECK(ApiFixture::field(response, "Allow") == "GET, HEAD, OPTIONS");
      }
    }
    const auto options = world.ask("OPTIONS", "/api/v1/jobs/some-id");
    CHECK(options.status == 204);
    CHECK(ApiFixture::field(options, "Allow") == "DELETE, GET, HEAD, OPTIONS, POST");
    CHECK(world.ask("OPTIONS", "*").status == 204);
    CHECK(world.ask("HEAD", "/api/v1/tasks").status == 200);
    CHECK(world.ask("HEAD", "/api/v1/jobs/nonsense").status == 404);
    CHECK(world.ask("BREW", "/api/v1/tasks").status == 501);
  }

  TEST_CASE("a request is judged before its body is read") {
    ApiFixture world;
    const auto admit = [&](std::string method, std::string target, std::vector<http::Field> fields) {
      http::Request head;
      head.method = std::move(method);
      head.target = std::move(target);
      head.fields = std::move(fields);
      const auto refusal = world.api->admit(head);
      return refusal ? refusal->status : 0;
    };
    const auto typed = [](std::string type) {
      return std::vector<http::Field>{{"content-type", std::move(type)}, {"content-length", "2"}};
    };
    CHECK(admit("POST", hello, typed("application/json")) == 0);
    CHECK(admit("POST", hello, typed("Application/JSON; charset=\"UTF-8\"")) == 0);
    CHECK(admit("POST", hello, typed("application/merge-patch+json")) == 0);
    CHECK(admit("POST", hello, typed("application/json; charset=latin1")) == 415);
    CHECK(admit("POST", hello, typed("text/plain")) == 415);
    CHECK(admit("POST", hello, typed("application/x-www-form-urlencoded")) == 415);
    CHECK(admit("POST", hello, {{"content-length", "2"}}) == 0);
    CHECK(admit("POST", hello, {{"content-type", "text/plain"}, {"content-length", "0"}}) == 0);
    CHECK(admit("POST", "/api/v1/tasks", typed("application/json")) == 405);
    CHECK(admit("POST", "/nowhere", typed("application/json")) == 404);
    CHECK(admit("GET", "/api/v1/jobs?q=%zz", {}) == 400);
    CHECK(admit("OPTIONS", "*", {}) == 0);
    world.api->drain(Milliseconds{60'000});
    CHECK(admit("POST", hello, typed("application/json")) == 503);
    CHECK(admit("GET", "/livez", {}) == 0);
  }

  TEST_CASE("who has no right to anything is told so, whatever the path") {
    http::ApiOptions options;
    using Needed = std::optional<http::Role>;
    std::vector<Needed> asked;
    options.access = [&](const http::Request&, Needed needed) -> std::optional<http::Refusal> {
      asked.push_back(needed);
      if (!needed) return std::nullopt;
      return http::Refusal{.status = 401, .detail = "a token is due"};
    };
    ApiFixture world(std::move(options));
    const auto admit = [&](std::string method, std::string target) {
      http::Request head;
      head.method = std::move(method);
      head.target = std::move(target);
      const auto refusal = world.api->admit(head);
      return refusal ? refusal->status : 0;
    };
    CHECK(admit("GET", "/livez") == 0);
    CHECK(admit("GET", "/api/v1/jobs") == 401);
    CHECK(admit("POST", "/api/v1/jobs/x") == 401);
    CHECK(admit("DELETE", "/api/v1/jobs/x") == 401);
    CHECK(admit("GET", "/nowhere") == 401);
    using http::Role;
    CHECK((asked == std::vector<Needed>{std::nullopt, Role::read, Role::submit, Role::submit, Role::read}));
  }

  TEST_CASE("what the server refuses becomes a problem") {
    http::Request head;
    head.id = "abc";
    const auto response = http::Api::refusal(&head, {.status = 503, .detail = "full", .fields = {}});
    CHECK(response.status == 503);
    CHECK(ApiFixture::json_of(response).at("request_id") == "abc");
    CHECK(ApiFixture::field(response, "Retry-After") == "5");
    CHECK(http::Api::refusal(nullptr, {.status = 431, .detail = "long"}).status == 431);
  }
}
