#include "handlers/raster/disk_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include <coremachine/registry/task_handler.hpp>

#include "handlers/raster/tile_file.hpp"
#include "handlers/refusal.hpp"

namespace coremachine::builtin {

namespace {

constexpr std::size_t buffer_size = 1 << 20;

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

/// An attempt that was given up may still write when the next one does, also in another process.
std::string temporary_name(const std::string& path) {
  static std::atomic<std::uint64_t> count = 0;
  return path + "." + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".tmp";
}

void write_all(int file, const std::string& path, std::string_view bytes, std::int64_t offset) {
  while (!bytes.empty()) {
    const auto n = offset < 0 ? ::write(file, bytes.data(), bytes.size())
                              : ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail_writing(path, n < 0 ? errno : ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(n));
    if (offset >= 0) offset += n;
  }
}

void sync_directory(const std::string& path) {
  const int directory = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) fail_writing(path, errno);
  const int error = ::fsync(directory) == 0 ? 0 : errno;
  ::close(directory);
  // Some file systems cannot, and need not.
  if (error != 0 && error != EINVAL) fail_writing(path, error);
}

}  // namespace

void fail_writing(const std::string& path, int error) {
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  throw TaskFailure{.type = is_full ? "disk_full" : "io_error",
                    .message = quoted_path(path) + " cannot be written: " + std::generic_category().message(error)};
}

void fail_reading_scratch(const std::string& path, int error) {
  throw TaskFailure{.type = "io_error",
                    .message = "scratch space in " + quoted_path(path) +
                               " cannot be read: " + std::generic_category().message(error)};
}

NewFile::NewFile(std::string path) : path_(std::move(path)), temporary_(temporary_name(path_)) {
  constexpr mode_t mode = 0666;
  file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file_ < 0) fail_writing(temporary_, errno);
  buffer_.reserve(buffer_size);
}
NewFile::~NewFile() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void NewFile::write(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > buffer_size) flush();
  if (bytes.size() < buffer_size) {
    buffer_.append(bytes);
    return;
  }
  write_all(file_, temporary_, bytes, -1);
  written_ += bytes.size();
}

void NewFile::flush() {
  write_all(file_, temporary_, buffer_, -1);
  written_ += buffer_.size();
  buffer_.clear();
}

void NewFile::sync() {
  flush();
  if (::fsync(file_) != 0) fail_writing(temporary_, errno);
  const int closed = ::close(std::exchange(file_, -1));
  if (closed != 0) fail_writing(temporary_, errno);
}

void NewFile::publish_at(const std::string& place) {
  sync();
  if (::rename(temporary_.c_str(), place.c_str()) != 0) fail_writing(place, errno);
  temporary_.clear();
  sync_directory(directory_of(place));
}

bool NewFile::publish_as_new(const std::string& place) {
  publish();
  // Unlike a rename, a link does not replace what is there.
  if (::link(path_.c_str(), place.c_str()) != 0) {
    const int error = errno;
    if (error == EEXIST) return false;
    if (error != EPERM && error != ENOTSUP && error != EMLINK) fail_writing(place, error);
    // A file system without links: nearly the same.
    if (::access(place.c_str(), F_OK) == 0) return false;
    if (::rename(path_.c_str(), place.c_str()) != 0) fail_writing(place, errno);
  }
  sync_directory(directory_of(place));
  return true;
}

ScratchFile::ScratchFile(const std::string& directory) : directory_(directory) {
  const auto name = temporary_name(directory + "/scratch");
  constexpr mode_t mode = 0600;
  file_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file_ < 0) fail_writing(name, errno);
  ::unlink(name.c_str());
}
ScratchFile::~ScratchFile() {
  ::close(file_);
}

void ScratchFile::write(std::uint64_t offset, std::string_view bytes) {
  write_all(file_, directory_, bytes, static_cast<std::int64_t>(offset));
}

void ScratchFile::read(std::uint64_t offset, char* to, std::size_t n) const {
  while (n > 0) {
    const auto got = ::pread(file_, to, n, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail_reading_scratch(directory_, got < 0 ? errno : EIO);
    to += got;
    n -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
}

void read_exactly(const std::string& path, std::uint64_t offset, std::uint64_t bytes, std::string& to) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw DamagedTile{"it cannot be opened: " + std::generic_category().message(errno)};
  to.resize(bytes);
  std::uint64_t done = 0;
  while (done < bytes) {
    const auto got = ::pread(file, to.data() + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::uint64_t>(got);
  }
  ::close(file);
  if (done < bytes) throw DamagedTile{"it ends too early"};
}

bool is_same_file(const std::string& a, const std::string& b) {
  struct stat first {};
  struct stat second {};
  return ::stat(a.c_str(), &first) == 0 && ::stat(b.c_str(), &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace coremachine::builtin
