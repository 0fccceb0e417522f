// kill -9 at random moments under load, one life after another on the same store.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/child_process.hpp"
#include "tests/support/crash_jobs.hpp"
#include "tests/support/temporary_directory.hpp"

TEST_SUITE("runtime: crashes, for long") {
  TEST_CASE("the process dies at random for COREMACHINE_SOAK_SECONDS (300)") {
    using namespace coremachine;
    const char* seconds = std::getenv("COREMACHINE_SOAK_SECONDS");
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds ? std::stoi(seconds) : 300);
    const auto seed = std::random_device{}();
    INFO("seed ", seed);
    std::mt19937 dice(seed);
    int stores = 0;
    int lives = 0;
    for (; std::chrono::steady_clock::now() < until; ++stores) {
      const support::TemporaryDirectory directory;
      const auto path = directory.path() + "/store.db";
      std::vector<std::string> said;
      for (int life = 0; life < 6; ++life, ++lives) {
        support::ChildProcess child([&](const support::Say& say) {
          support::CrashJobs with;
          auto machine = support::machine_on(with, path);
          support::cancel_endless(machine);
          support::busy_life(machine, say);
        });
        const auto lines = std::uniform_int_distribution<int>(0, 12)(dice);
        std::string line;
        for (int i = 0; i < lines && child.read_line(line); ++i) said.push_back(line);
        child.kill();
        for (auto& rest : child.read_all()) said.push_back(std::move(rest));
        child.wait();
      }
      REQUIRE_NOTHROW(support::verify_after_crash(path, said));
    }
    std::printf("%d lives on %d stores\n", lives, stores);
  }
}
