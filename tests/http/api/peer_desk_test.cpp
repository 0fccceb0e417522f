// The desk alone: what it says to peers, and what becomes of those who wait when that goes wrong.

#include <deque>
#include <stdexcept>
#include <thread>

#include <doctest/doctest.h>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "tests/http/api/api_fixture.hpp"
#include "tests/http/api/fake_link.hpp"

using namespace coremachine;
using tests::Answered;
using tests::ApiFixture;
using tests::FakeLink;
using tests::TestOutlet;

namespace {

constexpr http::Peer peer = 2;

/// A desk, and what it is asked to answer.
class World {
 public:
  World() = default;
  ~World() { asked.clear(); }  // the desk outlives what it is to answer
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  std::shared_ptr<Answered> pass_on(http::Request request = get()) {
    auto answered = std::make_shared<Answered>();
    desk.pass_on(peer, request, std::make_unique<TestOutlet>(answered));
    return answered;
  }
  static http::Request get() {
    http::Request request;
    request.method = "GET";
    request.target = "/api/v1/jobs/1";
    request.id = "request-1";
    return request;
  }
  /// What the peer says of what it was asked last.
  void say(std::string_view kind, json::object message = {}) {
    desk.take(peer, json::serialize(about_request(kind, std::move(message))));
  }
  json::object about_request(std::string_view kind, json::object message = {}) {
    const auto request = json::parse(link.wait_for(R"("kind":"request")")).as_object();
    message["kind"] = kind;
    message["id"] = request.at("id");
    return message;
  }
  static json::object answer(const std::string& body, bool streams = false) {
    json::object message{{"status", 200}, {"streams", streams}};
    message["fields"] = json::array();
    message["body"] = body;
    return message;
  }
  static json::object request(std::uint64_t id) {
    json::object message{{"kind", "request"}, {"id", id}, {"method", "GET"}, {"target", "/"}, {"request_id", "r7"}};
    message["fields"] = json::array();
    return message;
  }
  /// The same message with a number, and once more, as after a connection that was lost.
  void take_twice(json::object message, std::uint64_t number) {
    message["number"] = number;
    for (int i = 0; i < 2; ++i) desk.take(peer, json::serialize(message));
  }
  /// The peer asks something; where the answer to it is to go.
  std::shared_ptr<http::Outlet> be_asked(std::uint64_t id) {
    desk.take(peer, json::serialize(request(id)));
    REQUIRE_FALSE(asked.empty());
    auto outlet = std::move(asked.front());
    asked.pop_front();
    return outlet;
  }
  std::vector<std::string> kinds() {
    std::vector<std::string> kinds;
    for (const auto& text : link.texts()) kinds.emplace_back(json::parse(text).at("kind").as_string());
    return kinds;
  }
  using Kinds = std::vector<std::string>;

  FakeLink link;
  std::deque<std::shared_ptr<http::Outlet>> asked;
  std::vector<std::string> warnings;
  int too_late = 0;
  http::PeerDesk desk{
      link,
      {[this](const http::Request&, std::unique_ptr<http::Outlet> outlet) { asked.push_back(std::move(outlet)); },
       [this](http::Peer, const http::Response&) { ++too_late; },
       [this](const std::string& warning) { warnings.push_back(warning); }}};
};

std::shared_ptr<http::Outflow> stream_of(http::Outlet& outlet) {
  return outlet.stream(http::Response{200, {{"content-type", "text/event-stream"}}, {}});
}

}  // namespace

