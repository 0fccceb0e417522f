#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace coremachine::builtin {

/// A file in the making, under a name that nobody else uses in the directory of `path`. What was not published goes
/// with the object. Throws TaskFailure: `disk_full`, or `io_error`.
class NewFile {
 public:
  explicit NewFile(std::string path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(std::string_view bytes);
  std::uint64_t size() const { return written_ + buffer_.size(); }
  /// On disk at `path`, in place of what was there.
  void publish() { publish_at(path_); }
  /// On disk at another path of the same file system, in place of what was there.
  void publish_at(const std::string& place);
  /// The same, unless there is something: then false. `path` stays behind as a second name of the file, by which
  /// whoever comes later knows that it was made here.
  bool publish_as_new(const std::string& place);

 private:
  void flush();
  void sync();
  std::string path_;
  std::string temporary_;
  int file_ = -1;
  std::string buffer_;
  std::uint64_t written_ = 0;
};

/// Scratch space without a name: gone with the object, whatever happens. Throws TaskFailure as NewFile.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& directory);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  void write(std::uint64_t offset, std::string_view bytes);
  void read(std::uint64_t offset, char* to, std::size_t n) const;

 private:
  std::string directory_;
  int file_ = -1;
};

/// Throws DamagedTile if there are not so many bytes.
void read_exactly(const std::string& path, std::uint64_t offset, std::uint64_t bytes, std::string& to);

/// Whether both are names of one file.
bool is_same_file(const std::string& a, const std::string& b);

/// Throws TaskFailure for errno. What is full may have room another time.
[[noreturn]] void fail_writing(const std::string& path, int error);
[[noreturn]] void fail_reading_scratch(const std::string& path, int error);

}  // namespace coremachine::builtin
