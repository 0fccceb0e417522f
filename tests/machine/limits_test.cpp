#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <doctest/doctest.h>

#include "core/machine/limits.hpp"

namespace {

using namespace coremachine;
using coremachine::machine::Limits;

Timestamp at(std::int64_t ms) {
  return Timestamp{Milliseconds{ms}};
}

}  // namespace

TEST_SUITE("machine: limits of task types") {
  TEST_CASE("without a limit everything may start") {
    Limits limits;
    CHECK(limits.allowance("any", at(0)) == UINT32_MAX);
    limits.started("any", 1'000'000, at(0));
    CHECK(limits.allowance("any", at(0)) == UINT32_MAX);
  }

  TEST_CASE("what runs counts against a later limit too") {
    Limits limits;
    limits.started("t", 5, at(0));
    limits.set("t", {.max_concurrency = 3}, at(0));
    CHECK(limits.allowance("t", at(0)) == 0);
    limits.ended("t", 3);
    CHECK(limits.allowance("t", at(0)) == 1);
    limits.set("t", {}, at(0));
    CHECK(limits.allowance("t", at(0)) == UINT32_MAX);
  }

  TEST_CASE("a paused type starts nothing") {
    Limits limits;
    limits.set("t", {.paused = true}, at(0));
    CHECK(limits.allowance("t", at(0)) == 0);
    limits.wait("t", 0, JobId{1, 1});
    CHECK(limits.take_due(at(1'000'000)).empty());
    CHECK_FALSE(limits.next_due(at(0)).has_value());
    limits.set("t", {}, at(0));
    CHECK(limits.take_due(at(0)).size() == 1);
  }

  TEST_CASE("over any stretch of time no more start than the rate and one burst allow, and no fewer than it offers") {
    std::mt19937 dice(7);
    for (int round = 0; round < 200; ++round) {
      const double rate = 0.5 + static_cast<double>(dice() % 5000) / 10.0;
      const auto burst = dice() % 20;
      Limits limits;
      limits.set("t", {.rate = rate, .burst = static_cast<std::uint32_t>(burst)}, at(0));
      const auto most_at_once = burst > 0 ? static_cast<double>(burst) : std::max(1.0, std::floor(rate / 10));
      std::int64_t now = 0;
      std::uint64_t started = 0;
      while (now < 20'000) {
        const auto may = limits.allowance("t", at(now));
        if (may > 0) {
          limits.started("t", may, at(now));
          started += may;
        }
        limits.wait("t", 0, JobId{1, 1});
        const auto next = limits.next_due(at(now));
        REQUIRE(next.has_value());
        REQUIRE(*next > at(now));
        now = next->time_since_epoch().count();
        REQUIRE(static_cast<double>(started) <= most_at_once + rate * static_cast<double>(now) / 1000.0 + 1.0);
      }
      // One is taken whenever one is there, so only what lies between two milliseconds is lost.
      CHECK(static_cast<double>(started) >= 0.6 * std::min(rate, 1000.0) * 20.0 - 1.0);
    }
  }

  TEST_CASE("those who wait come by priority, then in turn, and only as many as may start") {
    Limits limits;
    limits.set("t", {.max_concurrency = 2}, at(0));
    limits.started("t", 2, at(0));
    limits.wait("t", 0, JobId{1, 1});
    limits.wait("t", 0, JobId{1, 2});
    limits.wait("t", 5, JobId{1, 3});
    limits.wait("t", 5, JobId{1, 3});
    CHECK(limits.take_due(at(0)).empty());
    limits.ended("t", 2);
    CHECK(limits.take_due(at(0)) == std::vector{JobId{1, 3}, JobId{1, 1}});
    CHECK(limits.take_due(at(0)) == std::vector{JobId{1, 2}});
  }
}
