#include "core/model/fifo.hpp"

#include <algorithm>
#include <deque>
#include <random>

#include <doctest/doctest.h>

using coremachine::Fifo;

TEST_SUITE("model: fifo") {
  TEST_CASE("whatever is done to it, it holds what a deque holds") {
    for (unsigned seed = 0; seed < 20; ++seed) {
      CAPTURE(seed);
      std::mt19937 random(seed);
      Fifo<int> ours;
      std::deque<int> plain;
      // It grows, shrinks and is empty again and again, beyond what it keeps room for.
      for (int step = 0; step < 20'000; ++step) {
        const auto what = random() % 100;
        const auto grows = step / 500 % 2 == 0;
        if (what < (grows ? 60U : 30U)) {
          ours.push_back(step);
          plain.push_back(step);
        } else if (!plain.empty() && what < 97) {
          ours.pop_front();
          plain.pop_front();
        } else if (!plain.empty()) {
          const auto at = static_cast<std::ptrdiff_t>(random() % plain.size());
          ours.erase(ours.begin() + at);
          plain.erase(plain.begin() + at);
        }
        REQUIRE(ours.empty() == plain.empty());
        REQUIRE(ours.size() == plain.size());
        if (!plain.empty()) REQUIRE(ours.front() == plain.front());
        if (step % 50 == 0) REQUIRE(std::equal(ours.begin(), ours.end(), plain.begin(), plain.end()));
      }
    }
  }

  TEST_CASE("once it is empty it gives back the room that many took") {
    Fifo<int> queue;
    for (int i = 0; i < 100'000; ++i) queue.push_back(i);
    CHECK(queue.room() >= 100'000);
    while (!queue.empty()) queue.pop_front();
    CHECK(queue.room() == 0);
  }
}
