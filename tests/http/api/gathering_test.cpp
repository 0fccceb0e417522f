// What becomes of a request that several servers answer together when one of them does not, here first of all.

#include <doctest/doctest.h>

#include "tests/http/api/api_fixture.hpp"
#include "tests/http/api/fake_link.hpp"
#include "triggers/http/api/peer_routing.hpp"
#include "triggers/http/api/worker_routing.hpp"

using namespace coremachine;
using coremachine::tests::Answered;
using coremachine::tests::ApiFixture;
using coremachine::tests::FakeLink;
using coremachine::tests::TestOutlet;

namespace {

http::Request request_for(std::string method, std::string target, std::string body = {}) {
  http::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.body = std::move(body);
  request.id = "request-1";
  return request;
}

/// It is a problem of this status under the id of its request; what it says, and when to come again.
std::pair<std::string, std::string> problem_in(const http::Response& answer, int status) {
  CHECK(answer.status == status);
  const auto body = ApiFixture::json_of(answer);
  CHECK(body.at("status") == status);
  CHECK(body.at("request_id") == "request-1");
  return {ApiFixture::text(body, "detail"), ApiFixture::field(answer, "Retry-After")};
}

struct World {
  http::Response ask_everyone(const http::PeerDesk::Answer& here, Milliseconds patience = Milliseconds{600'000}) {
    const auto answered = std::make_shared<Answered>();
    http::ask_everyone(desk, timers, {}, request_for("GET", "/api/v1/workers"), std::make_unique<TestOutlet>(answered),
                       here, patience);
    return answered->response();
  }

  FakeLink link;
  http::Timers timers;
  http::PeerDesk desk{link, {[](const http::Request&, std::unique_ptr<http::Outlet>) {}}};
};

}  // namespace

TEST_SUITE("http: gathering") {
  TEST_CASE("a part that is dropped, is a stream, or says what does not fit is told under the request's id") {
    World world;
    const auto dropped = world.ask_everyone([](const http::Request&, std::unique_ptr<http::Outlet>) {});
    CHECK(problem_in(dropped, 500).first.find("dropped") != std::string::npos);
    const auto stream = world.ask_everyone([](const http::Request&, std::unique_ptr<http::Outlet> outlet) {
      CHECK(outlet->stream(http::Response{}) == nullptr);
    });
    CHECK(problem_in(stream, 500).first.find("stream") != std::string::npos);
    const auto strange = world.ask_everyone([](const http::Request&, std::unique_ptr<http::Outlet> outlet) {
      outlet->send(http::Response{200, {}, "{"});
    });
    CHECK(problem_in(strange, 500).first.find("does not fit") != std::string::npos);
  }

  TEST_CASE("who does not answer in time is to be asked again") {
    World world;
    std::unique_ptr<http::Outlet> kept;
    const auto answer = world.ask_everyone(
        [&](const http::Request&, std::unique_ptr<http::Outlet> outlet) { kept = std::move(outlet); }, Milliseconds{0});
    const auto [detail, again] = problem_in(answer, 503);
    CHECK(detail.find("in time") != std::string::npos);
    CHECK(again == "1");
  }

  TEST_CASE("a poll that is dropped is to be sent again") {
    FakeLink link;
    http::ApiOptions options;
    options.peers = &link;
    ApiFixture fixture(std::move(options));
    const auto routing = std::make_shared<http::WorkerRouting>(
        *fixture.api, *fixture.api->peer_desk(), [](const http::Request&, std::unique_ptr<http::Outlet>) {});
    const auto answered = std::make_shared<Answered>();
    routing->route("pollTasks",
                   request_for("POST", "/api/v1/workers/$poll", R"({"worker": "w", "task_types": ["greet"]})"),
                   std::make_unique<TestOutlet>(answered));
    CHECK(problem_in(answered->response(), 503).second == "1");
  }

  TEST_CASE("when the server stops, others are told however little time there is") {
    FakeLink link;
    http::ApiOptions options;
    options.peers = &link;
    ApiFixture fixture(std::move(options));
    const auto waiting = fixture.begin("PUT", "/api/v1/limits/greet", R"({"max_concurrency": 2})");
    link.wait_for(R"("request")");
    fixture.api->drain(Milliseconds{0});
    CHECK(waiting->response().status == 503);
    bool told = false;
    for (const auto& text : link.texts()) told = told || text.find(R"("gone")") != std::string::npos;
    CHECK(told);
  }
}
