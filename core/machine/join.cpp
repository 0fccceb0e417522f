#include "core/machine/join.hpp"

#include <variant>

namespace coremachine::machine {
namespace {

struct Judge {
  const TaskCounts& counts;

  std::uint64_t failures() const { return counts.failed + counts.dead; }
  bool all_in() const { return counts.completed + failures() == counts.total; }
  JoinVerdict when(bool missed) const {
    if (missed) return JoinVerdict::missed;
    return all_in() ? JoinVerdict::met : JoinVerdict::undecided;
  }

  JoinVerdict operator()(const JoinAll&) const { return when(failures() > 0); }
  JoinVerdict operator()(const JoinBestEffort&) const { return when(false); }
  JoinVerdict operator()(const JoinAtLeast& join) const {
    if (counts.completed >= join.count) return JoinVerdict::met;
    return counts.total - failures() < join.count ? JoinVerdict::missed : JoinVerdict::undecided;
  }
  JoinVerdict operator()(const JoinTolerateCount& join) const { return when(failures() > join.count); }
  JoinVerdict operator()(const JoinToleratePercent& join) const {
    return when(static_cast<double>(failures()) * 100.0 > join.percent * static_cast<double>(counts.total));
  }
};

}  // namespace

JoinVerdict judge(const Join& join, const TaskCounts& counts) { return std::visit(Judge{counts}, join); }

}  // namespace coremachine::machine
