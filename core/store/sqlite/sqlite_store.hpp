#pragma once

#include <memory>
#include <string>

#include "core/ports/store.hpp"

namespace coremachine {

struct SqliteOptions {
  std::string path;
  bool must_exist = false;  ///< for tools that look at a store: they make none
  std::string vfs = {};     ///< the name of the SQLite VFS to use; empty: the usual one
};

/// Opens the store in the file `path` for this process alone; `path-lock` beside it says whose it is. Any thread may
/// call the store.
/// store_missing: must_exist, and it does not. store_locked: another process has it open. store_damaged: it is no
/// store, or a broken one. invalid_argument: there is no directory for it, or a newer program wrote it.
/// store_full, store_failed: the system refuses.
Result<std::unique_ptr<Store>> open_sqlite_store(const SqliteOptions& options);

/// For a program whose own SQLite it is, before the first store is opened: SQLite does not count the memory it takes,
/// for which it would lock a mutex that all connections share, twenty times a job.
void leave_sqlite_memory_uncounted();

}  // namespace coremachine
