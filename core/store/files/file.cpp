#include "core/store/files/file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coremachine::files {

namespace {

constexpr mode_t file_mode = 0644;
constexpr mode_t directory_mode = 0755;

/// Again as long as a signal comes between.
template <class Call>
auto uninterrupted(const Call& call) {
  auto outcome = call();
  while (outcome < 0 && errno == EINTR) outcome = call();
  return outcome;
}

FileStatus from_system(const struct stat& status) {
  using namespace std::chrono;
  const auto since_epoch = seconds{status.st_mtim.tv_sec} + nanoseconds{status.st_mtim.tv_nsec};
  return {static_cast<std::uint64_t>(status.st_size), Timestamp{floor<Milliseconds>(since_epoch)}};
}

}  // namespace

int FileCalls::create(const char* path) {
  return ::open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, file_mode);
}
int FileCalls::make_directory(const char* path) {
  return ::mkdir(path, directory_mode);
}
ssize_t FileCalls::write(int descriptor, const char* from, std::size_t n, off_t at) {
  return ::pwrite(descriptor, from, n, at);
}
ssize_t FileCalls::read(int descriptor, char* to, std::size_t n, off_t at) {
  return ::pread(descriptor, to, n, at);
}
int FileCalls::sync(int descriptor) {
  return ::fsync(descriptor);
}
int FileCalls::rename(const char* from, const char* to) {
  return ::rename(from, to);
}

FileCalls& system_calls() {
  static FileCalls calls;
  return calls;
}

Error io_error(std::string_view what, const std::string& path, int number) {
  const bool is_full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  return Error{is_full ? ErrorCode::store_full : ErrorCode::store_failed,
               "cannot " + std::string(what) + " " + path + ": " + std::generic_category().message(number)};
}

Result<File> File::create(FileCalls& calls, std::string path) {
  const int descriptor = uninterrupted([&] { return calls.create(path.c_str()); });
  if (descriptor < 0) return io_error("make", path, errno);
  return File(calls, std::move(path), descriptor);
}

Result<File> File::open(FileCalls& calls, std::string path, bool for_writing) {
  const int flags = (for_writing ? O_RDWR : O_RDONLY) | O_CLOEXEC;
  const int descriptor = uninterrupted([&] { return ::open(path.c_str(), flags); });
  if (descriptor < 0 && errno == ENOENT) return Error{ErrorCode::store_missing, "there is no " + path};
  if (descriptor < 0) return io_error("open", path, errno);
  return File(calls, std::move(path), descriptor);
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> File::write(std::string_view bytes, std::uint64_t at) {
  while (!bytes.empty()) {
    const auto done =
        uninterrupted([&] { return calls_->write(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(at)); });
    if (done < 0) return io_error("write", path_, errno);
    if (done == 0) return io_error("write", path_, ENOSPC);
    bytes.remove_prefix(static_cast<std::size_t>(done));
    at += static_cast<std::uint64_t>(done);
  }
  return {};
}

Result<std::size_t> File::read(std::uint64_t at, char* to, std::size_t n) const {
  std::size_t got = 0;
  while (got < n) {
    const auto done =
        uninterrupted([&] { return calls_->read(descriptor_, to + got, n - got, static_cast<off_t>(at + got)); });
    if (done < 0) return io_error("read", path_, errno);
    if (done == 0) break;
    got += static_cast<std::size_t>(done);
  }
  return got;
}

Result<void> File::sync() {
  if (calls_->sync(descriptor_) != 0) return io_error("sync", path_, errno);
  return {};
}

Result<void> File::truncate(std::uint64_t size) {
  if (uninterrupted([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size)); }) != 0) {
    return io_error("cut", path_, errno);
  }
  return {};
}

Result<void> File::touch(Timestamp time) {
  using namespace std::chrono;
  const auto whole = floor<seconds>(time.time_since_epoch());
  timespec modified{};
  modified.tv_sec = static_cast<time_t>(whole.count());
  modified.tv_nsec = static_cast<long>(nanoseconds(time.time_since_epoch() - whole).count());
  timespec accessed{};
  accessed.tv_nsec = UTIME_OMIT;
  const std::array times{accessed, modified};
  if (::futimens(descriptor_, times.data()) != 0) return io_error("set the time of", path_, errno);
  return {};
}

Result<FileStatus> File::status() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) return io_error("look at", path_, errno);
  return from_system(status);
}

Result<FileStatus> status_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return from_system(status);
  if (errno == ENOENT) return Error{ErrorCode::store_missing, "there is no " + path};
  return io_error("look at", path, errno);
}

Result<void> sync_directory(FileCalls& calls, const std::string& path) {
  auto directory = File::open(calls, path, false);
  if (!directory) return directory.error();
  return directory->sync();
}

Result<void> make_directory(FileCalls& calls, const std::string& path) {
  if (calls.make_directory(path.c_str()) == 0 || errno == EEXIST) return {};
  return io_error("make", path, errno);
}

Result<void> rename_file(FileCalls& calls, const std::string& from, const std::string& to) {
  if (calls.rename(from.c_str(), to.c_str()) == 0) return {};
  return io_error("make", to, errno);
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return io_error("remove", path, errno);
}

Result<void> remove_directory(const std::string& path) {
  if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
  return io_error("remove", path, errno);
}

}  // namespace coremachine::files
