#include "core/store/sqlite/gathering_vfs.hpp"

#include <algorithm>
#include <atomic>
#include <new>

#include <sqlite3.h>

#include <coremachine/model/error.hpp>

namespace coremachine::sqlite {

namespace {
struct Log;
}

struct GatheringVfs::State {
  sqlite3_vfs vfs{};  // first: SQLite knows the address of this alone
  sqlite3_vfs* base = nullptr;
  std::string name = {};
  Log* log = nullptr;  ///< while it is open
};

namespace {

/// So much is kept back at most.
constexpr std::size_t most_gathered = std::size_t{1} << 20U;

/// In one call: SQLite itself writes no more than a page, and its VFS takes no more than 128 KiB.
constexpr std::size_t most_written = std::size_t{64} << 10U;

/// SQLite gives room for this and, behind it, for the file of the other VFS.
struct Log {
  sqlite3_file file;
  GatheringVfs::State* vfs;
  std::string gathered;
  sqlite3_int64 begin = 0;  ///< where `gathered` belongs

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  sqlite3_int64 end() const { return begin + static_cast<sqlite3_int64>(gathered.size()); }
  int flush() {
    int code = SQLITE_OK;
    std::size_t written = 0;
    while (code == SQLITE_OK && written < gathered.size()) {
      const auto size = std::min(gathered.size() - written, most_written);
      const auto at = begin + static_cast<sqlite3_int64>(written);
      code = real()->pMethods->xWrite(real(), gathered.data() + written, static_cast<int>(size), at);
      if (code == SQLITE_OK) written += size;
    }
    gathered.erase(0, written);
    begin += static_cast<sqlite3_int64>(written);
    return code;
  }
};

Log& log_of(sqlite3_file* file) {
  return *reinterpret_cast<Log*>(file);
}

int close(sqlite3_file* file) {
  auto& log = log_of(file);
  const int code = log.real()->pMethods->xClose(log.real());
  log.vfs->log = nullptr;
  log.~Log();  // with what was never synced: it is of no transaction that was committed
  return code;
}

int read(sqlite3_file* file, void* into, int size, sqlite3_int64 at) {
  auto& log = log_of(file);
  if (at < log.end() && at + size > log.begin) {
    if (const int code = log.flush(); code != SQLITE_OK) return code;
  }
  return log.real()->pMethods->xRead(log.real(), into, size, at);
}

int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  auto& log = log_of(file);
  const bool goes_on = at == log.end() && log.gathered.size() + static_cast<std::size_t>(size) <= most_gathered;
  if (!goes_on) {
    if (const int code = log.flush(); code != SQLITE_OK) return code;
    log.begin = at;
  }
  try {
    log.gathered.append(static_cast<const char*>(from), static_cast<std::size_t>(size));
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  return SQLITE_OK;
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  auto& log = log_of(file);
  if (const int code = log.flush(); code != SQLITE_OK) return code;
  return log.real()->pMethods->xTruncate(log.real(), size);
}

int sync(sqlite3_file* file, int flags) {
  auto& log = log_of(file);
  if (const int code = log.flush(); code != SQLITE_OK) return code;
  return log.real()->pMethods->xSync(log.real(), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  auto& log = log_of(file);
  if (const int code = log.flush(); code != SQLITE_OK) return code;
  return log.real()->pMethods->xFileSize(log.real(), size);
}

int lock(sqlite3_file* file, int level) {
  return log_of(file).real()->pMethods->xLock(log_of(file).real(), level);
}
int unlock(sqlite3_file* file, int level) {
  return log_of(file).real()->pMethods->xUnlock(log_of(file).real(), level);
}
int is_reserved(sqlite3_file* file, int* yes) {
  return log_of(file).real()->pMethods->xCheckReservedLock(log_of(file).real(), yes);
}
int control(sqlite3_file* file, int what, void* with) {
  return log_of(file).real()->pMethods->xFileControl(log_of(file).real(), what, with);
}
int sector_size(sqlite3_file* file) {
  return log_of(file).real()->pMethods->xSectorSize(log_of(file).real());
}
int traits(sqlite3_file* file) {
  return log_of(file).real()->pMethods->xDeviceCharacteristics(log_of(file).real());
}

constexpr sqlite3_io_methods log_methods = [] {
  sqlite3_io_methods methods{};
  methods.iVersion = 1;
  methods.xClose = close;
  methods.xRead = read;
  methods.xWrite = write;
  methods.xTruncate = truncate;
  methods.xSync = sync;
  methods.xFileSize = file_size;
  methods.xLock = lock;
  methods.xUnlock = unlock;
  methods.xCheckReservedLock = is_reserved;
  methods.xFileControl = control;
  methods.xSectorSize = sector_size;
  methods.xDeviceCharacteristics = traits;
  return methods;
}();

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* granted) {
  auto* state = reinterpret_cast<GatheringVfs::State*>(vfs);
  auto* base = state->base;
  if ((flags & SQLITE_OPEN_WAL) == 0) return base->xOpen(base, name, file, flags, granted);
  auto* log = new (file) Log{};
  log->real()->pMethods = nullptr;
  const int code = base->xOpen(base, name, log->real(), flags, granted);
  if (log->real()->pMethods) {
    log->file.pMethods = &log_methods;
    log->vfs = state;
    state->log = log;
  } else {
    log->~Log();  // SQLite takes the file for one that was never opened
    file->pMethods = nullptr;
  }
  return code;
}

}  // namespace

GatheringVfs::GatheringVfs(const std::string& base) : state_(std::make_unique<State>()) {
  static std::atomic<std::uint64_t> made = 0;
  state_->name = "coremachine-" + std::to_string(++made);
  state_->base = sqlite3_vfs_find(base.empty() ? nullptr : base.c_str());
  if (!state_->base) throw Failure(Error{ErrorCode::invalid_argument, "SQLite has no VFS \"" + base + "\""});
  state_->vfs = *state_->base;
  state_->vfs.pNext = nullptr;
  state_->vfs.zName = state_->name.c_str();
  state_->vfs.szOsFile = static_cast<int>(sizeof(Log)) + state_->base->szOsFile;
  state_->vfs.xOpen = open;
  if (sqlite3_vfs_register(&state_->vfs, 0) != SQLITE_OK) throw std::bad_alloc();
}

GatheringVfs::~GatheringVfs() {
  sqlite3_vfs_unregister(&state_->vfs);
}

void GatheringVfs::forget() {
  if (state_->log) state_->log->gathered.clear();
}

const std::string& GatheringVfs::name() const {
  return state_->name;
}

}  // namespace coremachine::sqlite
