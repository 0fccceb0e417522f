#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <coremachine/model/status.hpp>
#include <coremachine/model/time.hpp>

#include "core/ports/store.hpp"

namespace coremachine::runtime {

/// Finds jobs that are over for longer than they are to be kept, a slice of the store at a time.
class Retention {
 public:
  /// How long a job is kept after it ended so; one that is not named is kept for good.
  using Ages = std::map<JobStatus, Milliseconds>;
  explicit Retention(Ages ages) : ages_(std::move(ages)) {}

  bool wanted() const { return !ages_.empty(); }
  struct Slice {
    std::vector<JobId> due;
    bool round_ended = false;  ///< all of the store was looked through; the next slice begins anew
  };
  /// The jobs of the next slice that have had their time at `now`.
  Slice next(const Store& store, Timestamp now);

 private:
  Ages ages_;
  std::optional<JobId> after_;
};

}  // namespace coremachine::runtime
