#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/ids.hpp>

namespace coremachine {

/// Why a job is not finished.
enum class ReasonCode : std::uint8_t {
  scheduled,
  paused,
  no_worker,
  disabled,
  running,
  retrying,
  limit,
  signal,
  queued
};

/// One thing that a job waits for.
struct Reason {
  ReasonCode code = ReasonCode::queued;
  std::uint64_t count = 0;                ///< of tasks, or of calls of the job handler
  std::optional<TaskIndex> example = {};  ///< one of these tasks
  std::string detail;
};

COREMACHINE_API std::string_view to_string(ReasonCode code);
COREMACHINE_API boost::json::object to_json(const Reason& reason);

}  // namespace coremachine
