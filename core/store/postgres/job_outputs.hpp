#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/store/postgres/append_queue.hpp"
#include "core/store/postgres/artifact_shelf.hpp"

namespace coremachine::postgres {

/// Appends to one output. Nothing of it is in memory: which keys there are, and whether it was sealed or dropped, the
/// database knows. Who appends while somebody seals waits until it is known what comes of that. If sealing fails,
/// wherever it does, appending and sealing go on with all that was there.
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
  Result<std::uint64_t> begin_append();
  bool has_ended_since(std::uint64_t seals);
  Result<Pinned> try_to_seal();
  Result<Pinned> copy_to_artifact();
  Result<void> reopen();

  std::shared_ptr<ArtifactShelf> shelf_;
  std::shared_ptr<AppendQueue> queue_;
  const std::string called_;  ///< in messages
  std::int64_t number_ = 0;
  std::int64_t generation_ = 0;  ///< of what is appended
  std::int64_t sealed_ = 0;      ///< the generation while it is sealed here, and afterwards
  std::atomic<bool> over_ = false;
  std::mutex mutex_;
  std::condition_variable settled_;
  bool sealing_ = false;        ///< one of the threads does
  std::uint64_t seals_ = 0;     ///< that were begun
  bool may_be_sealed_ = false;  ///< in the database, by one that failed
};

/// Of ArtifactStore, for any server.
Result<void> drop_outputs(ArtifactShelf& shelf, JobId job);
Result<std::vector<JobId>> jobs_with_outputs(ArtifactShelf& shelf);

}  // namespace coremachine::postgres
