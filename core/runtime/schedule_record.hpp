#pragma once

#include <deque>
#include <string>

#include <coremachine/runtime/schedules.hpp>

#include "core/model/batch.hpp"

namespace coremachine::runtime {

/// Kinds of settings, both by the name of the schedule. They are apart because a spec may be large, is written when
/// somebody changes it, and its state each time it fires.
inline constexpr const char* spec_setting = "schedule";
inline constexpr const char* state_setting = "schedule_state";

/// What is kept of a schedule.
struct ScheduleRecord {
  ScheduleSpec spec;
  Timestamp created_at{};
  Timestamp updated_at{};
  ScheduleState state = {};
  std::deque<FiringRecord> recent = {};  ///< oldest first

  friend bool operator==(const ScheduleRecord&, const ScheduleRecord&) = default;
};

Setting spec_to_setting(const ScheduleRecord& record);
Setting state_to_setting(const ScheduleRecord& record);
/// Error, store_damaged: what cannot be read of it. A state that is null is that of a schedule that never fired.
Result<ScheduleRecord> read_record(const Text& spec, const Text& state);

}  // namespace coremachine::runtime
