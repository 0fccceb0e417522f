#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/ids.hpp>

namespace coremachine {

namespace json = boost::json;

/// A task that did not complete under a join that tolerates it.
struct TaskFailureRecord {
  TaskIndex index = 0;
  std::uint32_t attempt = 1;
  std::string type;
  std::string message;
};

/// How a stage ended, for the last step of a fold.
class COREMACHINE_API StageOutcome {
 public:
  virtual ~StageOutcome();
  virtual std::uint64_t total() const = 0;
  virtual std::uint64_t completed() const = 0;
  virtual std::uint64_t failed() const = 0;
  virtual std::vector<TaskFailureRecord> failures(std::size_t limit) const = 0;
  /// Makes an artifact of what the tasks have appended to their output of this name: see JobContext::seal_output.
  virtual json::object seal_output(std::string_view name) const;
};

/// Takes the results of a stage in as they come, instead of all at its end: a stage of any size then takes a few bytes.
///
/// `init` and `step` run where the tasks ran, on the results of some of them; `merge` puts two such parts together.
/// Tasks end in any order and parts are merged in any order, so the outcome must not depend on either: a sum, a
/// minimum, a count, a sketch. What is folded is kept with the results that it came from, so that each counts once
/// whatever crashes. A folded value over 64 KiB ends the job `dead`: collecting is not folding.
class COREMACHINE_API StageFold {
 public:
  static constexpr std::size_t max_bytes = 64 * 1024;

  virtual ~StageFold();
  virtual json::value init() const = 0;
  virtual void step(json::value& folded, TaskIndex index, const json::value& result) const = 0;
  virtual void merge(json::value& folded, const json::value& other) const = 0;
  /// The result of the stage.
  virtual json::object finish(const json::value& folded, const StageOutcome& outcome) const = 0;
};

}  // namespace coremachine
