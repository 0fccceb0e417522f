#include <functional>

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include "core/store/sqlite/schema.hpp"
#include "tests/store/sqlite_fixture.hpp"

namespace coremachine {
namespace {

using namespace store_tests;
namespace files = std::filesystem;

template <class Act>
Error failure_of(const Act& act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.error();
  }
  FAIL("nothing was thrown");
  return {};
}

}  // namespace

TEST_SUITE("store: sqlite") {
  TEST_CASE("a store has one owner at a time, known by its process") {
    TemporaryFolder folder;
    const auto path = folder / "a.db";
    auto first = open_store({.path = path});
    const auto error = refusal({.path = path});
    CHECK(error.code == ErrorCode::store_locked);
    CHECK(contains(error.message, path));
    CHECK(contains(error.message, "process " + std::to_string(::getpid())));
    CHECK(refusal({.path = path, .must_exist = true}).code == ErrorCode::store_locked);
    // Another way to the same file is the same store.
    files::create_symlink(path, folder / "b.db");
    CHECK(refusal({.path = folder / "b.db"}).code == ErrorCode::store_locked);
    CHECK(refusal({.path = folder / "./a.db"}).code == ErrorCode::store_locked);
    first.reset();
    CHECK_NOTHROW(open_store({.path = folder / "b.db"}));
  }

  TEST_CASE("a process that dies lets go of its store, and what it committed is there") {
    TemporaryFolder folder;
    const auto path = folder / "a.db";
    int says[2];
    int hears[2];
    REQUIRE(::pipe(says) == 0);
    REQUIRE(::pipe(hears) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (const int end : {says[0], hears[1]}) ::close(end);  // so that it ends when its parent does
      auto opened = open_sqlite_store({.path = path});
      char word = 'n';
      if (opened) {
        const auto incarnation = (*opened)->begin_incarnation();
        if ((*opened)->commit(nth_batch(1, incarnation)) && (*opened)->commit(nth_batch(2, incarnation))) word = 'y';
      }
      const bool told = ::write(says[1], &word, 1) == 1;
      const bool asked = ::read(hears[0], &word, 1) == 1;
      ::_exit(told && asked ? 0 : 1);  // without closing anything
    }
    char word = 0;
    REQUIRE(::read(says[0], &word, 1) == 1);
    CHECK(word == 'y');
    const auto error = refusal({.path = path});
    CHECK(error.code == ErrorCode::store_locked);
    CHECK(contains(error.message, "process " + std::to_string(child)));
    REQUIRE(::write(hears[1], &word, 1) == 1);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    for (const int end : {says[0], says[1], hears[0], hears[1]}) ::close(end);

    const auto store = open_store({.path = path});
    CHECK(holds_batches(*store, 2));
    CHECK(store->check_format().empty());
  }

  TEST_CASE("wherever a crash cuts the log, whole batches are left") {
    TemporaryFolder folder;
    constexpr std::uint64_t batches = 6;
    {
      const auto store = open_store({.path = folder / "a.db"});
      const auto incarnation = store->begin_incarnation();
      for (std::uint64_t n = 1; n <= batches; ++n) REQUIRE(store->commit(nth_batch(n, incarnation, 6000)).has_value());
      files::copy_file(folder / "a.db", folder / "crashed.db");
      files::copy_file(folder / "a.db-wal", folder / "crashed.db-wal");
    }
    const auto file = contents(folder / "crashed.db");
    const auto log = contents(folder / "crashed.db-wal");
    REQUIRE(log.size() > 20'000);
    std::uint64_t least = batches;
    std::uint64_t most = 0;
    for (std::size_t size = log.size();; size -= std::min<std::size_t>(size, 4999)) {
      CAPTURE(size);
      files::remove(folder / "cut.db-shm");
      write_file(folder / "cut.db", file);
      write_file(folder / "cut.db-wal", log.substr(0, size));
      if (const auto opened = open_sqlite_store({.path = folder / "cut.db"})) {
        const auto& store = **opened;
        const auto left = store.last_commit();
        CHECK(holds_batches(store, left));
        CHECK(store.check_format().empty());
        least = std::min(least, left);
        most = std::max(most, left);
      }
      if (size == 0) break;
    }
    CHECK(most == batches);
    CHECK(least < batches);
  }

  TEST_CASE("what cannot be a store is refused, and left as it is") {
    TemporaryFolder folder;
    struct Case {
      std::string name;
      ErrorCode code;
      std::string says;
    };
    write_file(folder / "text.db", "these are not the pages you are looking for\n");
    write_file(folder / "long.db", std::string(50'000, 'x'));
    { Shell(folder / "foreign.db").rows("CREATE TABLE t (x); INSERT INTO t VALUES (1)"); }
    { Shell(folder / "other.db").rows("PRAGMA application_id = 77; PRAGMA user_version = 1"); }
    open_store({.path = folder / "newer.db"}).reset();
    { Shell(folder / "newer.db").rows("PRAGMA user_version = 4711"); }
    open_store({.path = folder / "lacking.db"}).reset();
    { Shell(folder / "lacking.db").rows("DROP TABLE outcome"); }
    open_store({.path = folder / "meta.db"}).reset();
    { Shell(folder / "meta.db").rows("DELETE FROM meta WHERE key = 'incarnation'"); }
    open_store({.path = folder / "header.db"}).reset();
    write_file(folder / "header.db", std::string(100, '\0') + contents(folder / "header.db").substr(100));
    open_store({.path = folder / "cut.db"}).reset();
    write_file(folder / "cut.db", contents(folder / "cut.db").substr(0, 9000));
    files::create_directory(folder / "folder.db");
    for (const auto& refused : std::vector<Case>{{"text.db", ErrorCode::store_damaged, "not a database"},
                                                 {"long.db", ErrorCode::store_damaged, "not a database"},
                                                 {"foreign.db", ErrorCode::store_damaged, "not a CoreMachine store"},
                                                 {"other.db", ErrorCode::store_damaged, "not a CoreMachine store"},
                                                 {"newer.db", ErrorCode::invalid_argument, "version 4711"},
                                                 {"lacking.db", ErrorCode::store_damaged, "lacks its outcome"},
                                                 {"meta.db", ErrorCode::store_damaged, "meta"},
                                                 {"header.db", ErrorCode::store_damaged, "damaged"},
                                                 {"cut.db", ErrorCode::store_damaged, "damaged"},
                                                 {"folder.db", ErrorCode::invalid_argument, "directory"},
                                                 {"no/such/a.db", ErrorCode::invalid_argument, "no directory"}}) {
      CAPTURE(refused.name);
      const auto path = folder / refused.name;
      const auto before = contents(path);
      const auto error = refusal({.path = path});
      CAPTURE(error.message);
      CHECK(error.code == refused.code);
      CHECK(contains(error.message, path));
      CHECK(contains(error.message, refused.says));
      CHECK(contents(path) == before);
    }
    CHECK(refusal({.path = ""}).code == ErrorCode::invalid_argument);
  }

  TEST_CASE("a tool that must find a store makes none") {
    TemporaryFolder folder;
    const auto missing = refusal({.path = folder / "none.db", .must_exist = true});
    CHECK(missing.code == ErrorCode::store_missing);
    CHECK(contains(missing.message, folder / "none.db"));
    CHECK(refusal({.path = folder / "no/such/none.db", .must_exist = true}).code == ErrorCode::store_missing);
    CHECK(!files::exists(folder / "none.db"));
    CHECK(!files::exists(folder / "none.db-lock"));
    write_file(folder / "empty.db", "");
    CHECK(refusal({.path = folder / "empty.db", .must_exist = true}).code == ErrorCode::store_damaged);
    CHECK(files::file_size(folder / "empty.db") == 0);
    open_store({.path = folder / "real.db"}).reset();
    CHECK_NOTHROW(open_store({.path = folder / "real.db", .must_exist = true}));
  }

  TEST_CASE("an empty file becomes a store") {
    TemporaryFolder folder;
    write_file(folder / "a.db", "");
    const auto store = open_store({.path = folder / "a.db"});
    CHECK(store->commit(nth_batch(1, store->begin_incarnation())).has_value());
    CHECK(store->stats().schema_version == sqlite::newest_version());
  }

  TEST_CASE("a store of an older version is brought up to date, with all that is in it") {
    TemporaryFolder folder;
    const auto path = folder / "a.db";
    {
      const auto store = open_store({.path = path});
      REQUIRE(store->commit(nth_batch(1, store->begin_incarnation())).has_value());
    }
    { Shell(path).rows("DROP INDEX outcome_counts; PRAGMA user_version = 1"); }
    const auto store = open_store({.path = path});
    CHECK(store->stats().schema_version == sqlite::newest_version());
    CHECK(holds_batches(*store, 1));
    CHECK(store->check_format().empty());
  }

  TEST_CASE("the file is set up so that it can shrink, is ours, and needs no log once it is closed") {
    TemporaryFolder folder;
    const auto path = folder / "a.db";
    auto store = open_store({.path = path});
    REQUIRE(store->commit(nth_batch(1, store->begin_incarnation())).has_value());
    {
      Shell shell(path);
      CHECK(shell.one("SELECT value FROM meta WHERE key = 'clean'") == "0");
    }
    store.reset();
    CHECK(!files::exists(path + "-wal"));
    CHECK(contents(path + "-lock").empty());
    Shell shell(path);
    CHECK(shell.one("SELECT value FROM meta WHERE key = 'clean'") == "1");
    CHECK(shell.one("PRAGMA auto_vacuum") == "2");
    CHECK(shell.one("PRAGMA page_size") == "4096");
    CHECK(shell.one("PRAGMA journal_mode") == "wal");
    CHECK(shell.one("PRAGMA user_version") == std::to_string(sqlite::newest_version()));
    CHECK(shell.one("PRAGMA application_id") == std::to_string(0x434D6163));
    CHECK(shell.one("SELECT count(*) FROM job") == std::to_string(1 + new_jobs));
  }

  TEST_CASE("bytes are those of the file and its log") {
    TemporaryFolder folder;
    const auto path = folder / "a.db";
    const auto store = open_store({.path = path});
    const auto incarnation = store->begin_incarnation();
    const auto before = store->stats().bytes;
    REQUIRE(store->commit(nth_batch(1, incarnation, 500'000)).has_value());
    const auto stats = store->stats();
    CHECK(stats.bytes >= before + 500'000);
    CHECK(stats.bytes == files::file_size(path) + files::file_size(path + "-wal"));
    CHECK(stats.location == path);
    CHECK(stats.kind == "sqlite");
  }

  TEST_CASE("the log is copied into the file before it grows without end") {
    TemporaryFolder folder;
    const auto path = folder / "a.db";
    const auto store = open_store({.path = path});
    const auto incarnation = store->begin_incarnation();
    for (std::uint64_t n = 1; n <= 60; ++n) REQUIRE(store->commit(nth_batch(n, incarnation, 1'000'000)).has_value());
    CHECK(files::file_size(path) > 40'000'000);
    CHECK(files::file_size(path + "-wal") < 30'000'000);
    CHECK(holds_batches(*store, 60));
  }

  TEST_CASE("a reader that stays does not stop the batches, and the log begins anew when it has gone") {
    TemporaryFolder folder;
    const auto path = folder / "a.db";
    const auto store = open_store({.path = path});
    const auto incarnation = store->begin_incarnation();
    std::uint64_t n = 0;
    const auto commit_some = [&](int batches) {
      for (int i = 0; i < batches; ++i) REQUIRE(store->commit(nth_batch(++n, incarnation, 2'000'000)).has_value());
    };
    commit_some(1);
    {
      Shell shell(path);
      shell.rows("BEGIN; SELECT count(*) FROM job");
      commit_some(80);
      CHECK(files::file_size(path + "-wal") > 150'000'000);
      CHECK(shell.one("SELECT count(*) FROM job") == std::to_string(1 + new_jobs));
    }
    commit_some(20);
    CHECK(files::file_size(path + "-wal") < 100'000'000);
    CHECK(holds_batches(*store, n));
  }

  TEST_CASE("a row that comes twice stops the store, and nothing of its batch is there") {
    const auto outcome_twice = [](Batch& batch) { batch.outcomes.push_back(batch.outcomes.front()); };
    const auto new_job_twice = [](Batch& batch) { batch.jobs[3] = nth_batch(1, batch.incarnation).jobs[5]; };
    for (const std::function<void(Batch&)>& damage : {std::function<void(Batch&)>(outcome_twice), {new_job_twice}}) {
      TemporaryFolder folder;
      const auto store = open_store({.path = folder / "a.db"});
      const auto incarnation = store->begin_incarnation();
      REQUIRE(store->commit(nth_batch(1, incarnation)).has_value());
      auto twice = nth_batch(2, incarnation);
      damage(twice);
      CHECK(store->commit(twice).error().code == ErrorCode::store_failed);
      CHECK(holds_batches(*store, 1));
      CHECK(store->commit(nth_batch(2, incarnation)).error().code == ErrorCode::store_failed);
      CHECK(failure_of([&] { store->begin_incarnation(); }).code == ErrorCode::store_failed);
      CHECK(holds_batches(*store, 1));
    }
  }

  TEST_CASE("a damaged page is found at the start after a crash, by a check, and by whoever reads it") {
    TemporaryFolder folder;
    const auto path = folder / "a.db";
    {
      const auto store = open_store({.path = path});
      const auto incarnation = store->begin_incarnation();
      for (std::uint64_t n = 1; n <= 50; ++n) REQUIRE(store->commit(nth_batch(n, incarnation, 2000)).has_value());
    }
    const auto root = std::stoul(Shell(path).one("SELECT rootpage FROM sqlite_schema WHERE name = 'outcome'"));
    auto bytes = contents(path);
    bytes.replace((root - 1) * 4096, 4096, 4096, '\xA5');
    write_file(path, bytes);
    {
      const auto store = open_store({.path = path});  // it was closed in order: only the schema is looked at
      CHECK(!store->check_format().empty());
      CHECK(failure_of([&] { store->read_outcomes(query_of(id_of(1), {1})); }).code == ErrorCode::store_damaged);
      CHECK(store->read_job(id_of(1)));
    }
    Shell(path).rows("UPDATE meta SET value = 0 WHERE key = 'clean'");
    const auto error = refusal({.path = path});
    CHECK(error.code == ErrorCode::store_damaged);
    CHECK(contains(error.message, path));
  }

  TEST_CASE("a row that was never written is refused by the name of its job") {
    TemporaryFolder folder;
    const auto path = folder / "a.db";
    const auto sound = [&] {
      files::remove(path);
      const auto store = open_store({.path = path});
      auto batch = nth_batch(1, store->begin_incarnation());
      batch.rounds = {encode_round(id_of(1), ClosedRound{})};
      DefinitionSegment definition;
      definition.round = 1;
      definition.count = 1;
      definition.body = make_text("[{}]");
      batch.definitions = {{id_of(1), definition}};
      REQUIRE(store->commit(batch).has_value());
    };
    const auto name = id_of(1).str();
    for (const std::string damage :
         {"UPDATE outcome SET offsets = '[1'", "UPDATE outcome SET offsets = '[1,2]'",
          "UPDATE outcome SET kind = 'odd'", "UPDATE outcome SET count = 0", "UPDATE outcome SET count = 5000",
          "UPDATE outcome SET due_ms = '[5]'", "UPDATE definition SET specs = '{}'",
          "UPDATE definition SET count = 9, specs = '[1]'", "UPDATE job SET status = 'odd'",
          "UPDATE round SET status = 'odd'"}) {
      CAPTURE(damage);
      sound();
      { Shell(path).rows(damage); }
      const auto store = open_store({.path = path});
      const auto error = failure_of([&] {
        store->read_outcomes(query_of(id_of(1), {1}));
        store->definition_heads(id_of(1), 1);
        store->read_job(id_of(1));
      });
      CHECK(error.code == ErrorCode::store_damaged);
      CHECK(contains(error.message, name));
    }
  }

  TEST_CASE("a backup is a store of its own, made while batches go on") {
    TemporaryFolder folder;
    const auto store = open_store({.path = folder / "a.db"});
    const auto incarnation = store->begin_incarnation();
    for (std::uint64_t n = 1; n <= 5; ++n) REQUIRE(store->commit(nth_batch(n, incarnation, 3000)).has_value());
    REQUIRE(store->backup(folder / "copy.db").has_value());
    REQUIRE(store->commit(nth_batch(6, incarnation)).has_value());
    {
      const auto copy = open_store({.path = folder / "copy.db", .must_exist = true});
      CHECK(holds_batches(*copy, 5));
      CHECK(copy->check_format().empty());
      CHECK(copy->commit(nth_batch(6, copy->begin_incarnation())).has_value());
    }
    CHECK(holds_batches(*store, 6));
    const auto before = contents(folder / "copy.db");
    const auto again = store->backup(folder / "copy.db");
    REQUIRE(again.has_error());
    CHECK(again.error().code == ErrorCode::invalid_argument);
    CHECK(contains(again.error().message, folder / "copy.db"));
    CHECK(contents(folder / "copy.db") == before);
    CHECK(store->backup(folder / "no/such/copy.db").error().code == ErrorCode::invalid_argument);
  }
}

}  // namespace coremachine
