// Schedules in a world that loses, at any moment, all that is not on disk: each time fires once or is accounted for.

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/schedule_world.hpp"
#include "tests/support/zone_file.hpp"

namespace {

using namespace coremachine;
using support::at;

const std::string id = "world";

/// One schedule, and what a seed makes of it.
class Life {
 public:
  Life(std::uint64_t seed, OverlapPolicy policy, bool with_people)
      : dice_(seed),
        begin_(at("2024-03-30T00:00:00Z") + Milliseconds{static_cast<std::int64_t>(seed % 5000) * 7919}),
        world_(begin_),
        with_people_(with_people) {
    spec_.name = id;
    spec_.job_type = "any";
    spec_.overlap = policy;
    spec_.catch_up_limit = static_cast<std::uint32_t>(dice_() % 4);
    if (one_in(2)) spec_.jitter = std::chrono::seconds{20};
    spec_.timing = one_in(2) ? std::variant<Cron, Interval>(Interval{std::chrono::minutes{3}, {}})
                             : Cron{"*/4 0-22 * * *", "Europe/Berlin"};
    REQUIRE(world_.create(spec_).value().id == id);
  }

  void live(int turns) {
    for (int i = 0; i < turns; ++i) {
      turn();
      check();
    }
    settle();
  }

 private:
  bool one_in(unsigned n) { return dice_() % n == 0; }

  void turn() {
    switch (dice_() % 12) {
      case 0:
      case 1: world_.tick(Milliseconds{static_cast<std::int64_t>(dice_() % 150'000)}); break;
      case 2:
      case 3:
      case 4: world_.handle_one(); break;
      case 5:
      case 6: world_.commit(); break;
      case 7:
      case 8: world_.call_one(); break;
      case 9:
        for (auto& [key, job] : world_.jobs) {
          if (!job.over && one_in(3)) world_.end(job);
        }
        break;
      case 10:
        // A full machine refuses for a while, and takes it later.
        world_.refusal = one_in(3) ? std::optional(Error{ErrorCode::overloaded, "too many jobs"}) : std::nullopt;
        break;
      case 11:
        if (with_people_ && one_in(2)) return ask();
        if (!one_in(2)) break;
        world_.time += Milliseconds{static_cast<std::int64_t>(one_in(3) ? dice_() % 3'000'000 : 0)};
        crash();
        break;
    }
  }

  void crash() {
    world_.crash();
    if (!with_people_) return;
    // Whoever was told that it is paused, or is not, finds it so.
    const auto paused = world_.show(id).value().spec.paused;
    if (!asked_) REQUIRE(paused == told_);
    told_ = paused;
    asked_ = false;
  }

  void ask() {
    if (one_in(3)) return world_.scheduler->run(id, [](const Result<ScheduleRun>&) {});
    if (asked_) return;
    if (one_in(3)) {
      spec_.params = spec_.params == "{}" ? R"({"other":1})" : "{}";
      spec_.paused = !told_;
      auto times = schedule::Timetable::make(spec_).value();
      world_.scheduler->put({spec_, std::move(times)}, [this](const Result<SchedulePut>& put) { told(put->schedule); });
    } else {
      world_.scheduler->set_paused(id, !told_, [this](const Result<ScheduleView>& view) { told(*view); });
    }
    asked_ = true;
  }
  void told(const ScheduleView& view) {
    REQUIRE(view.spec.paused == !told_);
    told_ = view.spec.paused;
    asked_ = false;
  }

  void check() {
    const auto live =
        std::count_if(world_.jobs.begin(), world_.jobs.end(), [](const auto& entry) { return !entry.second.over; });
    if (spec_.overlap != OverlapPolicy::allow) REQUIRE(live <= 1);
  }

  void settle() {
    world_.refusal.reset();
    world_.settle();
    if (told_) REQUIRE(world_.set_paused(id, false).has_value());
    // What was refused for now is tried again within half a minute, and by then nothing else is.
    for (int i = 0; i < 3; ++i) {
      world_.tick(std::chrono::seconds{31});
      for (int more = 0; more < 200; ++more) {
        world_.settle();
        world_.end_all();
      }
    }
    const auto view = world_.show(id).value();
    const auto& state = view.state;
    REQUIRE(state.starting.empty());
    REQUIRE(state.running.empty());
    REQUIRE(state.waiting.empty());
    REQUIRE(world_.jobs.size() == state.fired - state.refused);
    REQUIRE(world_.awaited.empty());
    for (const auto& record : view.recent) {
      REQUIRE((record.job.has_value() || !record.error.empty()));
      if (record.job) REQUIRE(world_.find_submission(idempotency_key(id, record.firing)) == record.job);
    }
    const auto times = schedule::Timetable::make(spec_).value();
    std::uint64_t due = 0;
    std::set<std::string> possible;
    for (auto time = times.next(begin_); time && times.due_at(*time) <= world_.time; time = times.next(*time)) {
      ++due;
      possible.insert(idempotency_key(id, Firing{*time}));
    }
    for (const auto& key : world_.keys()) {
      if (key.find(":run:") == std::string::npos) REQUIRE(possible.contains(key));
    }
    // What a full machine refused for good was asked for by hand, and whoever asked was told so.
    if (with_people_) return;
    REQUIRE(state.refused == 0);
    REQUIRE(state.fired + state.skipped + state.missed == due);
    REQUIRE(due > 5);
  }

  std::mt19937_64 dice_;
  Timestamp begin_;
  support::ScheduleWorld world_;
  bool with_people_;
  ScheduleSpec spec_;
  bool told_ = false;   ///< that it is paused
  bool asked_ = false;  ///< for the contrary, and not told yet
};

constexpr std::array policies{OverlapPolicy::skip, OverlapPolicy::queue_one, OverlapPolicy::cancel_running,
                              OverlapPolicy::allow};

}  // namespace

TEST_SUITE("runtime: schedules in a world that crashes") {
  TEST_CASE("each time fires once, is skipped or is missed, whatever is lost") {
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
      for (const auto policy : policies) {
        CAPTURE(seed);
        CAPTURE(to_string(policy));
        Life(seed, policy, false).live(400);
      }
    }
  }

  TEST_CASE("while people pause it, change it and run it by hand") {
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
      for (const auto policy : policies) {
        CAPTURE(seed);
        CAPTURE(to_string(policy));
        Life(1'000'000 + seed, policy, true).live(400);
      }
    }
  }
}
