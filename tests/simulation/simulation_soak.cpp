#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include <doctest/doctest.h>

#include "tests/simulation/simulation.hpp"

TEST_SUITE("simulation: for long") {
  TEST_CASE("new seeds for COREMACHINE_SOAK_SECONDS (300)") {
    const char* seconds = std::getenv("COREMACHINE_SOAK_SECONDS");
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds ? std::stoi(seconds) : 300);
    std::random_device random;
    auto seed = (std::uint64_t{random()} << 32U) | random();
    std::uint64_t played = 0;
    for (; std::chrono::steady_clock::now() < until; ++seed, ++played) {
      const auto wrong = coremachine::simulation::play(seed);
      INFO("repeat with COREMACHINE_SIM_SEED=", seed);
      REQUIRE_MESSAGE(!wrong, *wrong);
    }
    std::printf("%llu seeds played\n", static_cast<unsigned long long>(played));
  }
}
