#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/artifact.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>

namespace coremachine {

/// The error of an artifact that is not there.
inline constexpr ErrorCode artifact_missing = ErrorCode::store_missing;

/// An artifact that cannot be collected or removed as long as `pin` or a copy of it lives.
/// Whoever stores content keeps this until what refers to it is committed.
struct Pinned {
  ArtifactInfo info;
  std::shared_ptr<const void> pin;
};

/// Takes content piece by piece. One thread at a time. What was not finished is dropped with the writer.
class ArtifactWriter {
 public:
  virtual ~ArtifactWriter() = default;
  ArtifactWriter() = default;
  ArtifactWriter(const ArtifactWriter&) = delete;
  ArtifactWriter& operator=(const ArtifactWriter&) = delete;

  /// store_full, store_failed: nothing is left of what was written, and `finish` says the same again.
  virtual Result<void> write(std::string_view bytes) = 0;
  /// Ends the content; once. Durable when it returns success. Content that is stored already is kept as it is, with
  /// its media type; only its age begins anew.
  virtual Result<Pinned> finish() = 0;
};

/// Reads one artifact, also while and, for a good while, after it is removed. One thread at a time.
class ArtifactReader {
 public:
  virtual ~ArtifactReader() = default;
  ArtifactReader() = default;
  ArtifactReader(const ArtifactReader&) = delete;
  ArtifactReader& operator=(const ArtifactReader&) = delete;

  virtual const ArtifactInfo& info() const = 0;
  std::uint64_t size() const { return info().size; }

  /// Reads n bytes from `offset` on, fewer only at the end, none beyond it. A reader that goes from 0 to the end in
  /// order checks the content on its way: if it is not what it was, the read that gets to the end is store_damaged.
  virtual Result<std::size_t> read(std::uint64_t offset, char* to, std::size_t n) = 0;
  /// The whole content, checked. invalid_argument: it has more than `limit` bytes.
  Result<std::string> read_all(std::uint64_t limit);
};

/// One record of an output: what `key` has to say. `bytes` are lines of JSON; the last needs no newline.
struct OutputRecord {
  std::string_view key;
  std::string_view bytes;
};

inline constexpr std::size_t max_output_key_size = 1024;
inline constexpr std::size_t max_output_record_size = std::size_t{64} << 20U;

/// An output of a job that grows record by record, and becomes an artifact in the end. Any thread.
///
/// A key counts once: a record whose key was appended before, also before a restart, is ignored, so that a task that
/// runs again does not write twice. It costs 50 bytes of memory at most for each key. All appenders of one (job, name)
/// that are in use are the same output.
class ArtifactAppender {
 public:
  virtual ~ArtifactAppender() = default;
  ArtifactAppender() = default;
  ArtifactAppender(const ArtifactAppender&) = delete;
  ArtifactAppender& operator=(const ArtifactAppender&) = delete;

  /// How many of the records were new. All of them are durable when it returns success; threads that append at the
  /// same time share a sync. store_full: none of these records was kept; they may be given again.
  /// store_failed: it is not known what was kept, and the store takes nothing more. wrong_state: sealed or dropped.
  /// invalid_argument: a key or a record is too long, or the key is empty.
  virtual Result<std::size_t> append(std::span<const OutputRecord> records) = 0;
  Result<std::size_t> append(std::string_view key, std::string_view bytes);

  /// Makes an artifact of the records in the order in which they came, with the media type `application/x-ndjson`.
  /// After that this appender and its companions take nothing more. If it fails, they go on as before.
  /// The records stay until `drop_outputs`: whoever opens the output anew goes on where it was, and sealing it again
  /// with nothing added gives the same artifact.
  virtual Result<Pinned> seal() = 0;
};

struct ArtifactStats {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;  ///< of content
};

/// Which artifacts to collect. One call looks at `max` of them, in the order of their ids from after `after`; or at the
/// ones that it names, of which some may be gone.
struct CollectRequest {
  /// Asked of each that could go; may be slow, must not call `collect` or `remove`. What it throws ends the call.
  std::function<bool(const ArtifactId&)> is_referenced;
  Timestamp older_than{};
  std::optional<ArtifactId> after = {};
  std::size_t max = 1000;
  std::vector<ArtifactId> these = {};
};

struct Collected {
  std::uint64_t examined = 0;
  std::uint64_t removed = 0;
  std::uint64_t bytes = 0;              ///< of the content that was removed
  std::optional<ArtifactId> next = {};  ///< the `after` of the next call; nothing at the end
};

/// Large values beside the store, by the hash of their content. Any thread may call it; what it gives out may outlive
/// it. In every function store_full says that the disk is full and nothing was changed; store_failed, that the system
/// refuses. After a sync failed of what cannot be thrown away, everything that writes is store_failed from then on.
class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;
  ArtifactStore() = default;
  ArtifactStore(const ArtifactStore&) = delete;
  ArtifactStore& operator=(const ArtifactStore&) = delete;

  /// invalid_argument: that is no media type.
  virtual Result<std::unique_ptr<ArtifactWriter>> begin(std::string_view media_type) = 0;
  Result<Pinned> put(std::string_view bytes, std::string_view media_type);

  /// Pins what is stored already, for those who are about to refer to it. artifact_missing.
  virtual Result<Pinned> pin(const ArtifactId& id) = 0;
  /// artifact_missing; store_damaged where that can be seen without reading it through.
  virtual Result<std::unique_ptr<ArtifactReader>> open(const ArtifactId& id) const = 0;
  /// The same errors.
  virtual Result<ArtifactInfo> info(const ArtifactId& id) const = 0;
  /// Whether or not anybody refers to it. artifact_missing; wrong_state: it is pinned.
  virtual Result<void> remove(const ArtifactId& id) = 0;
  /// In the order of their ids, from after `after`; none only at the end. One that `open` calls damaged is there too,
  /// without media type.
  virtual Result<std::vector<ArtifactInfo>> list(const std::optional<ArtifactId>& after, std::size_t limit) const = 0;
  /// The first call counts; from then on it is known.
  virtual Result<ArtifactStats> stats() const = 0;
  /// Removes what is not pinned, older than asked, and referred to by nobody. What is stored or pinned while
  /// `is_referenced` thinks about it stays.
  virtual Result<Collected> collect(const CollectRequest& request) = 0;

  /// Why nothing is taken any more; nothing as long as all is well.
  virtual std::optional<Error> broken() const = 0;

  /// The output `name` of a job, made if there is none. invalid_name; store_damaged: records that were durable cannot
  /// be read. What a crash left half-written at its end is cut off.
  virtual Result<std::shared_ptr<ArtifactAppender>> output(JobId job, std::string_view name) = 0;
  /// Forgets the records of all outputs of a job; artifacts made of them stay.
  virtual Result<void> drop_outputs(JobId job) = 0;
  /// Ascending.
  virtual Result<std::vector<JobId>> jobs_with_outputs() const = 0;
};

/// The rules of `begin`, `append` and `output`, for those who implement them.
std::optional<Error> fault_of_media_type(std::string_view media_type);
std::optional<Error> fault_of_records(std::span<const OutputRecord> records);
std::optional<Error> fault_of_output_name(std::string_view name);
Error missing_artifact(const ArtifactId& id);
Error pinned_artifact(const ArtifactId& id);

inline constexpr std::string_view output_media_type = "application/x-ndjson";

}  // namespace coremachine
