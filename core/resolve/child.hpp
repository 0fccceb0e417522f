#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <unistd.h>

namespace coremachine::resolve {

/// Owns a descriptor, which is above the three standard ones.
class Descriptor {
 public:
  Descriptor() = default;
  /// Takes over `number`; throws std::system_error, saying what could not be made, if it is negative.
  Descriptor(int number, const char* what);
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

struct Pipe {
  Descriptor from;
  Descriptor to;
};
Pipe make_pipe();

/// What the child does between fork and exec. All of it is ready before: only system calls are made there.
struct ChildPlan {
  const char* path = nullptr;
  char* const* arguments = nullptr;
  char* const* environment = nullptr;
  int input = -1;
  int output = -1;
  int complaint = -1;
  int failed = -1;  ///< takes the errno of what went wrong; closed when the program begins
  std::uint64_t memory = 0;
};

/// Starts it as the leader of a session, with no signals blocked or ignored. Returns its id; throws std::system_error
/// if there can be no other process.
pid_t start_child(const ChildPlan& plan);

}  // namespace coremachine::resolve
