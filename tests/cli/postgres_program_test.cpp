// The commands that open a store, on PostgreSQL.
#include <doctest/doctest.h>

#include <string>

#include "tests/conformance/store_makers.hpp"
#include "tests/store/postgres_fixture.hpp"
#include "triggers/cli/commands.hpp"

using namespace coremachine;
using namespace coremachine::cli;
using namespace coremachine::store_tests;

namespace {

ExitCode run(const std::string& line) {
  Chosen chosen;
  CLI::App program;
  add_commands(program, chosen);
  program.parse(line, false);
  return chosen();
}

}  // namespace

TEST_SUITE("cli: postgres") {
  TEST_CASE("run, db and bench work on a store in PostgreSQL") {
    const TemporaryFolder folder;
    const auto url = new_postgres_url(folder / ".");
    const auto store = " --store " + url;
    CHECK(run("db check" + store) == ExitCode::not_found);
    CHECK(run("run fan_out -q -p count=5000" + store) == ExitCode::done);
    CHECK(run("db check" + store) == ExitCode::done);
    CHECK(run("db stats -o json" + store) == ExitCode::done);
    CHECK(run("db backup -o json copy.db" + store) == ExitCode::usage);
    CHECK(run("bench fanout -o json --tasks 3000 --repeat 1" + store) == ExitCode::done);
    CHECK(run("bench jobs -o json --jobs 100 --repeat 1" + store) == ExitCode::done);
    CHECK(run("bench latency -o json --samples 50" + store) == ExitCode::done);
    CHECK(run("db check" + store) == ExitCode::done);
    Psql shell(url);
    CHECK(shell.one("SELECT count(*) FROM task t JOIN job j ON j.id = t.job WHERE j.type = 'fan_out'") == "8002");
    CHECK(shell.one("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'coremachine_bench%'") == "0");
    shell.rows("DELETE FROM outcome");
    CHECK(run("db check" + store) == ExitCode::job_failed);
  }
}
