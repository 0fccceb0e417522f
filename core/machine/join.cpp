#include "core/machine/join.hpp"

#include <variant>

namespace coremachine::machine {
namespace {

std::uint64_t failures_of(const Round& round) {
  return round.counts.failed + round.counts.dead;
}

bool exceeds(double percent, std::uint64_t part, std::uint64_t total) {
  return static_cast<double>(part) * 100.0 > percent * static_cast<double>(total);
}

struct Judge {
  const Round& round;

  bool all_in() const {
    return round.total_known() && round.counts.completed + failures_of(round) == round.counts.total;
  }
  JoinVerdict when(bool missed) const {
    if (missed) return JoinVerdict::missed;
    return all_in() ? JoinVerdict::met : JoinVerdict::undecided;
  }

  JoinVerdict operator()(const JoinAll&) const { return when(failures_of(round) > 0); }
  JoinVerdict operator()(const JoinBestEffort&) const { return when(false); }
  JoinVerdict operator()(const JoinAtLeast& join) const {
    if (round.counts.completed >= join.count) return JoinVerdict::met;
    const bool too_few = round.total_known() && round.counts.total - failures_of(round) < join.count;
    return too_few ? JoinVerdict::missed : JoinVerdict::undecided;
  }
  JoinVerdict operator()(const JoinTolerateCount& join) const { return when(failures_of(round) > join.count); }
  JoinVerdict operator()(const JoinToleratePercent& join) const {
    // A percentage of what is not known yet is not known either.
    return when(round.total_known() && exceeds(join.percent, failures_of(round), round.counts.total));
  }
  JoinVerdict operator()(const JoinCritical&) const {
    if (round.critical.failed > 0) return JoinVerdict::missed;
    const bool done =
        round.total_known() && round.critical.total > 0 && round.critical.completed == round.critical.total;
    return done ? JoinVerdict::met : when(false);
  }
};

struct Settle {
  const Round& round;

  std::uint64_t missing() const { return round.counts.total - round.counts.completed; }
  bool operator()(const JoinAll&) const { return round.total_known() && missing() == 0; }
  bool operator()(const JoinBestEffort&) const { return true; }
  bool operator()(const JoinAtLeast& join) const { return round.counts.completed >= join.count; }
  bool operator()(const JoinTolerateCount& join) const { return round.total_known() && missing() <= join.count; }
  bool operator()(const JoinToleratePercent& join) const {
    return round.total_known() && !exceeds(join.percent, missing(), round.counts.total);
  }
  bool operator()(const JoinCritical&) const {
    return round.total_known() && round.critical.completed == round.critical.total;
  }
};

}  // namespace

JoinVerdict judge(const Round& round) {
  return std::visit(Judge{round}, round.policy.join);
}

bool holds_as_it_is(const Round& round) {
  return std::visit(Settle{round}, round.policy.join);
}

}  // namespace coremachine::machine
