#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <new>
#include <random>
#include <sstream>
#include <thread>

#include "core/store/check.hpp"
#include "core/store/sha256.hpp"
#include "tests/store/postgres_artifacts_fixture.hpp"

// Artifacts in PostgreSQL: what several servers do to each other, and what is in the tables.

namespace coremachine {

using namespace artifact_tests;

namespace {

constexpr std::size_t piece = std::size_t{1} << 20U;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// The rows of pins that nobody has any more are gone when it returns.
void let_go_of_pins(OneServer& server) {
  CHECK(code_of(server.artifacts->remove(ArtifactId{})) == artifact_missing);
}

/// Memory of this process at its highest since the last call, in bytes.
std::uint64_t take_peak() {
  std::ifstream status("/proc/self/status");
  std::uint64_t kilobytes = 0;
  for (std::string word; status >> word;) {
    if (word == "VmHWM:" && status >> kilobytes) break;
  }
  std::ofstream("/proc/self/clear_refs") << "5";
  return kilobytes * 1024;
}

}  // namespace

TEST_SUITE("store: postgres artifacts") {
  TEST_CASE("what one server stores every server reads, and none removes while one has it pinned") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a"), b(url, "b");
    const auto content = random_bytes(3 * piece + 5, 1);
    auto stored = must(a.artifacts->put(content, text_type));
    const auto id = stored.info.id;
    CHECK(must(b.artifacts->info(id)) == stored.info);
    CHECK(content_of(*b.artifacts, id) == content);
    CHECK(code_of(b.artifacts->remove(id)) == ErrorCode::wrong_state);
    CHECK(must(b.artifacts->collect(everything_before(Timestamp::max()))).removed == 0);
    {
      const auto again = must(b.artifacts->pin(id));
      stored.pin.reset();
      CHECK(code_of(a.artifacts->remove(id)) == ErrorCode::wrong_state);
    }
    must(b.artifacts->remove(id));
    CHECK(code_of(a.artifacts->open(id)) == artifact_missing);
    CHECK(code_of(a.artifacts->pin(id)) == artifact_missing);
  }

