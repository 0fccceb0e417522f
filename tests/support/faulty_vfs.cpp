#include "tests/support/faulty_vfs.hpp"

#include <atomic>
#include <limits>
#include <new>
#include <stdexcept>

#include <sqlite3.h>

namespace coremachine::support {

struct FaultyVfs::State {
  sqlite3_vfs vfs{};
  sqlite3_vfs* usual = nullptr;
  std::string name = {};
  std::atomic<std::uint64_t> room = std::numeric_limits<std::uint64_t>::max();
  std::atomic<bool> syncs_fail = false;
  std::atomic<std::uint64_t> written = 0;
  std::atomic<std::uint64_t> writes = 0;
  std::atomic<std::uint64_t> syncs = 0;
};

namespace {

/// SQLite gives room for this and, behind it, for the file of the usual VFS.
struct File {
  sqlite3_file base;
  FaultyVfs::State* state;
  sqlite3_file* real;
};

File& mine(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return mine(file).real;
}

int close(sqlite3_file* file) {
  return real(file)->pMethods->xClose(real(file));
}

int read(sqlite3_file* file, void* into, int size, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), into, size, at);
}

int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  auto& state = *mine(file).state;
  const auto wanted = static_cast<std::uint64_t>(size);
  auto room = state.room.load();
  const auto granted = wanted < room ? wanted : room;
  if (room != std::numeric_limits<std::uint64_t>::max()) state.room = room - granted;
  state.written += granted;
  ++state.writes;
  if (granted > 0) {
    const int code = real(file)->pMethods->xWrite(real(file), from, static_cast<int>(granted), at);
    if (code != SQLITE_OK) return code;
  }
  return granted == wanted ? SQLITE_OK : SQLITE_FULL;
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  return real(file)->pMethods->xTruncate(real(file), size);
}

int sync(sqlite3_file* file, int flags) {
  auto& state = *mine(file).state;
  ++state.syncs;
  if (state.syncs_fail) return SQLITE_IOERR_FSYNC;
  return real(file)->pMethods->xSync(real(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int is_reserved(sqlite3_file* file, int* yes) {
  return real(file)->pMethods->xCheckReservedLock(real(file), yes);
}
int control(sqlite3_file* file, int what, void* with) {
  return real(file)->pMethods->xFileControl(real(file), what, with);
}
int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int traits(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** at) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, at);
}
int shm_lock(sqlite3_file* file, int from, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), from, count, flags);
}
void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

sqlite3_io_methods make_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 2;  // shared memory, but no mapping of the file itself: every write is seen
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
  methods.xShmMap = shm_map;
  methods.xShmLock = shm_lock;
  methods.xShmBarrier = shm_barrier;
  methods.xShmUnmap = shm_unmap;
  return methods;
}

const sqlite3_io_methods methods = make_methods();

int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* granted) {
  auto* state = static_cast<FaultyVfs::State*>(vfs->pAppData);
  auto* opened = new (file) File{};
  opened->state = state;
  opened->real = reinterpret_cast<sqlite3_file*>(opened + 1);
  const int code = state->usual->xOpen(state->usual, name, opened->real, flags, granted);
  // Without methods SQLite takes the file for one that was never opened.
  opened->base.pMethods = code == SQLITE_OK || opened->real->pMethods ? &methods : nullptr;
  return code;
}

}  // namespace

FaultyVfs::FaultyVfs() : state_(std::make_unique<State>()) {
  static std::atomic<int> made = 0;
  state_->name = "faulty-" + std::to_string(++made);
  state_->usual = sqlite3_vfs_find(nullptr);
  state_->vfs = *state_->usual;  // everything but files is as usual
  state_->vfs.pNext = nullptr;
  state_->vfs.zName = state_->name.c_str();
  state_->vfs.szOsFile = static_cast<int>(sizeof(File)) + state_->usual->szOsFile;
  state_->vfs.pAppData = state_.get();
  state_->vfs.xOpen = open;
  if (sqlite3_vfs_register(&state_->vfs, 0) != SQLITE_OK) throw std::runtime_error("the faulty VFS was not taken");
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(&state_->vfs);
}

const std::string& FaultyVfs::name() const {
  return state_->name;
}
void FaultyVfs::full_after(std::uint64_t bytes) {
  state_->room = bytes;
}
void FaultyVfs::fail_syncs() {
  state_->syncs_fail = true;
}
void FaultyVfs::heal() {
  state_->room = std::numeric_limits<std::uint64_t>::max();
  state_->syncs_fail = false;
}
std::uint64_t FaultyVfs::bytes_written() const {
  return state_->written;
}
std::uint64_t FaultyVfs::writes_asked() const {
  return state_->writes;
}
std::uint64_t FaultyVfs::syncs_asked() const {
  return state_->syncs;
}

}  // namespace coremachine::support
