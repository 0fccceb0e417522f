#include "triggers/http/api/timers.hpp"

#include <future>
#include <stdexcept>

#include <doctest/doctest.h>

using coremachine::http::Timers;

TEST_SUITE("http: timers") {
  TEST_CASE("one that throws keeps nobody from being called") {
    std::promise<void> called;
    Timers timers;
    timers.after(std::chrono::milliseconds{0}, [] { throw std::runtime_error("no"); });
    timers.after(std::chrono::milliseconds{0}, [&] { called.set_value(); });
    called.get_future().get();
  }

  TEST_CASE("stopped, they call nothing, and may be told to stop again") {
    bool called = false;
    Timers timers;
    timers.after(std::chrono::hours{1}, [&] { called = true; });
    timers.stop();
    timers.after(std::chrono::milliseconds{0}, [&] { called = true; });
    timers.stop();
    CHECK_FALSE(called);
  }
}
