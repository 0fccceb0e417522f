#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/ports/artifacts.hpp"
#include "core/store/files/file_calls.hpp"

namespace coremachine {

struct ArtifactFilesOptions {
  std::string root;                     ///< for the store `sqlite:PATH` it is `PATH-artifacts`
  bool must_exist = false;              ///< for tools that look at a store: they make none
  std::function<Timestamp()> now = {};  ///< the time that new artifacts get; empty: the system's
  files::FileCalls* calls = nullptr;    ///< empty: the system's; lives longer than the store and all it gave out
};

/// Opens the artifact store in the directory `root` for this process alone, and removes what a crash left half-written.
/// The directory is made if it is not there, in a directory that is. It is locked until the store and everything that
/// it gave out for writing is gone.
/// store_missing: must_exist, and it does not. store_locked: another process has it open, or this one.
/// store_damaged: it is a directory, but no artifact store. invalid_argument: there is no directory for it, or a newer
/// program wrote it. store_full, store_failed: the system refuses.
Result<std::unique_ptr<ArtifactStore>> open_artifact_files(const ArtifactFilesOptions& options);

/// Copies all that is in one artifact store, which nobody writes to meanwhile; durable when it returns success.
/// invalid_argument: `to` is there already. If it fails otherwise, a part of the copy is left.
Result<void> copy_artifact_files(const std::string& from, const std::string& to);

}  // namespace coremachine
