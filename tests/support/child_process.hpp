#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coremachine::support {

/// A process made by fork, and what it says line by line. Fork only while the calling process has one thread.
class ChildProcess {
 public:
  /// `body(say)` runs in the child; `say` sends a line. The child ends with status 0 after it, 99 if it throws.
  explicit ChildProcess(const std::function<void(const std::function<void(const std::string&)>& say)>& body);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// The next line; false when the child is gone.
  bool read_line(std::string& line);
  /// All lines until the child is gone.
  std::vector<std::string> read_all();
  void kill();
  /// Its wait status.
  int wait();

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
  int status_ = -1;
  std::string buffer_;
};

}  // namespace coremachine::support