  TEST_CASE("a row of artifact_reference keeps it, whatever the one who collects was told") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a"), b(url, "b");
    const auto id = must(a.artifacts->put("abc", text_type)).info.id;
    const auto before = Psql(url).one("SELECT last_pin FROM artifact");
    auto request = everything_before(Timestamp::max());
    request.is_referenced = [&](const ArtifactId&) {
      auto pinned = must(b.artifacts->pin(id));  // and what refers to it is committed before it is let go
      Psql(url).rows("INSERT INTO artifact_reference VALUES ('j', '" + id.str() +
                     "'); UPDATE artifact SET last_pin = " + before);
      pinned.pin.reset();
      let_go_of_pins(b);
      return false;
    };
    CHECK(must(a.artifacts->collect(request)).removed == 0);
    CHECK(content_of(*b.artifacts, id) == "abc");
  }

  TEST_CASE("what another server stores or pins while references are looked up stays") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a"), b(url, "b");
    const auto stored = must(a.artifacts->put("stored again", text_type)).info.id;
    const auto pinned = must(a.artifacts->put("pinned", text_type)).info.id;
    const auto gone_and_back = must(a.artifacts->put("gone and back", text_type)).info.id;
    auto request = everything_before(Timestamp::max());
    request.is_referenced = [&](const ArtifactId& id) {
      if (id == stored) must(b.artifacts->put("stored again", text_type));
      if (id == pinned) must(b.artifacts->pin(pinned));
      if (id == gone_and_back) {
        must(b.artifacts->remove(id));
        must(b.artifacts->put("gone and back", text_type));
      }
      let_go_of_pins(b);  // that it was held is enough
      return false;
    };
    CHECK(must(a.artifacts->collect(request)).removed == 0);
    CHECK(all_ids(*a.artifacts).size() == 3);
  }

  TEST_CASE("a server that is fenced writes nothing any more, and its pins are void") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a"), b(url, "b");
    const auto pinned = must(a.artifacts->put("pinned", text_type));
    auto writer = must(a.artifacts->begin(text_type));
    must(writer->write(random_bytes(piece + 1, 2)));
    auto late = must(a.artifacts->begin(text_type));
    auto output = must(a.artifacts->output(some_job, "rows"));
    must(output->append("k", "1"));
    CHECK(!a.artifacts->broken());
    fence(url, a);

    std::vector<Error> refused;
    refused.push_back(writer->finish().error());
    refused.push_back(late->write(random_bytes(2 * piece, 3)).error());
    refused.push_back(output->append("l", "2").error());
    refused.push_back(output->seal().error());
    refused.push_back(a.artifacts->put("more", text_type).error());
    refused.push_back(a.artifacts->output(some_job, "other").error());
    refused.push_back(a.artifacts->drop_outputs(some_job).error());
    refused.push_back(a.artifacts->collect(everything_before(Timestamp::max())).error());
    for (const auto& error : refused) {
      CHECK(error.code == ErrorCode::store_failed);
      CHECK(store_tests::contains(error.message, "another server has taken over"));
    }
    CHECK(a.artifacts->broken());
    CHECK(content_of(*a.artifacts, pinned.info.id) == "pinned");

    must(b.artifacts->remove(pinned.info.id));
    CHECK(all_ids(*b.artifacts).empty());
    sweep(b);
    Psql shell(url);
    CHECK(shell.one("SELECT count(*) FROM artifact_pin") == "0");
    CHECK(shell.one("SELECT count(*) FROM artifact_loose WHERE writer IS NOT NULL") == "0");
    CHECK(shell.one("SELECT count(*) FROM artifact_piece WHERE content NOT IN (SELECT content FROM artifact_loose)") ==
          "0");
  }

  TEST_CASE("who has it pinned pins nothing more once it is fenced") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    const auto pinned = must(a.artifacts->put("pinned", text_type));
    CHECK(must(a.artifacts->pin(pinned.info.id)).info == pinned.info);
    fence(url, a);
    CHECK(code_of(a.artifacts->pin(pinned.info.id)) == ErrorCode::store_failed);
    CHECK(a.artifacts->broken());
  }

  TEST_CASE("whoever only looks changes nothing") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    auto options = a.options;
    options.incarnation = 0;
    options.linger = Milliseconds{0};
    const auto looks = open_postgres_artifacts(options);
    const auto content = random_bytes(3 * piece, 11);
    const auto id = must(a.artifacts->put(content, text_type)).info.id;
    auto reader = must(looks->open(id));
    must(a.artifacts->remove(id));
    Psql shell(url);
    const auto everything = [&] {
      return shell.rows("SELECT content, writer, keep_until, removal FROM artifact_loose");
    };
    const auto before = everything();
    REQUIRE(before.size() == 1);
    CHECK(must(reader->read_all(UINT64_MAX)) == content);
    CHECK(everything() == before);
    CHECK(code_of(looks->put("abc", text_type)) == ErrorCode::store_failed);
    CHECK(code_of(looks->pin(id)) == ErrorCode::store_failed);
    CHECK(code_of(looks->drop_outputs(some_job)) == ErrorCode::store_failed);
  }

  TEST_CASE("nothing is published of pieces that are another's, or gone") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    Psql shell(url);
    for (const auto* what : {"UPDATE artifact_loose SET writer = 0", "DELETE FROM artifact_loose"}) {
      CAPTURE(what);
      auto writer = must(a.artifacts->begin(text_type));
      must(writer->write(random_bytes(2 * piece + 1, 12)));
      shell.rows(what);
      const auto before = shell.rows("SELECT content, writer FROM artifact_loose");
      const auto refused = writer->finish();
      CHECK(code_of(refused) == ErrorCode::store_failed);
      CHECK(store_tests::contains(refused.error().message, "write it again"));
      CHECK(all_ids(*a.artifacts).empty());
      CHECK(shell.rows("SELECT content, writer FROM artifact_loose") == before);
      shell.rows("DELETE FROM artifact_loose; DELETE FROM artifact_piece");
    }
    CHECK(!a.artifacts->broken());
    must(a.artifacts->put(random_bytes(2 * piece + 1, 12), text_type));
  }

  TEST_CASE("how many there are is known without counting them") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a"), b(url, "b");
    Psql shell(url);
    const auto check = [&] {
      const auto known = must(b.artifacts->stats());
      const auto row = shell.rows("SELECT count(*), coalesce(sum(size), 0) FROM artifact").at(0);
      CHECK(std::to_string(known.count) == row[0]);
      CHECK(std::to_string(known.bytes) == row[1]);
    };
    check();
    const std::vector<std::string> contents{"", "abc", random_bytes(piece, 1), random_bytes(2 * piece + 1, 2)};
    for (const auto& content : contents) {
      const auto id = must(a.artifacts->put(content, text_type)).info.id;
      check();
      must(b.artifacts->put(content, text_type));
      check();
      let_go_of_pins(a);
      must(b.artifacts->remove(id));
      check();
      must(a.artifacts->put(content, text_type));
      check();
    }
    for (int i = 0; i < 100; ++i) must(a.artifacts->put(std::to_string(i), text_type));
    sweep(b);
    // Folded into one when there were more than a hundred, be it by a's own tidier before the last of them.
    CHECK(shell.one("SELECT (count(*) <= 100)::int FROM artifact_tally") == "1");
    check();
    CHECK(must(a.artifacts->collect(everything_before(Timestamp::max()))).removed > 100);
    sweep(b);
    check();
    shell.rows("DELETE FROM artifact_tally");
    CHECK(must(a.artifacts->stats()).count == 0);  // that is where it comes from
  }

  TEST_CASE("what the tidier cannot do because something was thrown it does later") {
    const auto url = store_tests::new_url();
    const auto tester = std::this_thread::get_id();
    std::atomic<bool> fails = false;
    std::atomic<int> failures = 0;
    OneServer a(url, "a", Milliseconds{0}, [&](std::string_view when) {
      if (!fails || when != "before" || std::this_thread::get_id() == tester) return;
      ++failures;
      throw std::bad_alloc();
    });
    fails = true;
    must(a.artifacts->put("abc", text_type));
    must(must(a.artifacts->begin(text_type))->write(random_bytes(2 * piece, 13)));
    while (failures < 2) std::this_thread::yield();
    Psql shell(url);
    CHECK(shell.one("SELECT count(*) FROM artifact_pin") == "1");
    fails = false;
    wait_until(shell, "SELECT (count(*) = 0)::int FROM artifact_pin");
    wait_until(shell, "SELECT (count(*) = 0)::int FROM artifact_loose WHERE writer IS NOT NULL");
  }

  TEST_CASE("sweeping ends soon when the store is closed") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    a.end();
    Psql shell(url);
    shell.rows("INSERT INTO artifact_loose (content) SELECT n FROM generate_series(1, 250) n");
    std::shared_ptr<postgres::ArtifactShelf> shelf;
    int calls = 0;
    auto options = a.options;
    options.fault_point = [&](std::string_view) {
      if (++calls == 5) shelf->close();
    };
    shelf = std::make_shared<postgres::ArtifactShelf>(options);
    must(postgres::sweep_artifacts(*shelf));
    CHECK(calls < 10);
    CHECK(std::stoi(shell.one("SELECT count(*) FROM artifact_loose")) > 240);
    sweep(a);
    CHECK(shell.one("SELECT count(*) FROM artifact_loose") == "0");
  }

  TEST_CASE("a check finds pieces and records that belong to nothing, and takes them away if it is to") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    const auto content = random_bytes(2 * piece + 1, 14);
    const auto id = must(a.artifacts->put(content, text_type)).info.id;
    auto unfinished = must(a.artifacts->begin(text_type));
    must(unfinished->write(content));
    must(must(a.artifacts->output(some_job, "rows"))->append("k", "1"));
    CHECK(check_store(*a.store, false, a.artifacts.get()).problems.empty());
    Psql shell(url);
    const auto damage = [&] {
      shell.rows(
          "INSERT INTO artifact_piece VALUES (7, 0, 'abc'), (7, 1, 'def'); "
          "INSERT INTO job_output_record (output, seq, key, bytes) VALUES (7, 1, 'k', 'abc')");
    };
    damage();
    const auto found = check_store(*a.store, false, a.artifacts.get());
    REQUIRE(found.problems.size() == 1);
    CHECK(store_tests::contains(found.problems[0], "3 rows that belong to"));
    CHECK(shell.one("SELECT count(*) FROM artifact_piece WHERE content = 7") == "2");
    const auto mended = check_store(*a.store, true, a.artifacts.get());
    CHECK(mended.problems.empty());
    CHECK(mended.repairs.size() == 1);
    CHECK(check_store(*a.store, false, a.artifacts.get()).problems.empty());
    CHECK(content_of(*a.artifacts, id) == content);
    CHECK(sealed(*a.artifacts, *must(a.artifacts->output(some_job, "rows"))) == "1\n");
    CHECK(content_of(*a.artifacts, must(unfinished->finish()).info.id) == content);
  }

  TEST_CASE("a server that takes over goes on with the records that are there") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    auto before = must(a.artifacts->output(some_job, "rows"));
    for (int i = 0; i < 100; ++i) must(before->append(std::to_string(i), std::to_string(i)));
    OneServer b(url, "b");
    fence(url, a);
    auto after = must(b.artifacts->output(some_job, "rows"));
    for (int i = 50; i < 150; ++i) {
      CHECK(must(after->append(std::to_string(i), std::to_string(i))) == (i < 100 ? 0 : 1));
    }
    const auto lines = lines_of(sealed(*b.artifacts, *after));
    REQUIRE(lines.size() == 150);
    for (std::size_t i = 0; i < lines.size(); ++i) CHECK(lines[i] == std::to_string(i));
    CHECK(must(b.artifacts->jobs_with_outputs()) == std::vector{some_job});
    must(b.artifacts->drop_outputs(some_job));
    CHECK(Psql(url).one("SELECT count(*) FROM job_output_record") == "0");
  }

  TEST_CASE("an output that another server has sealed or dropped takes nothing more") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a"), b(url, "b");
    for (const bool seals : {true, false}) {
      CAPTURE(seals);
      const JobId job{2000, seals ? 1U : 2U};
      auto here = must(a.artifacts->output(job, "rows"));
      auto there = must(b.artifacts->output(job, "rows"));
      must(here->append("a", "1"));
      CHECK(must(there->append("a", "2")) == 0);
      must(there->append("b", "2"));
      if (seals) {
        CHECK(sealed(*b.artifacts, *there) == "1\n2\n");
      } else {
        must(b.artifacts->drop_outputs(job));
      }
      CHECK(code_of(here->seal()) == ErrorCode::wrong_state);
      CHECK(code_of(here->append("c", "3")) == ErrorCode::wrong_state);
      CHECK(code_of(here->seal()) == ErrorCode::wrong_state);
      auto again = must(a.artifacts->output(job, "rows"));
      CHECK(must(again->append("a", "4")) == (seals ? 0 : 1));
    }
  }

  TEST_CASE("records of any size are sealed in order") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    auto output = must(a.artifacts->output(some_job, "rows"));
    std::string expected;
    std::mt19937_64 random(5);
    for (int i = 0; i < 1'100; ++i) {
      const std::size_t size = i % 300 == 299 ? 3 * piece + 7 : random() % (i % 100 == 0 ? 300'000 : 100);
      std::string bytes(size, static_cast<char>('a' + i % 26));
      if (size > 0 && random() % 2 == 0) bytes.back() = '\n';
      must(output->append(std::to_string(i), bytes));
      expected += bytes;
      if (!bytes.empty() && bytes.back() != '\n') expected += '\n';
    }
    CHECK(sealed(*a.artifacts, *output) == expected);
  }

  TEST_CASE("who has it open reads on when it is removed, as long as that lasts; then the space is free") {
    const auto url = store_tests::new_url();
    for (const Milliseconds linger : {Milliseconds{3'600'000}, Milliseconds{0}}) {
      CAPTURE(linger.count());
      OneServer a(url, "a", linger), b(url, "b", linger);
      const auto content = random_bytes(5 * piece, 6);
      const auto id = must(a.artifacts->put(content, text_type)).info.id;
      auto reader = must(b.artifacts->open(id));
      std::string got(content.size(), '\0');
      must(reader->read(0, got.data(), piece));
      must(a.artifacts->remove(id));
      sweep(a);
      const auto rest = reader->read(piece, got.data() + piece, 4 * piece);
      Psql shell(url);
      if (linger.count() > 0) {
        CHECK(must(rest) == 4 * piece);
        CHECK(got == content);
        shell.rows("UPDATE artifact_loose SET keep_until = now()");
        sweep(a);
      } else {
        CHECK(code_of(rest) == artifact_missing);
      }
      CHECK(shell.one("SELECT count(*) FROM artifact_piece") == "0");
      CHECK(shell.one("SELECT count(*) FROM artifact_loose") == "0");
    }
  }

  TEST_CASE("what was not finished, or was there already, leaves nothing behind") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    const auto content = random_bytes(2 * piece + 1, 7);
    must(a.artifacts->put(content, text_type));
    must(a.artifacts->put(content, text_type));
    must(must(a.artifacts->begin(text_type))->write(content));
    // Taken back by the first of these calls.
    must(a.artifacts->collect({.is_referenced = [](const ArtifactId&) { return true; }}));
    sweep(a);
    Psql shell(url);
    CHECK(shell.one("SELECT count(*) FROM artifact_piece") == "3");
    CHECK(shell.one("SELECT count(*) FROM artifact_loose") == "0");
    CHECK(shell.one("SELECT count(*) FROM artifact_pin") == "0");
    CHECK(content_of(*a.artifacts, all_ids(*a.artifacts).at(0)) == content);
  }

  TEST_CASE("content that was changed or lost is damaged, and says so") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    const auto id = must(a.artifacts->put(random_bytes(2 * piece + 100, 8), text_type)).info.id;
    Psql shell(url);
    for (const auto* damage :
         {"UPDATE artifact_piece SET bytes = set_byte(bytes, 5, get_byte(bytes, 5) # 1) WHERE n = 1",
          "UPDATE artifact_piece SET bytes = substr(bytes, 2) WHERE n = 2", "DELETE FROM artifact_piece WHERE n = 0"}) {
      CAPTURE(damage);
      shell.rows(damage);
      const auto read = must(a.artifacts->open(id))->read_all(UINT64_MAX);
      REQUIRE(read.has_error());
      CHECK(read.error().code == ErrorCode::store_damaged);
      CHECK(store_tests::contains(read.error().message, id.str()));
    }
  }

  TEST_CASE("a full disk is store_full, and nothing is left; outputs go on when there is room") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    auto output = must(a.artifacts->output(some_job, "rows"));
    must(output->append("a", "1"));
    Psql shell(url);
    shell.rows(
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '53100', "
        "MESSAGE = 'could not extend file: No space left on device'; END $$");
    for (const auto* table : {"artifact_piece", "job_output_record"}) {
      shell.rows("CREATE TRIGGER full_disk BEFORE INSERT ON " + std::string(table) + " EXECUTE FUNCTION fill()");
    }
    CHECK(code_of(a.artifacts->put("small", text_type)) == ErrorCode::store_full);
    auto writer = must(a.artifacts->begin(text_type));
    CHECK(code_of(writer->write(random_bytes(2 * piece, 9))) == ErrorCode::store_full);
    CHECK(code_of(writer->finish()) == ErrorCode::store_full);
    CHECK(code_of(output->append("b", "2")) == ErrorCode::store_full);
    CHECK(code_of(output->seal()) == ErrorCode::store_full);
    for (const auto* table : {"artifact_piece", "job_output_record"}) {
      shell.rows("DROP TRIGGER full_disk ON " + std::string(table));
    }
    CHECK(all_ids(*a.artifacts).empty());
    CHECK(!a.artifacts->broken());
    CHECK(must(output->append("b", "2")) == 1);
    CHECK(sealed(*a.artifacts, *output) == "1\n2\n");
  }

  TEST_CASE("memory does not grow with what is written or read") {
    const auto url = store_tests::new_url();
    OneServer a(url, "a");
    constexpr std::size_t pieces = 200;
    const auto bytes = random_bytes(piece, 10);
    must(a.artifacts->put(bytes + bytes, text_type));  // what every connection costs
    static_cast<void>(take_peak());
    const auto before = take_peak();
    auto writer = must(a.artifacts->begin(text_type));
    for (std::size_t i = 0; i < pieces; ++i) {
      must(writer->write(std::to_string(i)));
      must(writer->write(std::string_view(bytes).substr(0, piece - 3)));
    }
    const auto stored = must(writer->finish());
    auto reader = must(a.artifacts->open(stored.info.id));
    std::string buffer(piece / 4, '\0');
    for (std::uint64_t at = 0; at < reader->size();) at += must(reader->read(at, buffer.data(), buffer.size()));
    CHECK(reader->size() > (pieces - 1) * piece);
#ifdef __SANITIZE_THREAD__
    MESSAGE("not asked how much memory that took: the sanitizer takes more");
#else
    CHECK(take_peak() < before + 16 * piece);
#endif
  }
}

