#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "core/store/postgres/append_queue.hpp"
#include "core/store/postgres/artifact_shelf.hpp"

namespace coremachine::postgres {

/// Appends to one output. Nothing of it is in memory: which keys there are, and whether it was sealed or dropped, the
/// database knows.
class JobOutput final : public ArtifactAppender {
 public:
  /// Makes the output if there is none. Errors are those of ArtifactStore::output.
  static Result<std::shared_ptr<JobOutput>> open(std::shared_ptr<ArtifactShelf> shelf,
                                                 std::shared_ptr<AppendQueue> queue, JobId job, std::string_view name);

  Result<std::size_t> append(std::span<const OutputRecord> records) override;
  Result<Pinned> seal() override;

  /// It was dropped.
  void end() { over_ = true; }
  /// It is known that it takes nothing more: its output may be opened anew.
  bool is_over() const { return over_; }

 private:
  JobOutput(std::shared_ptr<ArtifactShelf> shelf, std::shared_ptr<AppendQueue> queue, std::string called)
      : shelf_(std::move(shelf)), queue_(std::move(queue)), called_(std::move(called)) {}
  Error refuse();
  Result<bool> change_generation(std::int64_t from, std::int64_t to);
  Result<Pinned> try_to_seal();
  Result<Pinned> copy_to_artifact();

  std::shared_ptr<ArtifactShelf> shelf_;
  std::shared_ptr<AppendQueue> queue_;
  const std::string called_;  ///< in messages
  std::int64_t number_ = 0;
  std::int64_t generation_ = 0;
  std::atomic<int> sealing_ = 0;  ///< threads that try
  std::atomic<bool> over_ = false;
};

/// Of ArtifactStore, for any server.
Result<void> drop_outputs(ArtifactShelf& shelf, JobId job);
Result<std::vector<JobId>> jobs_with_outputs(ArtifactShelf& shelf);

}  // namespace coremachine::postgres
