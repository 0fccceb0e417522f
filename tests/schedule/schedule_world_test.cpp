#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <random>

#include "core/schedule/schedule_step.hpp"
#include "tests/support/zone_file.hpp"

namespace coremachine::schedule {

namespace {

/// A world around the machine: a store that keeps what was saved, jobs by idempotency key, and crashes between any two
/// actions.
class World {
 public:
  World(std::uint64_t seed, OverlapPolicy policy)
      : dice_(seed),
        now_(support::at("2024-01-01T00:00:00Z") + Milliseconds{static_cast<std::int64_t>(seed) * 7919}),
        begin_(now_) {
    spec_.name = "world";
    spec_.job_type = "hello_world";
    spec_.overlap = policy;
    spec_.catch_up_limit = static_cast<std::uint32_t>(dice_() % 5);
    if (one_in(2)) {
      spec_.timing = Interval{std::chrono::minutes{3}, {}};
    } else {
      spec_.timing = Cron{"*/4 0-22 * * *", "Europe/Berlin"};
    }
    times_.emplace(Timetable::make(spec_).value());
    tell(SpecChanged{});
    if (state_ != durable_) restart();
  }

  void live(int turns) {
    for (int i = 0; i < turns; ++i) {
      turn();
      check();
    }
    settle();
  }

 private:
  struct Job {
    JobId id;
    bool over = false;
  };

  bool one_in(unsigned n) { return dice_() % n == 0; }

  void turn() {
    switch (dice_() % 8) {
      case 0:
      case 1:
      case 2:
        now_ += Milliseconds{static_cast<std::int64_t>(dice_() % 150'000)};
        tell(Ticked{});
        break;
      case 3: answer(); break;
      case 4:
        for (auto& [key, made] : jobs_) made.over = made.over || one_in(3);
        break;
      case 5:
      case 6: report(); break;
      case 7:
        if (!one_in(4)) break;
        now_ += Milliseconds{static_cast<std::int64_t>(dice_() % 3'000'000)};
        restart();
        break;
    }
  }

  /// Sends an event and carries out what is said, up to a crash, now and then.
  void tell(const Event& event) {
    const auto actions = step(spec_, *times_, state_, event, now_);
    const auto crash = one_in(20) ? dice_() % (actions.size() + 1) : actions.size() + 1;
    for (std::size_t i = 0; i < actions.size(); ++i) {
      if (i == crash) return restart();
      std::visit([this](const auto& action) { carry_out(action); }, actions[i]);
    }
    if (crash == actions.size()) restart();
  }

  void carry_out(const Save&) { durable_ = state_; }
  void carry_out(const SetTimer& timer) { REQUIRE(timer.at > now_); }
  void carry_out(const CancelJob& cancel) {
    for (auto& [key, made] : jobs_) {
      if (made.id == cancel.id) made.over = true;
    }
  }
  void carry_out(const Submit& submit) {
    REQUIRE(submit.idempotency_key == idempotency_key(spec_.name, submit.firing));
    jobs_.try_emplace(submit.idempotency_key, Job{JobId{1, jobs_.size() + 1}});
    answers_.push_back(submit.firing);
  }

  /// One submission is answered, late and in any order.
  void answer() {
    if (answers_.empty()) return;
    const auto place = answers_.begin() + static_cast<std::ptrdiff_t>(dice_() % answers_.size());
    const auto firing = *place;
    answers_.erase(place);
    tell(JobAccepted{firing, jobs_.at(idempotency_key(spec_.name, firing)).id});
  }

  void report() {
    const auto running = state_.running;
    for (const auto id : running) {
      if (is_over(id) && one_in(2)) return tell(JobEnded{id});
    }
  }

  bool is_over(JobId id) const {
    return std::any_of(jobs_.begin(), jobs_.end(),
                       [&](const auto& entry) { return entry.second.id == id && entry.second.over; });
  }

  void restart() {
    state_ = durable_;
    answers_.clear();
    tell(Recovered{});
  }

  void check() {
    // Jobs that are over may be unknown to be so; the other way round it must be right.
    const auto live = std::count_if(jobs_.begin(), jobs_.end(), [](const auto& entry) { return !entry.second.over; });
    if (spec_.overlap != OverlapPolicy::allow) REQUIRE(live <= 1);
    REQUIRE(state_.waiting.size() <= std::max<std::size_t>(spec_.catch_up_limit, 1) + 1);
    REQUIRE(jobs_.size() <= state_.fired + 1);
  }

  bool at_rest() const {
    return state_.starting.empty() && state_.running.empty() && state_.waiting.empty() && answers_.empty();
  }

  /// All is answered and over. Then every time was fired, skipped or missed, once.
  void settle() {
    tell(Ticked{});
    for (int i = 0; i < 10'000 && !at_rest(); ++i) {
      for (auto& [key, made] : jobs_) made.over = true;
      answer();
      report();
    }
    REQUIRE(at_rest());
    std::uint64_t due = 0;
    for (auto time = times_->next(begin_); time && *time <= now_; time = times_->next(*time)) ++due;
    REQUIRE(jobs_.size() == state_.fired);
    REQUIRE(state_.fired + state_.skipped + state_.missed == due);
    REQUIRE(due > 10);
  }

  std::mt19937_64 dice_;
  Timestamp now_;
  Timestamp begin_;
  ScheduleSpec spec_;
  std::optional<Timetable> times_;
  ScheduleState state_;
  ScheduleState durable_;
  std::map<std::string, Job> jobs_;
  std::vector<Firing> answers_;
};

}  // namespace

TEST_SUITE("schedule: world") {
  TEST_CASE("in a world with crashes, no firing is lost, none is doubled, and none overlaps that must not") {
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
      for (const auto policy :
           {OverlapPolicy::skip, OverlapPolicy::queue_one, OverlapPolicy::cancel_running, OverlapPolicy::allow}) {
        CAPTURE(seed);
        CAPTURE(to_string(policy));
        World(seed, policy).live(300);
      }
    }
  }
}

}  // namespace coremachine::schedule
