#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>

#include "core/store/postgres/postgres_error.hpp"
#include "tests/store/postgres_artifacts_fixture.hpp"

// Outputs of jobs in PostgreSQL: what is lost, and when, and what it looks like to other servers.

namespace coremachine {

using namespace artifact_tests;

namespace {

/// Of what one thread asks of the database, fails this and, if it stays so, all that comes after it.
struct Fault {
  enum class Kind : std::uint8_t { nothing, refused, answer_lost, exception };
  Kind kind = Kind::refused;
  int at = 0;  ///< counts down; 0: all is well
  bool stays = false;
  std::function<void()> also = {};

  void operator()(std::string_view) {
    if (at == 0 || --at > 0) return;
    if (stays) at = 1;
    if (also) also();
    switch (kind) {
      case Kind::nothing: return;
      case Kind::refused: throw postgres::PostgresError("58030", "the disk is on fire");
      case Kind::answer_lost: throw postgres::PostgresError("", "the answer is lost");
      case Kind::exception: throw std::runtime_error("no such luck");
    }
  }
};

/// On this thread alone.
std::function<void(std::string_view)> here(Fault& fault) {
  return [&fault, self = std::this_thread::get_id()](std::string_view when) {
    if (std::this_thread::get_id() == self) fault(when);
  };
}

constexpr Milliseconds hour{3'600'000};

}  // namespace

TEST_SUITE("store: postgres outputs") {
  TEST_CASE("records are in the order in which they came, whichever server they came from") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a"), b(url, "b"), c(url, "c");
    std::string expected;
    int count = 0;
    for (auto* server : {&b, &a, &c}) {
      auto output = must(server->artifacts->output(some_job, "rows"));
      for (int i = 0; i < 5; ++i) {
        const auto text = std::to_string(count++);
        must(output->append(text, text));
        expected += text + "\n";
      }
      if (server != &c) fence(url, *server);
    }
    CHECK(a.incarnation < b.incarnation);
    CHECK(sealed(*c.artifacts, *must(c.artifacts->output(some_job, "rows"))) == expected);
  }

  TEST_CASE("what is appended while the output is dropped goes with it") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    must(must(a.artifacts->output(some_job, "rows"))->append("a", "1"));
    Psql slow(url), shell(url);
    slow.rows("BEGIN");
    slow.rows("SELECT 1 FROM job_output FOR SHARE");
    std::optional<Result<void>> dropped;
    std::thread drops([&] { dropped = a.artifacts->drop_outputs(some_job); });
    wait_until(shell,
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%job_output%'");
    slow.rows(
        "INSERT INTO job_output_record (output, seq, key, bytes) SELECT number, 1, 'late', '2' FROM job_output; "
        "COMMIT");
    drops.join();
    must(*dropped);
    CHECK(shell.one("SELECT count(*) FROM job_output_record") == "0");
    CHECK(shell.one("SELECT count(*) FROM job_output") == "0");
  }

