#include "core/store/sqlite/gathering_vfs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "core/store/sqlite/connection.hpp"
#include "tests/store/sqlite_fixture.hpp"
#include "tests/support/faulty_vfs.hpp"

namespace coremachine {
namespace {

using namespace store_tests;
namespace files = std::filesystem;

/// A log that is opened with a VFS as SQLite does it, and what ought to be in it.
class OpenLog {
 public:
  /// Beside the file of a database, whose mode it takes.
  OpenLog(const std::string& vfs, const std::string& database) : path_(database + "-wal") {
    std::ofstream{database};
    auto* const found = sqlite3_vfs_find(vfs.c_str());
    REQUIRE(found != nullptr);
    room_.resize(static_cast<std::size_t>(found->szOsFile) / sizeof(std::max_align_t) + 1);
    int granted = 0;
    REQUIRE(found->xOpen(found, path_.c_str(), file(), SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                         &granted) == SQLITE_OK);
  }
  ~OpenLog() { file()->pMethods->xClose(file()); }
  OpenLog(const OpenLog&) = delete;
  OpenLog& operator=(const OpenLog&) = delete;

  int write(std::size_t at, const std::string& bytes) {
    if (content_.size() < at + bytes.size()) content_.resize(at + bytes.size());
    content_.replace(at, bytes.size(), bytes);
    return file()->pMethods->xWrite(file(), bytes.data(), static_cast<int>(bytes.size()),
                                    static_cast<sqlite3_int64>(at));
  }
  int truncate(std::size_t size) {
    content_.resize(size);
    return file()->pMethods->xTruncate(file(), static_cast<sqlite3_int64>(size));
  }
  int sync() { return file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL); }
  bool reads_back(std::size_t at, std::size_t size) {
    std::string read(size, '?');
    const int code =
        file()->pMethods->xRead(file(), read.data(), static_cast<int>(size), static_cast<sqlite3_int64>(at));
    return code == SQLITE_OK && content_.compare(at, size, read) == 0;
  }
  std::size_t told_size() {
    sqlite3_int64 size = -1;
    REQUIRE(file()->pMethods->xFileSize(file(), &size) == SQLITE_OK);
    return static_cast<std::size_t>(size);
  }
  const std::string& content() const { return content_; }
  std::string on_disk() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(room_.data()); }

  std::string path_;
  std::vector<std::max_align_t> room_;
  std::string content_;
};

std::string some_bytes(std::mt19937& random, std::size_t most) {
  std::string bytes(1 + random() % most, '\0');
  std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<char>(random()); });
  return bytes;
}

}  // namespace

TEST_SUITE("store: gathering vfs") {
  TEST_CASE("a log is what was written to it, whatever the order of writes, reads and syncs") {
    for (unsigned seed = 1; seed <= 40; ++seed) {
      CAPTURE(seed);
      std::mt19937 random(seed);
      TemporaryFolder folder;
      const sqlite::GatheringVfs vfs("");
      OpenLog log(vfs.name(), folder / "a.db");
      std::size_t end = 0;
      for (int step = 0; step < 200; ++step) {
        const auto size = log.content().size();
        switch (random() % 10) {
          case 0: end = size > 0 ? random() % size : 0; break;  // the next write begins anew
          case 1: REQUIRE(log.told_size() == size); break;
          case 2:
            if (size == 0) break;
            REQUIRE(log.truncate(random() % size) == SQLITE_OK);
            end = std::min(end, log.content().size());
            break;
          case 3:
            if (size == 0) break;
            {
              const auto at = random() % size;
              REQUIRE(log.reads_back(at, 1 + random() % (size - at)));
            }
            break;
          case 4:
            REQUIRE(log.sync() == SQLITE_OK);
            REQUIRE(log.on_disk() == log.content());
            break;
          default: {
            // A few are longer than what is written, or kept back, in one piece.
            const auto bytes = some_bytes(random, random() % 16 == 0 ? 1'500'000 : 5000);
            REQUIRE(log.write(end, bytes) == SQLITE_OK);
            end += bytes.size();
          }
        }
      }
      REQUIRE(log.sync() == SQLITE_OK);
      CHECK(log.on_disk() == log.content());
    }
  }

  TEST_CASE("what a full disk did not take is there after the next sync that it takes") {
    for (const std::uint64_t room : {0U, 1U, 4096U, 65'535U, 65'536U, 100'000U}) {
      CAPTURE(room);
      std::mt19937 random(7);
      TemporaryFolder folder;
      FaultyVfs disk;
      const sqlite::GatheringVfs vfs(disk.name());
      OpenLog log(vfs.name(), folder / "a.db");
      std::size_t end = 0;
      const auto go_on = [&] {
        const auto bytes = some_bytes(random, 9000);
        REQUIRE(log.write(end, bytes) == SQLITE_OK);
        end += bytes.size();
      };
      while (end < 200'000) go_on();
      disk.full_after(room);
      CHECK(log.sync() == SQLITE_FULL);
      CHECK(log.sync() == SQLITE_FULL);
      go_on();
      disk.heal();
      CHECK(log.sync() == SQLITE_OK);
      CHECK(log.on_disk() == log.content());
    }
  }

  TEST_CASE("a commit is one write and one sync") {
    TemporaryFolder folder;
    FaultyVfs disk;
    const auto store = open_store({.path = folder / "a.db", .vfs = disk.name()});
    const auto incarnation = store->begin_incarnation();
    REQUIRE(store->commit(nth_batch(1, incarnation)).has_value());
    for (CommitSequence n = 2; n < 10; ++n) {
      const auto writes = disk.writes_asked();
      const auto syncs = disk.syncs_asked();
      REQUIRE(store->commit(nth_batch(n, incarnation)).has_value());
      CHECK(disk.writes_asked() == writes + 1);
      CHECK(disk.syncs_asked() == syncs + 1);
    }
  }

  TEST_CASE("what was rolled back is not written over what another connection committed meanwhile") {
    for (const std::uint64_t room : {0U, 5000U, 70'000U}) {
      CAPTURE(room);
      TemporaryFolder folder;
      const auto path = folder / "a.db";
      FaultyVfs disk;
      sqlite::Connection writer(path, disk.name(), sqlite::Connection::Role::writer);
      writer.execute("PRAGMA journal_mode = WAL; CREATE TABLE t (x)");
      disk.full_after(room);
      CHECK_THROWS_AS(writer.execute("INSERT INTO t VALUES (randomblob(200000))"), sqlite::SqliteError);
      // A person makes room.
      store_tests::Shell shell(path);
      shell.rows("INSERT INTO t VALUES ('of the shell')");
      disk.heal();
      writer.execute("INSERT INTO t VALUES ('of the writer')");
      const std::vector<std::vector<std::string>> both{{"of the shell"}, {"of the writer"}};
      CHECK(shell.rows("SELECT x FROM t ORDER BY rowid") == both);
      files::copy_file(path, folder / "b.db");  // as a crash would leave it
      files::copy_file(path + "-wal", folder / "b.db-wal");
      store_tests::Shell after_crash(folder / "b.db");
      CHECK(after_crash.rows("SELECT x FROM t ORDER BY rowid") == both);
      CHECK(after_crash.rows("PRAGMA integrity_check") == std::vector<std::vector<std::string>>{{"ok"}});
    }
  }

  TEST_CASE("a base that is not there is named") {
    try {
      const sqlite::GatheringVfs vfs("nowhere");
      FAIL("it was taken");
    } catch (const Failure& failure) {
      CHECK(failure.error().message == "SQLite has no VFS \"nowhere\"");
    }
  }
}

}  // namespace coremachine
