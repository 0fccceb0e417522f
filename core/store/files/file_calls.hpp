#pragma once

#include <cstddef>

#include <sys/types.h>

namespace coremachine::files {

/// The system calls in which a full or a failing disk shows itself. A test puts its own in their place.
/// They return what the system's own return, and set errno.
class FileCalls {
 public:
  virtual ~FileCalls() = default;
  /// A new file, for reading and writing.
  virtual int create(const char* path);
  virtual int make_directory(const char* path);
  virtual ssize_t write(int descriptor, const char* from, std::size_t n, off_t at);
  virtual ssize_t read(int descriptor, char* to, std::size_t n, off_t at);
  virtual int sync(int descriptor);
  virtual int rename(const char* from, const char* to);
};

FileCalls& system_calls();

}  // namespace coremachine::files