  TEST_CASE("whatever goes wrong, everybody who waits is told") {
    const auto url = store_tests::new_url();
    std::atomic<bool> fails = false;
    OneServer a(url, "a", hour, [&](std::string_view) {
      if (fails) throw std::runtime_error("no such luck");
    });
    auto output = must(a.artifacts->output(some_job, "rows"));
    fails = true;
    std::atomic<int> told = 0;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < 10; ++i) {
          const auto key = std::to_string(thread * 10 + i);
          const auto added = output->append(key, key);
          if (!added && added.error().code == ErrorCode::store_failed &&
              store_tests::contains(added.error().message, "no such luck")) {
            ++told;
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(told == 40);
    fails = false;
    CHECK(must(output->append("a", "1")) == 1);
    CHECK(sealed(*a.artifacts, *output) == "1\n");
  }

  TEST_CASE("many large records go in several statements, together, and are counted rightly if an answer is lost") {
    const auto url = store_tests::new_url();
    Fault fault;
    OneServer a(url, "a", hour, here(fault));
    Psql shell(url);
    // What a server takes in one statement ends at 1 GB; this stands for it.
    shell.rows(
        "CREATE FUNCTION limited() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT sum(octet_length(bytes)) "
        "FROM fresh) > 8000000 THEN RAISE EXCEPTION USING ERRCODE = '54000', MESSAGE = 'too large'; END IF; "
        "RETURN NULL; END $$; CREATE TRIGGER limited AFTER INSERT ON job_output_record REFERENCING NEW TABLE AS fresh "
        "FOR EACH STATEMENT EXECUTE FUNCTION limited()");
    int count = 0;
    for (const auto size : {1, 3'000'000}) {
      for (const auto kind : {Fault::Kind::refused, Fault::Kind::answer_lost}) {
        for (const int at : {0, 1, 2}) {  // all is well; before; after
          CAPTURE(size);
          CAPTURE(static_cast<int>(kind));
          CAPTURE(at);
          const JobId job{3000, static_cast<std::uint64_t>(++count)};
          auto output = must(a.artifacts->output(job, "rows"));
          must(output->append("2", "first"));
          std::vector<std::string> keys, texts;
          for (int i = 0; i < 6; ++i) keys.push_back(std::to_string(i % 5));
          for (int i = 0; i < 6; ++i) texts.emplace_back(static_cast<std::size_t>(size), static_cast<char>('a' + i));
          std::vector<OutputRecord> records;
          for (std::size_t i = 0; i < 6; ++i) records.push_back({keys[i], texts[i]});
          fault = {.kind = kind, .at = at};
          const auto added = output->append(records);
          fault.at = 0;
          if (at > 0 && kind == Fault::Kind::refused) {
            CHECK(code_of(added) == ErrorCode::store_failed);
          } else {
            CHECK(must(added) == 4);
          }
          must(output->append(records));
          std::string expected = "first\n";
          for (const std::size_t i : {0U, 1U, 3U, 4U}) expected += texts[i] + "\n";
          CHECK(sealed(*a.artifacts, *output) == expected);
          CHECK(code_of(output->append(records)) == ErrorCode::wrong_state);
        }
      }
    }
  }

  TEST_CASE("wherever sealing fails, the output goes on with all that was in it") {
    const auto url = store_tests::new_url();
    Fault fault;
    OneServer a(url, "a", hour, here(fault));
    std::uint64_t count = 0;
    for (const auto kind : {Fault::Kind::refused, Fault::Kind::exception}) {
      for (const bool stays : {false, true}) {
        for (int at = 1;; ++at) {
          CAPTURE(static_cast<int>(kind));
          CAPTURE(stays);
          CAPTURE(at);
          const JobId job{4000, ++count};
          auto output = must(a.artifacts->output(job, "rows"));
          must(output->append("a", "1"));
          Result<std::size_t> late = std::size_t{0};
          std::thread appends;
          const auto append_late = [&] {
            if (!appends.joinable()) appends = std::thread([&] { late = output->append("b", "2"); });
          };
          fault = {.kind = kind, .at = at, .stays = stays, .also = append_late};
          std::optional<Result<Pinned>> made;
          try {
            made = output->seal();
          } catch (const std::runtime_error&) {
            CHECK(kind == Fault::Kind::exception);
          }
          const bool was_met = appends.joinable();
          if (was_met) appends.join();
          fault.at = 0;
          if (!was_met) {
            CHECK(at > 10);
            CHECK(content_of(*a.artifacts, must(*made).info.id) == "1\n");
            break;
          }
          if (made) CHECK(code_of(*made) == ErrorCode::store_failed);
          CHECK(must(late) == 1);
          CHECK(must(output->append("a", "again")) == 0);
          CHECK(sealed(*a.artifacts, *output) == "1\n2\n");
        }
      }
    }
  }

  TEST_CASE("what is dropped while it is sealed is not sealed in part") {
    const auto url = store_tests::new_url();
    Fault fault;
    OneServer a(url, "a", hour, here(fault));
    std::uint64_t count = 0;
    for (int at = 1;; ++at) {
      CAPTURE(at);
      const JobId job{5000, ++count};
      auto output = must(a.artifacts->output(job, "rows"));
      must(output->append("a", "1"));
      bool was_met = false;
      const auto drop = [&] {
        was_met = true;
        const auto id = job.str();
        Psql(url).rows("DELETE FROM job_output WHERE job = '" + id +
                       "'; DELETE FROM job_output_record WHERE output NOT IN (SELECT number FROM job_output)");
      };
      fault = {.kind = Fault::Kind::nothing, .at = at, .also = drop};
      const auto made = output->seal();
      fault.at = 0;
      if (!was_met) break;
      if (made) {
        CHECK(content_of(*a.artifacts, made->info.id) == "1\n");
      } else {
        CHECK(made.error().code == ErrorCode::wrong_state);
      }
    }
    CHECK(count > 10);
  }
}

}  // namespace coremachine
