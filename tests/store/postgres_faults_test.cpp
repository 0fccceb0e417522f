#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/store/postgres_fixture.hpp"
#include "tests/support/postgres/proxy.hpp"

// What a commit promises, when the way to the server or the server itself fails at any point of it: nothing that was
// accepted is lost, and nothing is there twice.

namespace coremachine {
namespace {

using namespace store_tests;
using support::PostgresProxy;
using support::PostgresServer;
using support::ProxyFault;
using Way = ProxyFault::Way;
using What = ProxyFault::What;

/// A store that is reached through a proxy, and the same schema without it.
struct Proxied {
  explicit Proxied(const std::string& patience = "30s") {
    const auto question = direct.find('?');
    url = "postgres://postgres@" + proxy.address() + "/postgres?" + PostgresProxy::parameters() +
          "&patience=" + patience + "&" + direct.substr(direct.find("schema=", question));
    store = open_postgres(url);
    incarnation = store->begin_incarnation();
  }
  std::string direct = new_url();
  PostgresProxy proxy{PostgresServer::shared().socket()};
  std::string url;
  std::unique_ptr<Store> store;
  Incarnation incarnation = 0;
};

/// Writes in every way there is, so that every kind of statement is in it; and never the same row twice.
Batch rich_batch(std::uint64_t n, Incarnation incarnation) {
  auto batch = nth_batch(n, incarnation);
  const auto round = static_cast<RoundNumber>(n);
  batch.discards = {{id_of(90'000), 1}};
  batch.rounds = {round_row(id_of(1), round)};
  batch.definitions = {{id_of(1), definitions(round, 0)}};
  batch.settings = {{"limit", "a", make_text(std::to_string(n))}, {"limit", "b", nullptr}};
  batch.keys = {{"k" + std::to_string(n), id_of(1), "f"}};
  batch.references = {{id_of(1), {}}};
  batch.deletes = {id_of(80'000)};
  batch.sweep = 4;
  return batch;
}

void check_holds(const Store& store, std::uint64_t n) {
  REQUIRE(holds_batches(store, n));
  CHECK(store.read_job(id_of(1))->rounds.size() == n);
  CHECK(store.find_key("k" + std::to_string(n)).has_value());
  CHECK(*store.read_settings("limit").at(0).value == std::to_string(n));
}

/// Commits batch after batch, each with the fault one message later, until a commit is over before it would happen.
std::uint64_t commit_with_fault_at_every_message(Proxied& with, Way way, What what) {
  std::uint64_t n = with.store->last_commit();
  for (int message = 1;; ++message) {
    CAPTURE(message);
    with.proxy.arm({way, what, message});
    ++n;
    const auto done = with.store->commit(rich_batch(n, with.incarnation));
    REQUIRE_MESSAGE(done.has_value(), done.error().message);
    CHECK(with.store->last_commit() == n);
    if (!with.proxy.disarm()) return n;
    REQUIRE(message < 1000);
  }
}

}  // namespace

TEST_SUITE("store: postgres faults") {
  TEST_CASE("the connection may be lost at every message of a commit, in either direction") {
    Proxied with;
    REQUIRE(with.store->commit(rich_batch(1, with.incarnation)).has_value());
    for (const auto way : {Way::to_server, Way::to_client}) {
      for (const auto what : {What::cut_before, What::cut_after}) {
        CAPTURE(static_cast<int>(way));
        CAPTURE(static_cast<int>(what));
        const auto before = with.store->last_commit();
        const auto n = commit_with_fault_at_every_message(with, way, what);
        // A statement is a Bind, a Describe, an Execute and their answers.
        CHECK(n - before > 30);
        check_holds(*with.store, n);
      }
    }
    check_holds(*with.store, with.store->last_commit());
    CHECK(with.store->orphans(false) == 0);
  }

  TEST_CASE("a connection that says nothing any more is given up, and the commit done once all the same") {
    Proxied with("3s");
    std::uint64_t n = 0;
    for (const int message : {1, 8, 40}) {
      for (const auto way : {Way::to_server, Way::to_client}) {
        with.proxy.arm({way, What::half_open, message});
        ++n;
        const auto done = with.store->commit(rich_batch(n, with.incarnation));
        REQUIRE_MESSAGE(done.has_value(), done.error().message);
        CHECK(with.proxy.disarm());
      }
    }
    check_holds(*with.store, n);
  }

  TEST_CASE("nothing is lost and nothing twice in a storm") {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      CAPTURE(seed);
      Proxied with;
      with.proxy.storm(seed, 300);
      std::atomic<bool> over = false;
      std::atomic<int> wrong = 0;
      std::thread reader([&] {
        while (!over) {
          const auto floor = with.store->last_commit();
          const auto row = with.store->read_row(id_of(1));
          if ((row ? row->attempt : 0) < floor) ++wrong;
        }
      });
      Result<void> done;
      for (std::uint64_t n = 1; n <= 60 && done; ++n) done = with.store->commit(rich_batch(n, with.incarnation));
      over = true;
      reader.join();
      with.proxy.storm(seed, 0);
      REQUIRE_MESSAGE(done.has_value(), done.error().message);
      CHECK(wrong == 0);
      CHECK(with.proxy.cuts() > 10);
      check_holds(*with.store, 60);
    }
  }

  TEST_CASE("the server may crash and come back in the middle of commits and reads") {
    auto& server = PostgresServer::shared();
    const auto url = new_url();
    const auto store = open_postgres(url);
    const auto incarnation = store->begin_incarnation();
    std::atomic<std::uint64_t> committed = 0;
    std::atomic<bool> over = false;
    std::atomic<bool> failed = false;
    Result<void> done;
    std::thread committer([&] {
      for (std::uint64_t n = 1; !over && done; ++n) {
        done = store->commit(rich_batch(n, incarnation));
        if (done) committed = n;
      }
      failed = !done;
    });
    std::atomic<int> wrong = 0;
    std::thread reader([&] {
      while (!over) {
        const auto floor = store->last_commit();
        if (floor > 0 && store->read_row(id_of(1))->attempt < floor) ++wrong;
      }
    });
    for (int crash = 0; crash < 3; ++crash) {
      const auto seen = committed.load();
      while (committed < seen + 20 && !failed) std::this_thread::yield();
      server.crash();
      server.start();
    }
    const auto seen = committed.load();
    while (committed < seen + 20 && !failed) std::this_thread::yield();
    over = true;
    committer.join();
    reader.join();
    REQUIRE_MESSAGE(done.has_value(), done.error().message);
    CHECK(wrong == 0);
    check_holds(*store, committed);
  }

  TEST_CASE("a server that stays away fails the store when patience is over, and nothing is taken after that") {
    Proxied with("1s");
    REQUIRE(with.store->commit(rich_batch(1, with.incarnation)).has_value());
    with.proxy.refuse(true);
    const auto done = with.store->commit(rich_batch(2, with.incarnation));
    REQUIRE(done.has_error());
    CHECK(done.error().code == ErrorCode::store_failed);
    CHECK(contains(done.error().message, with.proxy.address()));
    CHECK_THROWS_AS(with.store->read_row(id_of(1)), Failure);
    with.proxy.refuse(false);
    CHECK(with.store->commit(rich_batch(2, with.incarnation)).has_error());
    CHECK_THROWS_AS(with.store->begin_incarnation(), Failure);
    CHECK(with.store->read_row(id_of(1)).has_value());
    with.store.reset();
    check_holds(*open_postgres(with.direct), 1);
  }

  TEST_CASE("whoever takes over while the connection is lost ends the older server") {
    Proxied with;
    REQUIRE(with.store->commit(rich_batch(1, with.incarnation)).has_value());
    with.proxy.refuse(true);
    const auto next = open_postgres(with.direct);
    const auto incarnation = next->begin_incarnation();
    CHECK(incarnation > with.incarnation);
    REQUIRE(next->commit(rich_batch(2, incarnation)).has_value());
    with.proxy.refuse(false);
    const auto late = with.store->commit(rich_batch(2, with.incarnation));
    REQUIRE(late.has_error());
    CHECK(late.error().code == ErrorCode::store_failed);
    CHECK(contains(late.error().message, "another server has taken over"));
    REQUIRE(next->commit(rich_batch(3, incarnation)).has_value());
    check_holds(*next, 3);
    CHECK(Psql(with.direct).rows("SELECT incarnation, fenced, last_batch FROM server ORDER BY 1") ==
          std::vector<std::vector<std::string>>{{"1", "t", "1"}, {"2", "f", "3"}});
  }

  TEST_CASE("a takeover waits for the commit that is under way, and the next one fails whole") {
    const auto url = new_url();
    const auto store = open_postgres(url);
    const auto incarnation = store->begin_incarnation();
    REQUIRE(store->commit(rich_batch(1, incarnation)).has_value());
    Psql other(url);
    other.rows("BEGIN; UPDATE server SET fenced = true");
    Result<void> late;
    std::thread committer([&] { late = store->commit(rich_batch(2, incarnation)); });
    // It waits for the row; then it finds the fence.
    while (other.one("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "0") {
    }
    other.rows("COMMIT");
    committer.join();
    REQUIRE(late.has_error());
    CHECK(contains(late.error().message, "another server has taken over"));
    check_holds(*store, 1);
  }

  TEST_CASE("a session that an operator ends is made again") {
    const auto url = new_url();
    const auto store = open_postgres(url);
    const auto incarnation = store->begin_incarnation();
    Psql operator_(url);
    for (std::uint64_t n = 1; n <= 5; ++n) {
      operator_.rows(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'coremachine' "
          "AND pid <> pg_backend_pid()");
      const auto done = store->commit(rich_batch(n, incarnation));
      REQUIRE_MESSAGE(done.has_value(), done.error().message);
    }
    check_holds(*store, 5);
  }

  TEST_CASE("a full disk is store_full, nothing is written, and the same batch can be given again") {
    const auto url = new_url();
    const auto store = open_postgres(url);
    const auto incarnation = store->begin_incarnation();
    REQUIRE(store->commit(rich_batch(1, incarnation)).has_value());
    Psql shell(url);
    shell.rows(
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', "
        "MESSAGE = 'could not extend file: No space left on device'; END $$");
    shell.rows("CREATE TRIGGER full_disk BEFORE INSERT ON outcome EXECUTE FUNCTION fill()");
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto done = store->commit(rich_batch(2, incarnation));
      REQUIRE(done.has_error());
      CHECK(done.error().code == ErrorCode::store_full);
      CHECK(contains(done.error().message, "No space left"));
      check_holds(*store, 1);
    }
    shell.rows("DROP TRIGGER full_disk ON outcome");
    CHECK(store->commit(rich_batch(2, incarnation)).has_value());
    check_holds(*store, 2);
  }

  TEST_CASE("what cannot be right is no reason to try again") {
    const auto url = new_url();
    const auto store = open_postgres(url);
    const auto incarnation = store->begin_incarnation();
    auto batch = nth_batch(1, incarnation);
    batch.outcomes.push_back(batch.outcomes.front());
    CHECK(store->commit(batch).error().code == ErrorCode::store_failed);
    CHECK(store->commit(nth_batch(1, incarnation)).has_error());
    CHECK(store->list_jobs({}).rows.empty());
  }
}

}  // namespace coremachine
