#include "triggers/http/api/readers.hpp"

#include <atomic>
#include <future>
#include <set>

#include <doctest/doctest.h>

#include "triggers/http/server/mailbox.hpp"

using namespace coremachine;
using http::Effort;
using http::Readers;
using threads::WakeGathering;

TEST_SUITE("http: readers") {
  TEST_CASE("all work is done, whatever its effort, by whoever is free") {
    constexpr int pieces = 10'000;
    Readers readers(4, pieces);
    std::atomic<int> done{0};
    std::promise<void> all;
    for (int i = 0; i < pieces; ++i) {
      const auto work = [&] {
        if (++done == pieces) all.set_value();
      };
      REQUIRE(readers.run(work, i % 3 == 0 ? Effort::any : Effort::brief));
    }
    all.get_future().wait();
    CHECK(done == pieces);
  }

  TEST_CASE("work that takes long holds up none but its thread") {
    Readers readers(2, 100);
    std::promise<void> may_end, others_done;
    std::atomic<int> done{0};
    REQUIRE(readers.run([gate = may_end.get_future().share()] { gate.wait(); }));
    for (int i = 0; i < 50; ++i) {
      REQUIRE(readers.run(
          [&] {
            if (++done == 50) others_done.set_value();
          },
          Effort::brief));
    }
    others_done.get_future().wait();
    may_end.set_value();
    readers.stop();
    CHECK(done == 50);
  }

  TEST_CASE("too much work is refused, and so is work after the end") {
    Readers readers(1, 2);
    std::promise<void> begun, may_end;
    REQUIRE(readers.run([&, gate = may_end.get_future().share()] {
      begun.set_value();
      gate.wait();
    }));
    begun.get_future().wait();
    CHECK(readers.run([] {}));
    CHECK(readers.run([] {}));
    CHECK(!readers.run([] {}));
    CHECK(readers.waiting() == 2);
    may_end.set_value();
    readers.stop();
    CHECK(readers.waiting() == 0);
    CHECK(!readers.run([] {}));
  }

  TEST_CASE("while a thread gathers, whom it writes to is woken once, at the end") {
    int wakes = 0;
    const auto mailbox = std::make_shared<http::Mailbox>([&] { ++wakes; });
    {
      WakeGathering gathering;
      mailbox->put({nullptr, http::Letter::End{}});
      CHECK(wakes == 1);  // it was off
      CHECK(mailbox->take().size() == 1);
      gathering.turn(true);
      for (int i = 0; i < 3; ++i) mailbox->put({nullptr, http::Letter::End{}});
      CHECK(wakes == 1);
      gathering.end();
      CHECK(wakes == 2);
      CHECK(mailbox->take().size() == 3);
      mailbox->put({nullptr, http::Letter::End{}});
      CHECK(wakes == 2);
    }
    CHECK(wakes == 3);
    CHECK(WakeGathering::current() == nullptr);
  }

  TEST_CASE("a mailbox that was emptied or closed meanwhile wakes nobody") {
    int wakes = 0;
    const auto mailbox = std::make_shared<http::Mailbox>([&] { ++wakes; });
    WakeGathering gathering;
    gathering.turn(true);
    mailbox->put({nullptr, http::Letter::End{}});
    CHECK(mailbox->take().size() == 1);
    gathering.end();
    CHECK(wakes == 0);
    mailbox->put({nullptr, http::Letter::End{}});
    mailbox->close();
    gathering.end();
    CHECK(wakes == 0);
  }

  TEST_CASE("what brief work says is told when there is no more of it") {
    std::promise<void> woken;
    const auto mailbox = std::make_shared<http::Mailbox>([&] { woken.set_value(); });
    Readers readers(1, 10);
    REQUIRE(readers.run([mailbox] { mailbox->put({nullptr, http::Letter::End{}}); }, Effort::brief));
    woken.get_future().wait();
    CHECK(mailbox->take().size() == 1);
  }

  TEST_CASE("a gathering within another leaves that one on") {
    WakeGathering outer;
    outer.turn(true);
    { const WakeGathering inner; }
    CHECK(WakeGathering::current() == &outer);
    outer.turn(false);
    CHECK(WakeGathering::current() == nullptr);
  }
}
