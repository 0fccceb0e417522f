#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <coremachine/model/error.hpp>
#include <coremachine/model/time.hpp>

#include "core/store/files/file_calls.hpp"

namespace coremachine::files {

struct FileStatus {
  std::uint64_t size = 0;
  Timestamp modified{};
};

/// store_full for the error numbers of a disk that has no room, otherwise store_failed.
Error io_error(std::string_view what, const std::string& path, int number);

/// An open file; closed with the object. Its errors are those of `io_error`, naming the path.
class File {
 public:
  /// For reading and writing. The file is new; its directory is not synced.
  static Result<File> create(FileCalls& calls, std::string path);
  /// store_missing: it is not there.
  static Result<File> open(FileCalls& calls, std::string path, bool for_writing);

  File(File&& other) noexcept
      : calls_(other.calls_), path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(calls_, other.calls_);
    std::swap(path_, other.path_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File();

  /// All of the bytes. After an error some of them may be there.
  Result<void> write(std::string_view bytes, std::uint64_t at);
  /// As many as there are, at most n.
  Result<std::size_t> read(std::uint64_t at, char* to, std::size_t n) const;
  /// Once it failed, nobody knows what is on the disk: it must not be tried again.
  Result<void> sync();
  Result<void> truncate(std::uint64_t size);
  /// Sets when it was modified.
  Result<void> touch(Timestamp time);
  Result<FileStatus> status() const;
  const std::string& path() const { return path_; }

 private:
  File(FileCalls& calls, std::string path, int descriptor)
      : calls_(&calls), path_(std::move(path)), descriptor_(descriptor) {}

  FileCalls* calls_;
  std::string path_;
  int descriptor_;
};

Result<FileStatus> status_of(const std::string& path);  ///< store_missing: it is not there
/// Makes durable which names are in a directory.
Result<void> sync_directory(FileCalls& calls, const std::string& path);
/// One that exists already will do.
Result<void> make_directory(FileCalls& calls, const std::string& path);
Result<void> rename_file(FileCalls& calls, const std::string& from, const std::string& to);
/// One that is gone already will do.
Result<void> remove_file(const std::string& path);
/// An empty one, or one that is gone already.
Result<void> remove_directory(const std::string& path);

}  // namespace coremachine::files
