#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/ports/store.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/store/sqlite/sqlite_store.hpp"
#include "tests/support/temporary_directory.hpp"

namespace coremachine::store_tests {

/// A folder for one test, with names of files in it.
class TemporaryFolder {
 public:
  std::string operator/(const std::string& name) const { return directory_.path() + "/" + name; }

 private:
  support::TemporaryDirectory directory_;
};

// Each of these makes a new, empty store of one kind. What the port promises is tested on all of them.

class InMemory {
 public:
  Store& store() { return *store_; }

 private:
  std::unique_ptr<Store> store_ = make_memory_store();
};

class OnDisk {
 public:
  OnDisk() { open(); }
  Store& store() { return *store_; }
  void reopen() {
    store_.reset();
    open();
  }

 private:
  void open() { store_ = std::move(open_sqlite_store({.path = folder_ / "store.db"}).value()); }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace coremachine::store_tests