TEST_SUITE("http: peer desk") {
  TEST_CASE("a client that has gone before is not asked for") {
    World world;
    const auto answered = std::make_shared<Answered>();
    answered->go();
    world.desk.pass_on(peer, World::get(), std::make_unique<TestOutlet>(answered));
    world.desk.close(Milliseconds{600'000});
    CHECK(world.kinds().empty());
    CHECK_FALSE(answered->has_response());
  }

  TEST_CASE("nobody waits for the way to the others, and they hear of things in their order") {
    World world;
    world.link.hold();
    const auto waiting = world.pass_on();
    waiting->go();
    const auto outlet = world.be_asked(7);
    const auto flow = stream_of(*outlet);
    CHECK(flow->write("one"));
    flow->end();
    world.link.release();
    world.desk.close(Milliseconds{600'000});
    CHECK(world.kinds() == World::Kinds{"request", "gone", "answer", "more", "end"});
  }

  TEST_CASE("who asked is told when the request is lost") {
    World world;
    world.link.fail_on("request");
    const auto answer = world.pass_on()->response();
    CHECK(answer.status == 503);
    CHECK(ApiFixture::field(answer, "Retry-After") == "5");
  }

  TEST_CASE("an answer that is lost is told, and one that lost a part is not ended as if it were whole") {
    World world;
    world.link.fail_on("lost");
    world.be_asked(1)->send(http::Response{200, {}, "lost"});
    CHECK(json::parse(world.link.wait_for("broken")).at("id") == 1);
    world.link.hold();
    const auto outlet = world.be_asked(2);
    const auto flow = stream_of(*outlet);
    bool gone = false;
    flow->on_gone([&] { gone = true; });
    CHECK(flow->write("this is lost"));
    CHECK(flow->write("this would follow"));
    flow->end();
    world.link.release();
    world.desk.close(Milliseconds{600'000});
    CHECK(world.kinds() == World::Kinds{"broken", "answer", "broken"});
    CHECK(gone);
    CHECK_FALSE(flow->write("nobody reads it"));
    // A text that the store does not take is lost as well.
    World other;
    other.be_asked(1)->send(http::Response{200, {{"x", "\xff"}}, "\xff"});
    other.desk.close(Milliseconds{600'000});
    CHECK(other.kinds() == World::Kinds{"broken"});
  }

  TEST_CASE("what breaks off is no answer") {
    World world;
    const auto waiting = world.pass_on();
    world.say("broken");
    CHECK(waiting->response().status == 503);
    World other;
    const auto streaming = other.pass_on();
    other.say("answer", World::answer("", true));
    other.link.fail_on("drained");
    other.say("more", {{"bytes", "begun"}});
    CHECK(streaming->read_until([](const std::string& text) { return text == "begun"; }) == "begun");
    // As nothing more would come, it is dropped: a client of a real server sees that it broke off.
    while (streaming.use_count() > 1) std::this_thread::yield();
    other.say("end");
    CHECK(streaming.use_count() == 1);
  }

  TEST_CASE("what cannot be read is passed over, and who waits for it is told") {
    World world;
    for (const auto* text : {"", "{", "[]", "1", "{}", R"({"kind":"answer"})", R"({"kind":"answer","id":"x"})",
                             R"({"kind":"more","id":99,"bytes":1})", R"({"kind":"strange","id":99})"}) {
      CAPTURE(text);
      world.desk.take(peer, text);
    }
    CHECK(world.warnings.size() == 7);
    const auto waiting = world.pass_on();
    world.say("answer", {{"status", "fine"}});
    CHECK(waiting->response().status == 503);
    world.desk.take(peer, R"({"kind":"request","id":5,"method":"GET","fields":"none"})");
    CHECK(json::parse(world.link.wait_for("broken")).at("id") == 5);
    CHECK(world.warnings.size() == 9);
    CHECK(world.warnings.back().find("request") != std::string::npos);
  }

  TEST_CASE("a peer that has gone is not asked again, and what it asked for is not begun") {
    World world;
    const auto waiting = world.pass_on();
    world.desk.peer_has_gone(peer);
    CHECK(waiting->response().status == 503);
    CHECK(world.pass_on()->response().status == 503);
    world.desk.take(peer, R"({"kind":"request","id":5,"method":"GET","target":"/","fields":[]})");
    CHECK(world.asked.empty());
    world.desk.close(Milliseconds{600'000});
    CHECK(world.kinds() == World::Kinds{"request"});
  }

  TEST_CASE("of answers that come too late only tasks go back") {
    World world;
    const std::string tasks = R"({"tasks":[{"lease":"1","index":0,"attempt":1}]})";
    auto late = World::answer(tasks);
    late["kind"] = "answer";
    late["id"] = 77;
    world.desk.take(peer, json::serialize(late));
    CHECK(world.too_late == 0);
    late["hands_out"] = true;
    world.desk.take(peer, json::serialize(late));
    CHECK(world.too_late == 1);
    // It is the server that hands them out which says so, even to who has gone.
    http::Response response{200, {}, tasks};
    world.be_asked(1)->send(response);
    CHECK(world.link.wait_for("answer").find("hands_out") == std::string::npos);
    response.route = "/api/v1/workers/$poll";
    const auto outlet = world.be_asked(2);
    world.desk.take(peer, R"({"kind":"gone","id":2})");
    outlet->send(response);
    CHECK(json::parse(world.link.wait_for("hands_out")).at("id") == 2);
  }

  TEST_CASE("a message that comes twice counts once, and also when it comes after others") {
    World world;
    const auto first = World::request(1);
    world.take_twice(first, 3);
    CHECK(world.asked.size() == 1);
    world.take_twice(World::request(2), 7);
    CHECK(world.asked.size() == 2);
    world.take_twice(first, 3);
    CHECK(world.asked.size() == 2);
    // Another server counts for itself.
    auto of_another = World::request(1);
    of_another["number"] = 1;
    world.desk.take(peer + 1, json::serialize(of_another));
    CHECK(world.asked.size() == 3);

    auto handed_out = World::answer(R"({"tasks":[{"lease":"1","index":0,"attempt":1}]})");
    handed_out["hands_out"] = true;
    const auto waiting = world.pass_on();
    world.take_twice(world.about_request("answer", std::move(handed_out)), 8);
    CHECK(waiting->response().status == 200);
    CHECK(world.too_late == 0);

    World other;
    const auto streaming = other.pass_on();
    other.take_twice(other.about_request("answer", World::answer("", true)), 1);
    other.take_twice(other.about_request("more", {{"bytes", "abc"}}), 2);
    other.take_twice(other.about_request("end"), 3);
    CHECK(streaming->read_all() == "abc");
  }

  TEST_CASE("who is silent is asked, and given up if it has nothing to say") {
    constexpr int usual = 4;  // looks, that is a minute: whoever waits has an answer by then
    World world;
    const auto waiting = world.pass_on();
    const auto look = [&](int times) {
      for (int i = 0; i < times; ++i) world.desk.look_around();
    };
    look(usual);
    for (int round = 0; round < 3; ++round) {
      look(1);
      world.say("works");
      look(usual);
    }
    CHECK_FALSE(waiting->has_response());
    look(100);
    const auto answer = waiting->response();
    CHECK(answer.status == 503);
    CHECK(ApiFixture::field(answer, "Retry-After") == "5");
    CHECK(ApiFixture::text(ApiFixture::json_of(answer), "request_id") == "request-1");
    world.desk.close(Milliseconds{600'000});
    CHECK(world.kinds() == World::Kinds{"request", "ask", "ask", "ask", "ask", "gone"});
  }

  TEST_CASE("of a request that was lost on its way the peer knows nothing, of one that it is at it does") {
    World world;
    const auto outlet = world.be_asked(1);
    for (int id : {1, 2}) world.desk.take(peer, json::serialize(json::object{{"kind", "ask"}, {"id", id}}));
    outlet->send(http::Response{200, {}, "done"});
    world.desk.take(peer, json::serialize(json::object{{"kind", "ask"}, {"id", 1}}));
    world.desk.close(Milliseconds{600'000});
    CHECK(world.kinds() == World::Kinds{"works", "broken", "answer", "broken"});
    World other;
    const auto lost = other.pass_on();
    for (int i = 0; i < 5; ++i) other.desk.look_around();
    other.link.wait_for(R"("ask")");
    other.say("broken");
    CHECK(lost->response().status == 503);
  }

  TEST_CASE("a stream that brings something is not asked after") {
    World world;
    const auto streaming = world.pass_on();
    world.say("answer", World::answer("", true));
    for (int i = 0; i < 100; ++i) {
      world.desk.look_around();
      world.say("more", {{"bytes", "."}});
    }
    world.desk.close(Milliseconds{600'000});
    CHECK(streaming->read_all().size() == 100);
    CHECK(world.kinds() == World::Kinds{"request", "gone"});
  }

  TEST_CASE("who asks a desk that is closed is told at once") {
    World world;
    world.desk.close(Milliseconds{600'000});
    world.desk.take(peer, json::serialize(World::request(1)));
    CHECK(json::parse(world.link.wait_for("broken")).at("id") == 1);
    CHECK(world.asked.empty());
  }

  TEST_CASE("nothing that goes wrong with a message reaches whoever brought it") {
    FakeLink link;
    http::PeerDesk desk(link,
                        {[](const http::Request&, std::unique_ptr<http::Outlet>) { throw std::runtime_error("no"); },
                         {},
                         [](const std::string&) { throw std::runtime_error("nowhere to say it"); }});
    desk.take(peer, json::serialize(World::request(1)));
    desk.take(peer, "{");
    CHECK(json::parse(link.wait_for("broken")).at("id") == 1);
  }

  TEST_CASE("a request that is dropped here is refused under its own id") {
    World world;
    world.be_asked(1);
    const auto answer = json::parse(json::parse(world.link.wait_for("answer")).at("body").as_string());
    CHECK(answer.at("status") == 500);
    CHECK(answer.at("request_id") == "r7");
  }

  TEST_CASE("fields that are no text are left out") {
    World world;
    auto request = World::get();
    request.fields = {{"user-agent", "caf\xe9"}, {"accept", "caf\xc3\xa9"}};
    world.pass_on(request);
    const auto message = json::parse(world.link.wait_for("request"));
    CHECK(message.at("fields") == json::parse(R"([["accept", "café"]])"));
  }

  TEST_CASE("at the end nobody is left waiting") {
    World world;
    const auto streaming = world.pass_on();
    world.say("answer", World::answer("", true));
    const auto waiting = std::make_shared<Answered>();
    world.desk.pass_on(peer, World::get(), std::make_unique<TestOutlet>(waiting));
    world.desk.close(Milliseconds{0});
    CHECK(waiting->response().status == 503);
    CHECK(streaming->read_all().empty());
    CHECK(world.pass_on()->response().status == 503);
  }
}
