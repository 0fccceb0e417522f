#pragma once

#include <memory>
#include <string>

namespace coremachine::sqlite {

/// Another SQLite VFS with one difference: what is written to a write-ahead log one piece behind the other goes to the
/// file in one call, before the next sync or read of that log through the same connection. SQLite writes each page of a
/// commit in two pieces; here a commit is one write, in pieces of 64 KiB, and one sync. Other connections do not miss what is kept back: they
/// look at nothing of the log that was not synced (`synchronous = FULL`).
///
/// What a write meets, a full disk say, is told by the call that makes it necessary: mostly `xSync`. It is kept then,
/// and tried again with the next one, so that the order of writes stays, until `forget` is called: after a rollback,
/// since another connection may write to that place from then on. What was not synced when a log is closed is dropped.
/// For one connection.
class GatheringVfs {
 public:
  /// `base`: the name of the other one; empty: the usual one.
  explicit GatheringVfs(const std::string& base);
  /// After all files that were opened with it are closed.
  ~GatheringVfs();
  GatheringVfs(const GatheringVfs&) = delete;
  GatheringVfs& operator=(const GatheringVfs&) = delete;

  /// For sqlite3_open_v2, as long as this lives.
  const std::string& name() const;
  /// What is kept back is not written any more: its transaction was rolled back.
  void forget();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace coremachine::sqlite
