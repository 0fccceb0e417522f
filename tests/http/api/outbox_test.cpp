#include "triggers/http/api/outbox.hpp"

#include <stdexcept>

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

#include "tests/http/api/fake_link.hpp"

using namespace coremachine;
using http::Outbox;
using tests::FakeLink;

namespace {

std::string text(const std::string& what) {
  return R"({"say":")" + what + R"("})";
}

/// What was sent, in its order. The number of each is above the one before it.
std::vector<std::string> said(FakeLink& link) {
  std::vector<std::string> all;
  std::uint64_t last = 0;
  for (const auto& sent : link.texts()) {
    const auto message = boost::json::parse(sent);
    const auto number = message.at("number").to_number<std::uint64_t>();
    CHECK(number > last);
    last = number;
    all.emplace_back(message.at("say").as_string());
  }
  return all;
}

}  // namespace

TEST_SUITE("http: outbox") {
  TEST_CASE("messages are sent in the order in which they came, and all of them before it goes") {
    FakeLink link;
    std::vector<std::string> expected;
    {
      Outbox outbox(link);
      for (int i = 0; i < 200; ++i) {
        expected.push_back(std::to_string(i));
        const auto to = static_cast<http::Peer>(i % 2);
        if (i % 3 == 0) {
          outbox.put({to, text(expected.back())});
        } else {
          REQUIRE(outbox.offer({to, text(expected.back())}));
        }
      }
    }
    CHECK(said(link) == expected);
  }

  TEST_CASE("whoever puts one in does not wait for the link, and there is only so much room") {
    FakeLink link;
    link.hold();
    {
      Outbox outbox(link, {.messages = 2, .bytes = 2 * text("").size() + 10});
      REQUIRE(outbox.offer({1, text("first")}));
      link.wait_for_sender();
      CHECK(outbox.offer({1, text("123456")}));
      CHECK_FALSE(outbox.offer({1, text("78901")}));
      CHECK(outbox.offer({1, text("7890")}));
      CHECK_FALSE(outbox.offer({1, text("")}));
      outbox.put({1, text("there is room for what answers")});
      link.release();
    }
    CHECK(said(link) == std::vector<std::string>{"first", "123456", "7890", "there is room for what answers"});
    FakeLink other;
    Outbox small(other, {.messages = 2, .bytes = 1});
    CHECK(small.offer({1, text("larger than all the room that there is")}));
  }

  TEST_CASE("what cannot be sent is told, what is not wanted any more is not sent, and what follows goes on") {
    FakeLink link;
    link.fail_on("bad");
    std::vector<std::string> lost;
    {
      Outbox outbox(link);
      outbox.put({1, text("bad one"), {}, [&] { lost.push_back("one"); }});
      outbox.put({1, text("bad two")});
      outbox.put({1, text("unwanted"), [] { return false; }, [&] { lost.push_back("unwanted"); }});
      outbox.put({1, text("wanted"), [] { return true; }, [&] { lost.push_back("wanted"); }});
    }
    CHECK(lost == std::vector<std::string>{"one"});
    CHECK(said(link) == std::vector<std::string>{"wanted"});
    FakeLink other;
    other.fail_on("bad");
    Outbox outbox(other);
    outbox.put({1, text("bad three"), {}, [&] { outbox.put({1, text("it was lost")}); }});
    outbox.close(Milliseconds{600'000});
    CHECK(said(other) == std::vector<std::string>{"it was lost"});
  }

  TEST_CASE("what is asked or told of a message may throw, and what follows goes on") {
    FakeLink link;
    link.fail_on("bad");
    const auto fail = [] { throw std::runtime_error("no"); };
    {
      Outbox outbox(link);
      outbox.put({1, text("bad"), {}, fail});
      outbox.put({1, text("doubtful"), [&]() -> bool { return fail(), true; }, fail});
      outbox.put({1, text("good")});
    }
    CHECK(said(link) == std::vector<std::string>{"good"});
  }

  TEST_CASE("closed, it accepts nothing new, and still says so") {
    FakeLink link;
    {
      Outbox outbox(link);
      outbox.put({1, text("sent")});
      outbox.close(Milliseconds{600'000});
      CHECK(said(link) == std::vector<std::string>{"sent"});
      CHECK_FALSE(outbox.offer({1, text("late")}));
      outbox.put({1, text("refused")});
      outbox.close(Milliseconds{600'000});
      CHECK(said(link) == std::vector<std::string>{"sent", "refused"});
      outbox.put({1, text("refused again")});
    }
    CHECK(said(link).back() == "refused again");
  }

  TEST_CASE("what could not be sent in time is given up") {
    FakeLink slow;
    slow.hold();
    {
      Outbox outbox(slow);
      outbox.put({1, text("begun")});
      slow.wait_for_sender();
      outbox.put({1, text("given up")});
      outbox.close(Milliseconds{0});
      outbox.put({1, text("after that")});
      slow.release();
    }
    CHECK(said(slow) == std::vector<std::string>{"begun"});
  }
}
