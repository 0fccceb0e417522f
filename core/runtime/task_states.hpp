#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/runtime/queries.hpp>

#include "core/runtime/stored_round.hpp"

namespace coremachine::runtime {

/// The tasks of one chunk, as the outcomes of the chunk tell of them.
class TaskStates {
 public:
  /// `outcomes` are all that matter of the chunk, in order: of the lineage, then of the round itself; with or without
  /// their bodies. They must outlive this.
  TaskStates(const StoredRound& round, std::uint32_t count, const std::vector<OutcomeSegment>& outcomes);

  /// Of a task that ended; nothing if it did not.
  std::optional<TaskStatus> ended_as(ChunkOffset offset) const;

  struct Place {
    const OutcomeSegment* segment = nullptr;
    std::uint32_t i = 0;
  };
  /// The last attempt that ended, in this round or by completing: null if there is none.
  Place last(ChunkOffset offset) const { return states_[offset].last; }
  /// The number of the last attempt that the store knows of, in whichever round.
  std::uint32_t attempt(ChunkOffset offset) const { return states_[offset].attempt; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(states_.size()); }

 private:
  struct State {
    Place last = {};
    std::uint32_t attempt = 0;
    bool ended = false;
  };
  std::vector<State> states_;
};

/// Makes views of the tasks of one chunk: reads bodies as they are needed, each once.
class TaskViewer {
 public:
  TaskViewer(const Store& store, JobId job, const StoredRound& round, ChunkNumber chunk, const TaskQuery& query)
      : store_(store), job_(job), round_(round), chunk_(chunk), query_(query) {}

  TaskView view(const TaskStates& states, ChunkOffset offset, TaskStatus status, const machine::LiveTask* live);

 private:
  struct Body {
    Text text = {};
    std::vector<std::uint32_t> ends = {};
  };
  const std::optional<DefinitionSegment>& definitions();
  json::value element_of(const TaskStates::Place& place);
  void add_attempt(TaskView& view, const TaskStates::Place& last);
  void add_error(TaskView& view, const TaskStates::Place& last);

  const Store& store_;
  const JobId job_;
  const StoredRound& round_;
  const ChunkNumber chunk_;
  const TaskQuery& query_;
  std::optional<std::optional<DefinitionSegment>> definitions_ = {};
  std::vector<std::uint32_t> param_ends_ = {};
  std::map<std::pair<RoundNumber, std::uint32_t>, Body> bodies_ = {};
};

}  // namespace coremachine::runtime