TEST_SUITE("store: postgres artifacts, several servers at once") {
  TEST_CASE("what is pinned can be read, whoever stores, pins, removes or collects, and where") {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      CAPTURE(seed);
      const auto url = store_tests::new_url();
      OneServer a(url, "a", Milliseconds{0}), b(url, "b", Milliseconds{0});
      std::atomic<int> wrong = 0;
      std::atomic<int> removed = 0;
      const auto content = [](std::uint64_t n) { return "content " + std::to_string(n % 6); };
      const auto check = [&](ArtifactStore& store, const Pinned& pinned, const std::string& expected) {
        const auto reader = store.open(pinned.info.id);
        const auto read = reader ? (*reader)->read_all(100) : reader.error();
        if (!read || *read != expected) ++wrong;
      };
      const auto act = [&](OneServer& server, OneServer& other, std::uint64_t dice) {
        std::mt19937_64 random(dice);
        for (int step = 0; step < 120; ++step) {
          const auto n = random();
          const auto id = ArtifactId{Sha256::of(content(n))};
          switch (random() % 6) {
            case 0:
            case 1: {
              const auto stored = server.artifacts->put(content(n), text_type);
              if (!stored) {
                ++wrong;
                break;
              }
              check(*server.artifacts, *stored, content(n));
              check(*other.artifacts, *stored, content(n));
              break;
            }
            case 2: {
              const auto pinned = server.artifacts->pin(id);
              if (pinned) check(*other.artifacts, *pinned, content(n));
              if (!pinned && pinned.error().code != artifact_missing) ++wrong;
              break;
            }
            case 3: {
              const auto done = server.artifacts->remove(id);
              if (done) ++removed;
              if (!done && done.error().code != artifact_missing && done.error().code != ErrorCode::wrong_state)
                ++wrong;
              break;
            }
            case 4: {
              const auto collected = server.artifacts->collect(everything_before(Timestamp::max()));
              if (!collected) ++wrong;
              break;
            }
            case 5: sweep(server); break;
          }
        }
      };
      std::thread first([&] { act(a, b, seed * 100); });
      std::thread second([&] { act(b, a, seed * 100 + 1); });
      std::thread third([&] { act(a, b, seed * 100 + 2); });
      first.join();
      second.join();
      third.join();
      CHECK(wrong == 0);
      CHECK(removed > 0);
      must(a.artifacts->collect(everything_before(Timestamp::max())));
      must(b.artifacts->collect(everything_before(Timestamp::max())));
      CHECK(all_ids(*a.artifacts).empty());
      sweep(a);
      CHECK(Psql(url).one("SELECT (SELECT count(*) FROM artifact_piece) + (SELECT count(*) FROM artifact_loose) + "
                          "(SELECT count(*) FROM artifact_pin)") == "0");
    }
  }
}

}  // namespace coremachine
