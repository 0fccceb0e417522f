#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace coremachine::resolve {

/// A program that is to be run to its end in a process group of its own.
struct ProcessPlan {
  std::string path;                        ///< absolute
  std::vector<std::string> arguments;      ///< with the program's name as the first
  std::vector<std::string> environment;    ///< NAME=VALUE; all there is
  std::string input = {};                  ///< its standard input, a file
  std::uint64_t memory = 0;                ///< of address space, in bytes; 0: no limit
  std::uint64_t output = 0;                ///< bytes of its standard output
  std::size_t complaint = 4096;            ///< how much of the end of its standard error is kept
  std::chrono::milliseconds grace{1'000};  ///< between SIGTERM and SIGKILL
  std::chrono::steady_clock::time_point deadline = {};
  std::function<bool()> wanted = {};  ///< asked a few dozen times a second; false: it is ended
};

/// How it ended.
struct ProcessEnd {
  enum class Kind : std::uint8_t {
    not_started,  ///< `code` is an errno
    exited,       ///< `code` is the status
    signalled,    ///< `code` is the signal
    too_late,     ///< ended at the deadline
    unwanted,     ///< ended since nobody wanted it
    too_much,     ///< ended since it printed more than it may
    lost,         ///< somebody else in this process took its status
  };
  Kind kind = Kind::exited;
  int code = 0;
  std::string output = {};
  std::string complaint = {};  ///< the end of its standard error, as valid UTF-8
};

/// Returns when the process was reaped and nothing of its group runs any more. Blocks the calling thread, which must
/// not end before; if this process dies, so does the other.
/// Throws std::system_error if there are no descriptors or no memory to begin with.
ProcessEnd run_process(const ProcessPlan& plan);

}  // namespace coremachine::resolve
