#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include <coremachine/model/ids.hpp>

#include "core/model/batch.hpp"

namespace coremachine::runtime {

/// The texts of jobs that are over and were asked for lately: they change no more, unless somebody retries or deletes
/// the job, and that is a commit. Bounded in bytes; any thread.
///
///   const auto before = ended.commits();
///   read the job from the store; it is over
///   ended.keep(id, text, before);
class EndedJobs {
 public:
  using SharedText = std::shared_ptr<const std::string>;

  explicit EndedJobs(std::size_t most_bytes = std::size_t{8} << 20U) : most_bytes_(most_bytes) {}

  /// For a store that others write to as well: from now on nothing is kept.
  void turn_off();
  /// Null: it is not at hand.
  SharedText find(JobId job);
  std::uint64_t commits() const;
  /// What was read after `commits` came to this. Nothing is kept if there was a commit since: it may have been of this
  /// job; nor what is large.
  void keep(JobId job, SharedText text, std::uint64_t commits);
  /// This is on disk, and has been told to nobody yet.
  void note_commit(const Batch& batch);

 private:
  static constexpr std::size_t longest_text = std::size_t{16} << 10U;
  static constexpr std::size_t bytes_of_entry = 128;  ///< besides its text, about
  using Texts = std::unordered_map<JobId, SharedText>;
  void put(JobId job, SharedText text);

  const std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::uint64_t commits_ = 0;
  bool off_ = false;
  // What is in neither half goes first; what is found in the older one moves to the younger.
  Texts young_ = {};
  Texts old_ = {};
  std::size_t young_bytes_ = 0;
};

}  // namespace coremachine::runtime
