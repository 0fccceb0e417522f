#include <doctest/doctest.h>

#include "tests/store/sqlite_fixture.hpp"
#include "tests/support/faulty_vfs.hpp"

namespace coremachine {
namespace {

using namespace store_tests;
namespace files = std::filesystem;

ErrorCode code_of(const Result<void>& done) {
  REQUIRE(done.has_error());
  return done.error().code;
}

/// More than the log may hold before it is copied into the file.
constexpr std::size_t much = 17'000'000;

}  // namespace

TEST_SUITE("store: sqlite faults") {
  TEST_CASE("a disk that is full writes nothing of a batch, and all of it when there is room again") {
    for (const std::uint64_t room : {0U, 1U, 23U, 24U, 100U, 4096U, 4120U, 5000U, 9000U, 20'000U, 60'000U}) {
      CAPTURE(room);
      TemporaryFolder folder;
      FaultyVfs disk;
      const auto path = folder / "a.db";
      const auto store = open_store({.path = path, .vfs = disk.name()});
      const auto incarnation = store->begin_incarnation();
      REQUIRE(store->commit(nth_batch(1, incarnation)).has_value());
      const auto batch = nth_batch(2, incarnation, 100'000);
      disk.full_after(room);
      for (int attempt = 0; attempt < 3; ++attempt) {
        CHECK(code_of(store->commit(batch)) == ErrorCode::store_full);
        CHECK(holds_batches(*store, 1));
      }
      disk.heal();
      CHECK(store->commit(batch).has_value());
      CHECK(holds_batches(*store, 2));
      CHECK(store->commit(nth_batch(3, incarnation)).has_value());
      CHECK(holds_batches(*store, 3));
      CHECK(store->check_format().empty());
    }
  }

  TEST_CASE("a full disk says so by its name") {
    TemporaryFolder folder;
    FaultyVfs disk;
    const auto store = open_store({.path = folder / "a.db", .vfs = disk.name()});
    const auto incarnation = store->begin_incarnation();
    disk.full_after(0);
    const auto done = store->commit(nth_batch(1, incarnation));
    REQUIRE(done.has_error());
    CHECK(contains(done.error().message, folder / "a.db"));
    CHECK(contains(done.error().message, "no room on the disk"));
    try {
      store->begin_incarnation();
      FAIL("a new incarnation was begun on a full disk");
    } catch (const Failure& failure) {
      CHECK(failure.error().code == ErrorCode::store_full);
    }
    CHECK(store->stats().incarnation == incarnation);
    disk.heal();
    CHECK(store->begin_incarnation() == incarnation + 1);
  }

  TEST_CASE("a batch that is larger than the cache leaves nothing behind on a full disk either") {
    TemporaryFolder folder;
    FaultyVfs disk;
    const auto path = folder / "a.db";
    const auto store = open_store({.path = path, .vfs = disk.name()});
    const auto incarnation = store->begin_incarnation();
    REQUIRE(store->commit(nth_batch(1, incarnation)).has_value());
    auto batch = nth_batch(2, incarnation);
    for (std::uint32_t i = 0; i < 5; ++i) batch.outcomes.emplace_back(id_of(2), outcome(100 + i, much));
    disk.full_after(5'000'000);
    CHECK(code_of(store->commit(batch)) == ErrorCode::store_full);
    CHECK(holds_batches(*store, 1));
    disk.heal();
    CHECK(store->commit(batch).has_value());
    CHECK(holds_batches(*store, 2));
    CHECK(store->check_format().empty());
  }

  TEST_CASE("a log that cannot be copied for want of room is no failure until it cannot grow") {
    TemporaryFolder folder;
    FaultyVfs disk;
    const auto store = open_store({.path = folder / "a.db", .vfs = disk.name()});
    const auto incarnation = store->begin_incarnation();
    REQUIRE(store->commit(nth_batch(1, incarnation, much)).has_value());
    disk.full_after(1'000'000);
    CHECK(code_of(store->commit(nth_batch(2, incarnation))) == ErrorCode::store_full);
    CHECK(holds_batches(*store, 1));
    disk.heal();
    CHECK(store->commit(nth_batch(2, incarnation)).has_value());
    CHECK(store->commit(nth_batch(3, incarnation, much)).has_value());
    CHECK(store->commit(nth_batch(4, incarnation, much)).has_value());
    CHECK(holds_batches(*store, 4));
    CHECK(store->check_format().empty());
  }

  TEST_CASE("a sync that failed is never tried again, and nothing is accepted after it") {
    TemporaryFolder folder;
    FaultyVfs disk;
    const auto path = folder / "a.db";
    {
      const auto store = open_store({.path = path, .vfs = disk.name()});
      const auto incarnation = store->begin_incarnation();
      REQUIRE(store->commit(nth_batch(1, incarnation)).has_value());
      disk.fail_syncs();
      CHECK(code_of(store->commit(nth_batch(2, incarnation))) == ErrorCode::store_failed);
      disk.heal();
      const auto syncs = disk.syncs_asked();
      const auto written = disk.bytes_written();
      CHECK(code_of(store->commit(nth_batch(2, incarnation))) == ErrorCode::store_failed);
      CHECK(code_of(store->commit(nth_batch(3, incarnation))) == ErrorCode::store_failed);
      CHECK_THROWS_AS(store->begin_incarnation(), Failure);
      CHECK_THROWS_AS(store->orphans(true), Failure);
      CHECK(store->last_commit() == 1);
      CHECK(disk.syncs_asked() == syncs);
      CHECK(disk.bytes_written() == written);
    }
    CHECK(Shell(path).one("SELECT value FROM meta WHERE key = 'clean'") == "0");
    // What came of the batch is known only now; in any case it is whole or not there.
    const auto store = open_store({.path = path});
    const auto last = store->last_commit();
    CHECK((last == 1 || last == 2));
    CHECK(holds_batches(*store, last));
    CHECK(store->check_format().empty());
    CHECK(store->commit(nth_batch(last + 1, store->begin_incarnation())).has_value());
  }

  TEST_CASE("closing a store whose sync failed writes nothing more") {
    TemporaryFolder folder;
    FaultyVfs disk;
    auto store = open_store({.path = folder / "a.db", .vfs = disk.name()});
    const auto incarnation = store->begin_incarnation();
    disk.fail_syncs();
    CHECK(code_of(store->commit(nth_batch(1, incarnation))) == ErrorCode::store_failed);
    disk.heal();
    CHECK_NOTHROW(store->list_jobs({}));  // a reader that closes must not copy the log either
    const auto written = disk.bytes_written();
    const auto syncs = disk.syncs_asked();
    store.reset();
    CHECK(disk.bytes_written() == written);
    CHECK(disk.syncs_asked() == syncs);
  }

  TEST_CASE("a sync that fails while the log is copied stops the store before the next batch") {
    TemporaryFolder folder;
    FaultyVfs disk;
    const auto path = folder / "a.db";
    {
      const auto store = open_store({.path = path, .vfs = disk.name()});
      const auto incarnation = store->begin_incarnation();
      REQUIRE(store->commit(nth_batch(1, incarnation, much)).has_value());
      disk.fail_syncs();
      CHECK(code_of(store->commit(nth_batch(2, incarnation))) == ErrorCode::store_failed);
      disk.heal();
      CHECK(code_of(store->commit(nth_batch(2, incarnation))) == ErrorCode::store_failed);
      CHECK(holds_batches(*store, 1));
    }
    const auto store = open_store({.path = path});
    CHECK(holds_batches(*store, 1));
    CHECK(store->check_format().empty());
  }

  TEST_CASE("after a crash the log is copied and synced anew before anything is added to it") {
    TemporaryFolder folder;
    FaultyVfs disk;
    {
      const auto store = open_store({.path = folder / "a.db", .vfs = disk.name()});
      const auto incarnation = store->begin_incarnation();
      REQUIRE(store->commit(nth_batch(1, incarnation)).has_value());
      disk.fail_syncs();
      CHECK(code_of(store->commit(nth_batch(2, incarnation))) == ErrorCode::store_failed);
    }
    // The disk still fails: a start that relied on the old log would not notice.
    CHECK(refusal({.path = folder / "a.db", .vfs = disk.name()}).code == ErrorCode::store_failed);
    disk.heal();
    const auto store = open_store({.path = folder / "a.db", .vfs = disk.name()});
    CHECK(holds_batches(*store, store->last_commit()));
    Shell shell(folder / "a.db");
    CHECK(shell.one("SELECT count(*) > 0 FROM job") == "1");
  }

  TEST_CASE("a store cannot be made on a full disk, and can when there is room") {
    TemporaryFolder folder;
    FaultyVfs disk;
    for (const std::uint64_t room : {0U, 4096U, 10'000U, 40'000U}) {
      CAPTURE(room);
      disk.full_after(room);
      CHECK(refusal({.path = folder / "a.db", .vfs = disk.name()}).code == ErrorCode::store_full);
    }
    disk.heal();
    const auto store = open_store({.path = folder / "a.db", .vfs = disk.name()});
    CHECK(store->commit(nth_batch(1, store->begin_incarnation())).has_value());
    CHECK(store->check_format().empty());
  }

  TEST_CASE("a backup that does not fit leaves no file") {
    TemporaryFolder folder;
    FaultyVfs disk;
    const auto store = open_store({.path = folder / "a.db", .vfs = disk.name()});
    const auto incarnation = store->begin_incarnation();
    REQUIRE(store->commit(nth_batch(1, incarnation, 100'000)).has_value());
    disk.full_after(20'000);
    CHECK(code_of(store->backup(folder / "copy.db")) == ErrorCode::store_full);
    CHECK(!files::exists(folder / "copy.db"));
    disk.heal();
    CHECK(store->backup(folder / "copy.db").has_value());
    CHECK(holds_batches(*open_store({.path = folder / "copy.db"}), 1));
  }
}

}  // namespace coremachine
