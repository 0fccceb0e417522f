#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "tests/simulation/simulation.hpp"

TEST_SUITE("simulation: the engine under crashes, full disks and disorder") {
  TEST_CASE("whatever happens, no accepted job is lost, none ends twice and every sum is right") {
    const char* from = std::getenv("COREMACHINE_SIM_SEED");
    const char* count = std::getenv("COREMACHINE_SIM_COUNT");
    const auto first = from ? std::stoull(from) : 1;
    const auto seeds = count ? std::stoull(count) : from ? 1 : 2500;
    for (auto seed = first; seed < first + seeds; ++seed) {
      const auto wrong = coremachine::simulation::play(seed);
      INFO("repeat with COREMACHINE_SIM_SEED=", seed);
      REQUIRE_MESSAGE(!wrong, *wrong);
    }
  }
}
