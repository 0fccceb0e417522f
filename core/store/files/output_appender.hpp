#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/store/files/output_log.hpp"
#include "core/store/files/shelf.hpp"

namespace coremachine::files {

/// Appends to the file of one output. There is one of these for each file that is open.
class OutputAppender final : public ArtifactAppender {
 public:
  /// Makes the file if it is not there, in a directory that is. Errors are those of ArtifactStore::output.
  static Result<std::shared_ptr<OutputAppender>> open(std::shared_ptr<Shelf> shelf, const std::string& path);

  Result<std::size_t> append(std::span<const OutputRecord> records) override;
  Result<Pinned> seal() override;

  /// From now on all is refused.
  void drop();
  /// Sealed: its output may be opened anew.
  bool is_over() const;

 private:
  enum class State : std::uint8_t { open, sealing, sealed, dropped };
  using KeyHash = std::array<std::uint64_t, 2>;
  struct Hash {
    std::size_t operator()(const KeyHash& key) const noexcept { return static_cast<std::size_t>(key[0]); }
  };

  OutputAppender(std::shared_ptr<Shelf> shelf, File file) : shelf_(std::move(shelf)), file_(std::move(file)) {}
  static KeyHash hash_of(std::string_view key);

  Result<void> recover();
  std::optional<Error> refusal() const;
  Result<void> write(std::string_view bytes);
  Result<void> sync_all(std::unique_lock<std::mutex>& lock);
  Result<Pinned> copy_to_artifact(std::uint64_t end);

  std::shared_ptr<Shelf> shelf_;
  File file_;
  mutable std::mutex mutex_;
  std::condition_variable synced_more_;
  State state_ = State::open;
  std::unordered_set<KeyHash, Hash> keys_;
  std::uint64_t end_ = output_header_size;  ///< of what is written
  std::uint64_t durable_ = 0;               ///< of what is synced
  std::uint64_t noted_ = 0;                 ///< what the header says of that
  bool is_syncing_ = false;                 ///< one of the threads is
  std::optional<Error> error_;              ///< a sync failed
};

}  // namespace coremachine::files
