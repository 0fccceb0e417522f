#pragma once

#include <optional>
#include <string>
#include <vector>

#include <coremachine/registry/job_handler.hpp>
#include <coremachine/registry/task_registry.hpp>

#include "core/model/event.hpp"
#include "core/runtime/large_values.hpp"

namespace coremachine::runtime {

/// What a handler may not do: no further try can mend it.
struct BrokenContract {
  Error error;
};

/// Turns definitions into chunks: serialised once, tasks alike under one spec. Params that are too large become
/// artifacts. Throws BrokenContract, ArtifactFailure.
class ChunkWriter final : public TaskSink {
 public:
  struct Setup {
    const TaskRegistry* tasks = nullptr;
    int stage = 0;
    StagePolicy policy = {};
    std::vector<SharedSpec> specs = {};            ///< of the round so far
    ChunkNumber chunk = 0;                       ///< the first one to write
    std::optional<DefinitionSegment> rest = {};  ///< tasks that come before the first new one
    std::uint64_t enough = UINT64_MAX;           ///< tasks
    LargeValues* large = nullptr;
    ArtifactHolds* holds = nullptr;  ///< of the params that become artifacts, or name some
  };
  explicit ChunkWriter(Setup setup);

  void add(const TaskDefinition& task) override;
  bool full() const override;

  /// Tasks added, those of the rest not counted.
  std::uint64_t added() const { return added_; }
  /// The chunk that is not full becomes one, as the last of its round.
  void close();
  /// The chunk that is not full, for the next writer.
  std::optional<DefinitionSegment> take_rest();

  std::vector<SharedSpec> take_specs() { return std::move(specs_); }
  std::vector<DefinitionSegment> take_chunks() { return std::move(chunks_); }

 private:
  [[noreturn]] void fail(ErrorCode code, std::string message, const TaskDefinition& task) const;
  std::size_t limit() const;
  SpecNumber spec_of(const TaskDefinition& task);
  SharedSpec make_spec(const TaskDefinition& task) const;
  TaskIndex next_index() const { return TaskIndex{chunk_} * chunk_size + open_.count; }

  const TaskRegistry& tasks_;
  LargeValues& large_;
  ArtifactHolds& holds_;
  const int stage_;
  const StagePolicy policy_;
  const std::uint64_t enough_;
  std::vector<SharedSpec> specs_;
  std::vector<std::pair<TaskDefinition, SpecNumber>> known_;  ///< kinds of tasks met here, without their parameters
  std::size_t latest_ = 0;
  std::vector<DefinitionSegment> chunks_;
  ChunkNumber chunk_ = 0;
  DefinitionSegment open_;
  std::string body_;
  std::size_t bytes_ = 0;
  std::uint64_t added_ = 0;
};

}  // namespace coremachine::runtime
