#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include <sys/types.h>

namespace coremachine::cli {

/// One side of a measurement, in a process of its own. This process must have no other threads when it is made.
class ChildProcess {
 public:
  /// Calls `body` in the new process, on this core if one is named. `body` serves until SIGTERM, and says first where
  /// it listens: with a line on standard output that ends in `:PORT`. Throws Failure if it ends without one.
  ChildProcess(std::optional<int> core, const std::function<void()>& body);
  /// SIGTERM; waits for its end.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  std::uint16_t port() const { return port_; }
  /// Its memory that lies in RAM and in no file.
  std::uint64_t resident_bytes() const;
  /// Seconds of all processors that it has used.
  double processor_seconds() const;

 private:
  ::pid_t process_ = -1;
  std::uint16_t port_ = 0;
};

/// Cores for the two sides; none where there is one only, or the system does not let us choose.
struct Cores {
  std::optional<int> server;
  std::optional<int> clients;
};
Cores choose_cores();
/// This thread, and those that it makes from now on.
bool run_on(int core);

}  // namespace coremachine::cli
