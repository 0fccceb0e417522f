#include <doctest/doctest.h>

#include <cstdlib>

#include "core/embed/open_store.hpp"
#include "core/ports/store_url.hpp"
#include "core/store/postgres/schema.hpp"
#include "tests/store/postgres_fixture.hpp"

// What is peculiar to the store in PostgreSQL: its URL, its schema, who may use it.

namespace coremachine {
namespace {

using namespace store_tests;
using support::PostgresServer;

void check_refused(const std::string& url, const std::string& part) {
  CAPTURE(url);
  const auto target = postgres::parse_target(url);
  REQUIRE(target.has_error());
  CHECK(target.error().code == ErrorCode::invalid_argument);
  CHECK_MESSAGE(contains(target.error().message, part), target.error().message);
  CHECK(!contains(target.error().message, "secret"));
}

}  // namespace

TEST_SUITE("store: postgres") {
  TEST_CASE("a URL says where the store is, and is shown without its password") {
    const auto target = postgres::parse_target(
                            "postgres://me:se%40cret@db.example:5433/jobs?schema=night&files=/var/lib/x&patience=5s"
                            "&sslmode=disable")
                            .value();
    CHECK(target.schema == "night");
    CHECK(target.files == "/var/lib/x");
    CHECK(target.patience == Milliseconds{5000});
    CHECK(target.location == "postgres://me@db.example:5433/jobs?schema=night");
    const auto value = [&](const std::string& name) {
      for (const auto& [each, of] : target.parameters) {
        if (each == name) return of;
      }
      return std::string("none");
    };
    CHECK(value("password") == "se@cret");
    CHECK(value("sslmode") == "disable");
    CHECK(value("schema") == "none");
    CHECK(value("host") == "db.example");
    const auto plain = postgres::parse_target("postgresql://localhost/jobs").value();
    CHECK(plain.schema == "coremachine");
    CHECK(plain.files == "coremachine");
    CHECK(plain.location == "postgres://localhost/jobs?schema=coremachine");
    CHECK(postgres::parse_target("postgres:///jobs?host=/run/pg").value().location ==
          "postgres:///jobs?schema=coremachine&host=/run/pg");
  }

  TEST_CASE("a URL that is wrong is refused in words that name what is wrong, and no password") {
    check_refused("postgres://me:secret@db/jobs?shema=x", "no parameter \"shema\"");
    check_refused("postgres://me:secret@db/jobs?schema=a b", "\"a b\" is no name for a schema");
    check_refused("postgres://me:secret@db/jobs?schema=", "is no name for a schema");
    check_refused("postgres://me:secret@db/jobs?schema=pg_x", "is no name for a schema");
    check_refused("postgres://me:secret@db/jobs?patience=soon", "\"soon\"");
    check_refused("postgres://me:secret@db/jobs?patience=10ms", "at least 1s");
    check_refused("postgres://me:secret@db/jobs?schema=%2", "two hexadecimal digits");
    check_refused("postgres://me:secret@db/jobs?files=", "files");
    check_refused("postgres://me:secret#1@db/jobs", "%23");
    check_refused("postgres://me:sec%ret@db:1:2:secret/jobs", "postgres://USER:PASSWORD@HOST:PORT/DATABASE");
    check_refused("postgres://[::1:secret/jobs", "postgres://USER:PASSWORD@HOST:PORT/DATABASE");
  }

  TEST_CASE("a password never shows") {
    CHECK(without_password("postgres://me:secret@db:1/jobs?schema=x") == "postgres://me@db:1/jobs?schema=x");
    CHECK(without_password("postgres://me:se/c?r@et@db/jobs") == "postgres://me@db/jobs");
    CHECK(without_password("postgres://db/jobs?password=secret&schema=x&sslpassword=secret") ==
          "postgres://db/jobs?schema=x");
    CHECK(without_password("postgres://db/jobs?pass%77ord=secret") == "postgres://db/jobs");
    CHECK(without_password("postgres://me@db") == "postgres://me@db");
    CHECK(without_password("sqlite:a@b:c") == "sqlite:a@b:c");
    CHECK(without_password("memory:") == "memory:");
    CHECK(without_password("") == "");
    try {
      embed::open_store("mongo://me:secret@db/jobs");
      FAIL("it was opened");
    } catch (const Failure& failure) {
      CHECK(contains(failure.error().message, "mongo://me@db/jobs"));
      CHECK(!contains(failure.error().message, "secret"));
    }
  }

  TEST_CASE("a user with a password is let in by the right one, and errors do not tell it") {
    Psql(new_url()).rows(
        "CREATE ROLE secretive LOGIN PASSWORD 'thesecret'; GRANT CREATE ON DATABASE postgres TO secretive");
    const auto& server = PostgresServer::shared();
    const auto wrong = postgres_refusal(server.url("secretive:wrongsecret"));
    CHECK(wrong.code == ErrorCode::store_failed);
    CHECK(contains(wrong.message, "password authentication failed for user \"secretive\""));
    CHECK(!contains(wrong.message, "wrongsecret"));
    const auto store = open_postgres(server.url("secretive:thesecret") + "&schema=private");
    const auto stats = store->stats();
    CHECK(stats.kind == "postgres");
    CHECK(stats.location == "postgres://secretive@/postgres?schema=private&host=" + server.folder());
    CHECK(stats.bytes > 0);
    CHECK(stats.schema_version == postgres::newest_version());
    CHECK(store->commit(nth_batch(1, store->begin_incarnation())).has_value());
    // The others' schema is not his.
    Psql(new_url()).rows("CREATE SCHEMA closed");
    const auto closed = postgres_refusal(server.url("secretive:thesecret") + "&schema=closed");
    CHECK(closed.code == ErrorCode::store_failed);
    CHECK(contains(closed.message, "permission denied"));
  }

  TEST_CASE("a server, a database or a store that is not there says so") {
    const auto& server = PostgresServer::shared();
    const auto nobody = postgres_refusal("postgres://postgres@/postgres?host=/nowhere");
    CHECK(nobody.code == ErrorCode::store_failed);
    CHECK(contains(nobody.message, "/nowhere"));
    const auto no_database = postgres_refusal("postgres://postgres@/nosuch?host=" + server.folder());
    CHECK(no_database.code == ErrorCode::store_missing);
    CHECK(contains(no_database.message, "database \"nosuch\" does not exist"));
    const auto url = new_url();
    const auto missing = postgres_refusal(url, true);
    CHECK(missing.code == ErrorCode::store_missing);
    CHECK(contains(missing.message, "there is no store at"));
    CHECK(open_postgres(url)->stats().jobs == 0);
    CHECK(try_postgres(url, true).has_value());
  }

  TEST_CASE("two deployments share a database, each in a schema of its own") {
    const auto one = open_postgres(new_url());
    const auto other = open_postgres(new_url());
    REQUIRE(one->commit(nth_batch(1, one->begin_incarnation())).has_value());
    REQUIRE(other->commit(nth_batch(1, other->begin_incarnation())).has_value());
    REQUIRE(other->commit(nth_batch(2, 1)).has_value());
    CHECK(holds_batches(*one, 1));
    CHECK(holds_batches(*other, 2));
  }

  TEST_CASE("a store that is open is locked, until it is closed") {
    const auto url = new_url();
    auto store = open_postgres(url);
    const auto locked = postgres_refusal(url);
    CHECK(locked.code == ErrorCode::store_locked);
    CHECK(contains(locked.message, "is in use by another process: on this machine, connected since"));
    CHECK(store->commit(nth_batch(1, store->begin_incarnation())).has_value());
    store.reset();
    CHECK(holds_batches(*open_postgres(url), 1));
  }

  TEST_CASE("a schema that is something else, newer or broken is refused, and stays as it is") {
    const auto refused = [](const std::string& url, ErrorCode code, const std::string& part) {
      const auto error = postgres_refusal(url);
      CHECK(error.code == code);
      CHECK_MESSAGE(contains(error.message, part), error.message);
    };
    const auto foreign = new_url();
    Psql shell(foreign);
    shell.rows("CREATE SCHEMA " + postgres::parse_target(foreign).value().schema);
    shell.rows("CREATE TABLE mine (a int)");
    refused(foreign, ErrorCode::store_damaged, "is in use, but is no CoreMachine store");
    shell.rows("CREATE TABLE meta (a int)");
    refused(foreign, ErrorCode::store_damaged, "is in use, but is no CoreMachine store");
    CHECK(shell.one("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = "
                    "current_schema()") == "2");

    const auto newer = new_url();
    open_postgres(newer);
    Psql(newer).rows("UPDATE meta SET value = 99");
    refused(newer, ErrorCode::invalid_argument, "was written by a newer program: its schema is version 99");
    Psql(newer).rows("UPDATE meta SET value = -1");
    refused(newer, ErrorCode::store_damaged, "has a schema of version -1");

    const auto broken = new_url();
    open_postgres(broken);
    Psql(broken).rows("DROP INDEX outcome_by_kind");
    refused(broken, ErrorCode::store_damaged, "lacks its outcome_by_kind");
  }

  TEST_CASE("a database that is not in UTF-8 is refused") {
    Psql(new_url()).rows("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    const auto error = postgres_refusal("postgres://postgres@/latin?host=" + PostgresServer::shared().folder());
    CHECK(error.code == ErrorCode::store_failed);
    CHECK(contains(error.message, "LATIN1"));
  }

  TEST_CASE("commits are durable whatever the server's default is") {
    const auto url = new_url();
    Psql shell(url);
    shell.rows("ALTER DATABASE postgres SET synchronous_commit = off");
    const auto store = open_postgres(url);
    const auto incarnation = store->begin_incarnation();
    shell.rows("ALTER DATABASE postgres RESET synchronous_commit");
    for (std::uint64_t n = 1; n <= 20; ++n) REQUIRE(store->commit(nth_batch(n, incarnation)).has_value());
    // What an asynchronous commit has not written yet is lost now.
    PostgresServer::shared().crash();
    PostgresServer::shared().start();
    CHECK(holds_batches(*store, 20));
  }

  TEST_CASE("whatever bytes a key has, it is found again") {
    const auto store = open_postgres(new_url());
    auto batch = nth_batch(1, store->begin_incarnation());
    const std::string odd("\xFF\0'\\", 4);
    batch.keys = {{odd, id_of(1), "f1"}, {"plain", id_of(1), "f2"}};
    REQUIRE(store->commit(batch).has_value());
    CHECK(store->find_key(odd)->fingerprint == "f1");
    CHECK(store->find_key("plain")->fingerprint == "f2");
    CHECK(!store->find_key("\xFF").has_value());
  }

  TEST_CASE("a batch of many megabytes is one transaction all the same") {
    const auto store = open_postgres(new_url());
    const auto incarnation = store->begin_incarnation();
    auto batch = nth_batch(1, incarnation);
    for (std::uint32_t i = 0; i < 30; ++i) batch.outcomes.emplace_back(id_of(1), outcome(100 + i, 1'000'000));
    REQUIRE(store->commit(batch).has_value());
    CHECK(store->read_outcomes(query_of(id_of(1), {1})).size() == 31);
    CHECK(*store->read_outcome(id_of(1), 1, 0, 129)->body == *batch.outcomes.back().second.body);
    auto torn = nth_batch(2, incarnation);
    for (std::uint32_t i = 0; i < 30; ++i) torn.outcomes.emplace_back(id_of(1), outcome(200 + i, 1'000'000));
    torn.outcomes.push_back(torn.outcomes.back());
    CHECK(store->commit(torn).has_error());
    CHECK(store->read_outcomes(query_of(id_of(1), {1})).size() == 31);
  }

  TEST_CASE("a backup is left to PostgreSQL's tools, and what is wrong with the schema is found") {
    const auto url = new_url();
    const auto store = open_postgres(url);
    const auto refused = store->backup("/tmp/x");
    REQUIRE(refused.has_error());
    CHECK(refused.error().code == ErrorCode::invalid_argument);
    CHECK(contains(refused.error().message, "pg_dump"));
    CHECK(store->check_format().empty());
    Psql(url).rows("DROP INDEX outcome_told");
    CHECK(store->check_format() == std::vector<std::string>{"it lacks its outcome_told"});
  }

  TEST_CASE("the record of what runs lies beside, where the URL says; artifacts are in the database") {
    TemporaryFolder folder;
    const auto url = new_postgres_url(folder / "x");
    auto opened = embed::open_store(url);
    CHECK(opened.running_record == folder / "x/store-running");
    opened.store->begin_incarnation();
    const auto artifacts = opened.open_artifacts(true).value();
    const auto stored = artifacts->put("abc", "text/plain").value();
    CHECK(Psql(url).rows("SELECT a.id, convert_from(p.bytes, 'UTF8') FROM artifact a JOIN artifact_piece p USING "
                         "(content)") == std::vector<std::vector<std::string>>{{stored.info.id.str(), "abc"}});
    CHECK(!std::filesystem::exists(folder / "x"));
  }

  TEST_CASE("who begins nothing reads artifacts, and writes none") {
    const auto url = new_url();
    ArtifactId id;
    {
      auto opened = embed::open_store(url);
      opened.store->begin_incarnation();
      id = opened.open_artifacts(false).value()->put("abc", "text/plain").value().info.id;
    }
    auto opened = embed::open_store(url, true);
    const auto artifacts = opened.open_artifacts(true).value();
    CHECK(artifacts->open(id).value()->read_all(3).value() == "abc");
    CHECK(artifacts->stats().value().count == 1);
    for (const auto& refused : {artifacts->put("d", "text/plain").error(), artifacts->remove(id).error()}) {
      CHECK(refused.code == ErrorCode::store_failed);
      CHECK(contains(refused.message, "no server has begun"));
    }
    CHECK(artifacts->info(id).has_value());
  }
}

}  // namespace coremachine
