#include "core/store/sqlite/gathering_vfs.hpp"

#include <algorithm>
#include <atomic>
#include <new>

#include <sqlite3.h>

#include <coremachine/model/error.hpp>

namespace coremachine::sqlite {

namespace {
struct File;
}

struct GatheringVfs::State {
  sqlite3_vfs vfs{};  // first: SQLite knows the address of this alone
  sqlite3_vfs* base = nullptr;
  std::string name = {};
  File* log = nullptr;  ///< while it is open
};

namespace {

/// So much is kept back at most.
constexpr std::size_t most_gathered = std::size_t{1} << 20U;

/// In one call: SQLite itself writes no more than a page, and its VFS takes no more than 128 KiB.
constexpr std::size_t most_written = std::size_t{64} << 10U;

/// A log or a database. SQLite gives room for this and, behind it, for the file of the other VFS.
struct File {
  sqlite3_file file;
  GatheringVfs::State* vfs;
  std::string gathered;
  sqlite3_int64 begin = 0;  ///< where `gathered` belongs

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  const sqlite3_io_methods& methods() { return *real()->pMethods; }
  bool is_log() const { return vfs->log == this; }
  sqlite3_int64 end() const { return begin + static_cast<sqlite3_int64>(gathered.size()); }
  int flush() {
    int code = SQLITE_OK;
    std::size_t written = 0;
    while (code == SQLITE_OK && written < gathered.size()) {
      const auto size = std::min(gathered.size() - written, most_written);
      const auto at = begin + static_cast<sqlite3_int64>(written);
      code = methods().xWrite(real(), gathered.data() + written, static_cast<int>(size), at);
      if (code == SQLITE_OK) written += size;
    }
    // A checkpoint that fails is made anew as a whole.
    if (!is_log()) written = gathered.size();
    gathered.erase(0, written);
    begin += static_cast<sqlite3_int64>(written);
    return code;
  }
};

File& file_of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}

int close(sqlite3_file* of) {
  auto& file = file_of(of);
  if (!file.is_log()) file.flush();
  const int code = file.methods().xClose(file.real());
  if (file.is_log()) file.vfs->log = nullptr;
  file.~File();  // with what of a log was never synced: it is of no transaction that was committed
  return code;
}

int read(sqlite3_file* of, void* into, int size, sqlite3_int64 at) {
  auto& file = file_of(of);
  if (at < file.end() && at + size > file.begin) {
    if (const int code = file.flush(); code != SQLITE_OK) return code;
  }
  return file.methods().xRead(file.real(), into, size, at);
}

int write(sqlite3_file* of, const void* from, int size, sqlite3_int64 at) {
  auto& file = file_of(of);
  const bool goes_on = at == file.end() && file.gathered.size() + static_cast<std::size_t>(size) <= most_gathered;
  if (!goes_on) {
    if (const int code = file.flush(); code != SQLITE_OK) return code;
    file.begin = at;
  }
  try {
    file.gathered.append(static_cast<const char*>(from), static_cast<std::size_t>(size));
  } catch (const std::bad_alloc&) {
    return SQLITE_IOERR_NOMEM;
  }
  return SQLITE_OK;
}

int truncate(sqlite3_file* of, sqlite3_int64 size) {
  auto& file = file_of(of);
  if (const int code = file.flush(); code != SQLITE_OK) return code;
  return file.methods().xTruncate(file.real(), size);
}

int sync(sqlite3_file* of, int flags) {
  auto& file = file_of(of);
  if (const int code = file.flush(); code != SQLITE_OK) return code;
  return file.methods().xSync(file.real(), flags);
}

int file_size(sqlite3_file* of, sqlite3_int64* size) {
  auto& file = file_of(of);
  if (const int code = file.flush(); code != SQLITE_OK) return code;
  return file.methods().xFileSize(file.real(), size);
}

int lock(sqlite3_file* of, int level) {
  return file_of(of).methods().xLock(file_of(of).real(), level);
}
int unlock(sqlite3_file* of, int level) {
  auto& file = file_of(of);
  const int code = file.flush();
  const int unlocked = file.methods().xUnlock(file.real(), level);
  return code != SQLITE_OK ? code : unlocked;
}
int is_reserved(sqlite3_file* of, int* yes) {
  return file_of(of).methods().xCheckReservedLock(file_of(of).real(), yes);
}
int control(sqlite3_file* of, int what, void* with) {
  return file_of(of).methods().xFileControl(file_of(of).real(), what, with);
}
int sector_size(sqlite3_file* of) {
  return file_of(of).methods().xSectorSize(file_of(of).real());
}
int traits(sqlite3_file* of) {
  return file_of(of).methods().xDeviceCharacteristics(file_of(of).real());
}

// The memory that connections share is of the database alone.

int shm_map(sqlite3_file* of, int region, int size, int extend, void volatile** at) {
  return file_of(of).methods().xShmMap(file_of(of).real(), region, size, extend, at);
}
int shm_lock(sqlite3_file* of, int offset, int count, int flags) {
  auto& file = file_of(of);
  // Of a checkpoint that goes on, all is synced by now. Of one that was broken off, no more counts than if it had not
  // been written; and with the lock goes the right to write it.
  if ((flags & SQLITE_SHM_UNLOCK) != 0) file.flush();
  return file.methods().xShmLock(file.real(), offset, count, flags);
}
void shm_barrier(sqlite3_file* of) {
  file_of(of).methods().xShmBarrier(file_of(of).real());
}
int shm_unmap(sqlite3_file* of, int remove) {
  return file_of(of).methods().xShmUnmap(file_of(of).real(), remove);
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

/// Without reading through a mapping, which would miss what is kept back.
constexpr sqlite3_io_methods database_methods = [] {
  auto methods = log_methods;
  methods.iVersion = 2;
  methods.xShmMap = shm_map;
  methods.xShmLock = shm_lock;
  methods.xShmBarrier = shm_barrier;
  methods.xShmUnmap = shm_unmap;
  return methods;
}();

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* granted) {
  auto* state = reinterpret_cast<GatheringVfs::State*>(vfs);
  auto* base = state->base;
  const bool is_log = (flags & SQLITE_OPEN_WAL) != 0;
  if (!is_log && (flags & SQLITE_OPEN_MAIN_DB) == 0) return base->xOpen(base, name, file, flags, granted);
  auto* made = new (file) File{};
  made->real()->pMethods = nullptr;
  const int code = base->xOpen(base, name, made->real(), flags, granted);
  if (made->real()->pMethods) {
    made->file.pMethods = is_log ? &log_methods : &database_methods;
    made->vfs = state;
    if (is_log) state->log = made;
  } else {
    made->~File();  // SQLite takes the file for one that was never opened
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
  state_->vfs.szOsFile = static_cast<int>(sizeof(File)) + state_->base->szOsFile;
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
