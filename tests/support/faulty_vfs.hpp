#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace coremachine::support {

/// A disk that fails when it is told to: the usual SQLite VFS, with a hand on its writes and syncs. Registered under a
/// name of its own while it lives; close what uses it first.
class FaultyVfs {
 public:
  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  const std::string& name() const;

  /// After so many more bytes the disk is full; the write that crosses the line is cut there.
  void full_after(std::uint64_t bytes);
  /// Every sync from now on fails, and what was to be synced may or may not be there.
  void fail_syncs();
  /// All is well again.
  void heal();

  std::uint64_t bytes_written() const;
  std::uint64_t writes_asked() const;
  std::uint64_t syncs_asked() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace coremachine::support
