#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/artifact.hpp>
#include <coremachine/model/error.hpp>

namespace coremachine {

// What handlers have of the artifact store. All of it throws Failure: store_full, store_failed, store_damaged for
// content that is not what was stored, store_missing for an artifact that is not there. It waits for the disk.

/// Content on its way into the store, piece by piece, never whole in memory. One thread at a time. What was not
/// finished is dropped.
class COREMACHINE_API NewArtifact {
 public:
  virtual ~NewArtifact();
  NewArtifact() = default;
  NewArtifact(const NewArtifact&) = delete;
  NewArtifact& operator=(const NewArtifact&) = delete;

  virtual void write(std::string_view bytes) = 0;
  /// Ends the content; once. The reference that stands for it; it is durable, and stays if the result names it.
  virtual json::object finish() = 0;
};

/// An artifact to read. One thread at a time.
class COREMACHINE_API ArtifactContent {
 public:
  virtual ~ArtifactContent();
  ArtifactContent() = default;
  ArtifactContent(const ArtifactContent&) = delete;
  ArtifactContent& operator=(const ArtifactContent&) = delete;

  virtual const ArtifactInfo& info() const = 0;
  std::uint64_t size() const { return info().size; }
  /// Up to n bytes from `offset` on; fewer only at the end. Who reads from 0 to the end in order has the content
  /// checked on the way.
  virtual std::size_t read(std::uint64_t offset, char* to, std::size_t n) = 0;
};

/// Where records of an output go; implemented by the machine.
class COREMACHINE_API OutputRecords {
 public:
  virtual ~OutputRecords();
  /// False: a record with this key was there already.
  virtual bool append(std::string_view key, std::string_view lines) = 0;
  virtual bool append(std::string_view key, const json::value& value) = 0;
};

/// Lines that the tasks of a stage put together, which are too many for their results: the job handler seals them into
/// one artifact when the stage is done. Any thread.
///
/// A key counts once for each task: what another attempt of the task appended under it stays, and is not appended
/// again. A record is durable when `append` returns, whatever becomes of the attempt.
class StageOutput {
 public:
  StageOutput(std::shared_ptr<OutputRecords> records, std::string task)
      : records_(std::move(records)), task_(std::move(task)) {}

  /// The value, as one line. False: this task has appended under this key before.
  bool append(std::string_view key, const json::value& value) { return records_->append(key_of(key), value); }
  /// For a task that has one record.
  bool append(const json::value& value) { return records_->append(task_, value); }
  /// Lines of text, up to 64 MiB, under one key; the last needs no newline.
  bool append_text(std::string_view key, std::string_view lines) { return records_->append(key_of(key), lines); }

 private:
  std::string key_of(std::string_view key) const { return (task_ + "/").append(key); }

  std::shared_ptr<OutputRecords> records_;
  std::string task_;
};

/// The artifact store as one call of a handler sees it; implemented by the machine. What is stored here stays at least
/// as long as the call, and from then on if what the call returned names it.
class COREMACHINE_API Artifacts {
 public:
  virtual ~Artifacts();
  /// The JSON text of a value becomes an artifact; returns the reference.
  virtual json::object keep(const json::value& value) = 0;
  virtual std::unique_ptr<NewArtifact> begin(std::string_view media_type) = 0;
  virtual std::unique_ptr<ArtifactContent> open(const ArtifactId& id) = 0;
  /// The value of which an artifact is the JSON text.
  virtual json::value load(const ArtifactReference& reference) = 0;
  /// The output of the tasks that this round defined.
  virtual std::shared_ptr<OutputRecords> output(std::uint32_t round, std::string_view name) = 0;
  virtual json::object seal(std::uint32_t round, std::string_view name) = 0;
};

/// What JobContext and TaskContext have in common.
class COREMACHINE_API ArtifactUser {
 public:
  /// Puts a value into the artifact store, and returns the reference that stands for it:
  /// `{"$artifact": id, "size": bytes, "media_type": …}`. Equal values are kept once.
  json::object artifact(const json::value& value) const { return artifacts().keep(value); }
  /// For content that is made piece by piece.
  std::unique_ptr<NewArtifact> new_artifact(std::string_view media_type = "application/json") const {
    return artifacts().begin(media_type);
  }
  /// What a reference stands for, to be read piece by piece. Throws Failure (invalid_argument) for what is none.
  std::unique_ptr<ArtifactContent> open_artifact(const json::value& reference) const;
  /// The same as a value, if it is JSON.
  json::value artifact_value(const json::value& reference) const;

 protected:
  explicit ArtifactUser(Artifacts* artifacts) : artifacts_(artifacts) {}
  Artifacts& artifacts() const;
  Artifacts* artifacts_or_null() const { return artifacts_; }

 private:
  Artifacts* artifacts_;
};

}  // namespace coremachine
