#include "triggers/http/api/outbox.hpp"

#include <atomic>
#include <future>

#include <doctest/doctest.h>

#include "tests/http/api/fake_link.hpp"

using namespace coremachine;
using http::Outbox;
using tests::FakeLink;

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
          outbox.put({to, expected.back()});
        } else {
          REQUIRE(outbox.offer({to, expected.back()}));
        }
      }
    }
    CHECK(link.texts() == expected);
  }

  TEST_CASE("whoever puts one in does not wait for the link, and there is only so much room") {
    FakeLink link;
    link.hold();
    std::atomic<int> lost{0};
    {
      Outbox outbox(link, {.messages = 2, .bytes = 10});
      REQUIRE(outbox.offer({1, "first"}));
      link.wait_for_sender();
      CHECK(outbox.offer({1, "123456"}));
      CHECK_FALSE(outbox.offer({1, "78901"}));
      CHECK(outbox.offer({1, "7890"}));
      CHECK_FALSE(outbox.offer({1, ""}));
      outbox.put({1, "there is room for what answers"});
      link.release();
    }
    CHECK(link.texts() == std::vector<std::string>{"first", "123456", "7890", "there is room for what answers"});
    FakeLink other;
    Outbox small(other, {.messages = 2, .bytes = 1});
    CHECK(small.offer({1, "larger than all the room that there is"}));
  }

  TEST_CASE("what cannot be sent is told, what is not wanted any more is not sent, and what follows goes on") {
    FakeLink link;
    link.fail_on("bad");
    std::vector<std::string> lost;
    {
      Outbox outbox(link);
      outbox.put({1, "bad one", {}, [&] { lost.push_back("one"); }});
      outbox.put({1, "bad two"});
      outbox.put({1, "unwanted", [] { return false; }, [&] { lost.push_back("unwanted"); }});
      outbox.put({1, "wanted", [] { return true; }, [&] { lost.push_back("wanted"); }});
    }
    {
      Outbox outbox(link);
      outbox.put({1, "bad three", {}, [&] { outbox.put({1, "it was lost"}); }});
      outbox.close(Milliseconds{600'000});
    }
    CHECK(lost == std::vector<std::string>{"one"});
    CHECK(link.texts() == std::vector<std::string>{"wanted", "it was lost"});
  }

  TEST_CASE("closed, it takes nothing, and gives up what could not be sent in time") {
    FakeLink link;
    Outbox done(link);
    done.put({1, "sent"});
    done.close(Milliseconds{600'000});
    CHECK(link.texts() == std::vector<std::string>{"sent"});
    done.put({1, "late"});
    CHECK_FALSE(done.offer({1, "late"}));
    FakeLink slow;
    slow.hold();
    {
      Outbox outbox(slow);
      outbox.put({1, "begun"});
      slow.wait_for_sender();
      outbox.put({1, "given up"});
      outbox.close(Milliseconds{0});
      slow.release();
    }
    CHECK(slow.texts() == std::vector<std::string>{"begun"});
    CHECK(link.texts().size() == 1);
  }
}
