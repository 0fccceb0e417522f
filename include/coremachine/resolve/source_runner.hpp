#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/registry/task_handler.hpp>

namespace coremachine {

/// What one run of an interpreter may take. Its time is that of the attempt, or `time` if that is less.
struct SourceLimits {
  std::chrono::milliseconds time{600'000};
  std::uint64_t memory = std::uint64_t{1} << 30U;   ///< of address space, in bytes; 0: no limit
  std::uint64_t output = std::uint64_t{16} << 20U;  ///< bytes that it may print
  std::chrono::milliseconds grace{1'000};           ///< between being asked to end and being ended
};

/// Runs code of the strategy `source`, by interpreters that were allowed and no others.
///
/// Each run is a process of its own in a process group of its own, with a clean environment, no descriptors but its
/// three, and `/` as its directory. It reads the params as JSON from its standard input and prints the result as JSON;
/// nothing printed is null. COREMACHINE_JOB_ID, COREMACHINE_TASK_INDEX, COREMACHINE_ATTEMPT and
/// COREMACHINE_IDEMPOTENCY_KEY tell it what it is. When its time is up or nobody wants it any more, the group is ended.
class COREMACHINE_API SourceRunner {
 public:
  /// Each is NAME, looked up in PATH now and never again, or NAME=/ABSOLUTE/PATH. Fails (invalid_argument) for one that
  /// is not there or cannot be run.
  static Result<SourceRunner> allow(const std::vector<std::string>& interpreters, SourceLimits limits = {});

  bool allows(std::string_view interpreter) const { return paths_.contains(interpreter); }
  std::vector<std::string> allowed() const;  ///< sorted
  const SourceLimits& limits() const { return limits_; }

  /// Returns when the process and its group are gone. An exit status other than 0, an end by a signal, time, memory or
  /// output that went over the limit: a failure that says which, with the end of what it wrote to standard error.
  TaskResult run(std::string_view interpreter, std::string_view source, const json::object& params,
                 TaskContext& context) const;

 private:
  std::map<std::string, std::string, std::less<>> paths_;  ///< by name
  SourceLimits limits_;
};

}  // namespace coremachine
