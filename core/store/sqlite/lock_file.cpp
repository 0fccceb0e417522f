#include "core/store/sqlite/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace coremachine::sqlite {
namespace {

Error cannot(const std::string& what, const std::string& path, int number) {
  return Error{ErrorCode::store_failed, "cannot " + what + " " + path + ": " + std::generic_category().message(number)};
}

/// " by process 123"; nothing if the holder has not written it yet.
std::string holder(int descriptor) {
  std::array<char, 32> digits{};
  const auto size = ::pread(descriptor, digits.data(), digits.size(), 0);
  std::string pid;
  for (const char c : std::string_view(digits.data(), size > 0 ? static_cast<std::size_t>(size) : 0)) {
    if (c < '0' || c > '9') break;
    pid += c;
  }
  return pid.empty() ? "" : " by process " + pid;
}

}  // namespace

Result<LockFile> LockFile::acquire(const std::string& path, const std::string& guarded) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return cannot("open the lock file", path, errno);
  LockFile lock(descriptor);
  int outcome = 0;
  do {
    outcome = ::flock(descriptor, LOCK_EX | LOCK_NB);
  } while (outcome != 0 && errno == EINTR);
  if (outcome != 0) {
    const int number = errno;
    const auto who = holder(descriptor);
    ::close(std::exchange(lock.descriptor_, -1));  // it is another's: its content stays
    if (number != EWOULDBLOCK) return cannot("lock", path, number);
    return Error{ErrorCode::store_locked, "the store " + guarded + " is open already" + who + " (" + path + ")"};
  }
  const auto pid = std::to_string(::getpid()) + "\n";
  // The number is for people; a disk that has no room for it still lets the lock be held.
  const bool written = ::ftruncate(descriptor, 0) == 0 && ::pwrite(descriptor, pid.data(), pid.size(), 0) > 0;
  static_cast<void>(written);
  return lock;
}

LockFile::~LockFile() {
  if (descriptor_ < 0) return;
  const bool emptied = ::ftruncate(descriptor_, 0) == 0;
  static_cast<void>(emptied);
  ::close(descriptor_);
}

Result<InodeLock> InodeLock::acquire(const std::string& path, bool must_exist) {
  const int descriptor = ::open(path.c_str(), must_exist ? O_RDWR | O_CLOEXEC : O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  // What may not be written is refused further on, by those who say more of it.
  if (descriptor < 0)
    return errno == EACCES || errno == EROFS ? Result<InodeLock>(InodeLock(-1))
                                             : Result<InodeLock>(cannot("open", path, errno));
  InodeLock lock(descriptor);
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return cannot("lock", path, errno);
  return Error{ErrorCode::store_locked, "the store " + path + " is open already, under another name of the file"};
}

// Closing it also ends the locks that this process holds on the file otherwise: it goes after everything else.
InodeLock::~InodeLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace coremachine::sqlite
