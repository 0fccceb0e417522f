#pragma once

#include <string>
#include <utility>

#include <coremachine/model/error.hpp>

namespace coremachine::sqlite {

/// Holds a file locked, with the number of this process in it. The kernel lets go when the process ends, however it
/// ends; the file itself stays, since removing it would race with whoever opens it next.
class LockFile {
 public:
  /// store_locked, naming `guarded` and the process that holds it; store_failed if the file cannot be made.
  static Result<LockFile> acquire(const std::string& path, const std::string& guarded);

  LockFile(LockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  LockFile& operator=(LockFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~LockFile();

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

/// Holds a database locked under whichever name it was found: a hard link has another lock file beside it. The
/// file is only locked, never written.
class InodeLock {
 public:
  /// store_locked if another process has it; store_missing or store_failed if it cannot be opened or made.
  static Result<InodeLock> acquire(const std::string& path, bool must_exist);

  InodeLock(InodeLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  InodeLock& operator=(InodeLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~InodeLock();

 private:
  explicit InodeLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace coremachine::sqlite
