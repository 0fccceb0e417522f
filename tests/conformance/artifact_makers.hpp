#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/ports/store.hpp"
#include "core/store/files/artifact_files.hpp"
#include "core/store/memory/memory_artifacts.hpp"
#include "tests/support/temporary_directory.hpp"

namespace coremachine::artifact_tests {

inline constexpr Timestamp start_time{Milliseconds{1'700'000'000'123}};

/// A clock that stands until it is set.
class Clock {
 public:
  std::function<Timestamp()> reader() const {
    return [now = now_] { return *now; };
  }
  void advance(Milliseconds by) { *now_ += by; }
  Timestamp now() const { return *now_; }

 private:
  std::shared_ptr<Timestamp> now_ = std::make_shared<Timestamp>(start_time);
};

// Each of these makes a new, empty store of one kind. What the port promises is tested on all of them.

class InMemory {
 public:
  ArtifactStore& store() { return *store_; }
  Clock& clock() { return clock_; }
  void close() { store_.reset(); }

 private:
  Clock clock_;
  std::unique_ptr<ArtifactStore> store_ = make_memory_artifacts(clock_.reader());
};

/// Nothing waits for the disk: what is in the files is not changed by that.
inline files::FileCalls& unsynced_calls() {
  class Unsynced final : public files::FileCalls {
   public:
    int sync(int) override { return 0; }
  };
  static Unsynced calls;
  return calls;
}

class InFiles {
 public:
  InFiles() : InFiles(unsynced_calls()) {}
  explicit InFiles(files::FileCalls& calls) : calls_(&calls) { open(); }
  ArtifactStore& store() { return *store_; }
  Clock& clock() { return clock_; }
  void open() { store_ = open_artifact_files({.root = root(), .now = clock_.reader(), .calls = calls_}).value(); }
  void close() { store_.reset(); }
  void reopen() {
    close();
    open();
  }

  std::string root() const { return folder_.path() + "/store-artifacts"; }
  std::string path_of(const ArtifactId& id) const {
    const auto hex = id.str().substr(7);
    return root() + "/" + hex.substr(0, 2) + "/" + hex.substr(2, 2) + "/" + id.str();
  }

 private:
  support::TemporaryDirectory folder_;
  files::FileCalls* calls_;
  Clock clock_;
  std::unique_ptr<ArtifactStore> store_;
};

/// In a schema of its own of the server that the tests share; see tests/support/postgres/fixture.hpp.
class InPostgres {
 public:
  InPostgres();
  ~InPostgres();
  ArtifactStore& store() { return *artifacts_; }
  Clock& clock() { return clock_; }
  void open();
  void close() { artifacts_.reset(); }
  void reopen() {
    close();
    open();
  }
  const std::string& url() const { return url_; }
  Incarnation incarnation() const { return incarnation_; }

 private:
  Clock clock_;
  std::string url_;
  std::unique_ptr<Store> jobs_;  ///< which makes the schema
  Incarnation incarnation_ = 0;
  std::unique_ptr<ArtifactStore> artifacts_;
};

}  // namespace coremachine::artifact_tests

#define ALL_ARTIFACT_STORES InMemory, InFiles, InPostgres
