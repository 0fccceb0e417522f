#include <doctest/doctest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "tests/conformance/artifact_fixture.hpp"
#include "tests/support/faulty_files.hpp"

namespace coremachine {

using namespace artifact_tests;
namespace fs = std::filesystem;

namespace {

std::size_t temporaries_of(const InFiles& made) {
  const auto directory = made.root() + "/tmp";
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

std::string log_of(const InFiles& made) {
  return made.root() + "/outputs/" + some_job.str() + "/rows.log";
}

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

void spit(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
}

bool is_temporary(const std::string& path) {
  return path.find("-artifacts/tmp/") != std::string::npos;
}

}  // namespace

TEST_SUITE("artifact files: a disk that fails") {
  TEST_CASE("at whichever call storing fails, the artifact is whole or not there, and the error says what to do") {
    const auto content = random_bytes(600'000, 1);
    for (const int number : {ENOSPC, EIO}) {
      std::uint64_t nth = 0;
      for (;; ++nth) {
        CAPTURE(number);
        CAPTURE(nth);
        support::FaultyFiles disk;
        InFiles made(disk);
        disk.fail(nth, number);
        const auto stored = made.store().put(content, text_type);
        CAPTURE(disk.failed_call());
        CAPTURE(disk.failed_path());
        if (disk.failed_call().empty()) {
          CHECK(stored.has_value());
          break;
        }
        const bool is_doubtful = disk.failed_call() == "sync" && !is_temporary(disk.failed_path());
        CHECK(code_of(stored) == (number == ENOSPC && !is_doubtful ? ErrorCode::store_full : ErrorCode::store_failed));
        CHECK(temporaries_of(made) == 0);
        CHECK(all_ids(made.store()).size() == (is_doubtful ? 1 : 0));

        // What failed to sync and could not be thrown away ends all writing; anything else is over with the writer.
        const auto again = made.store().put(content, text_type);
        CHECK(again.has_value() != is_doubtful);
        if (is_doubtful) CHECK(code_of(again) == ErrorCode::store_failed);
        CHECK(!disk.retried_sync());
        for (const auto& id : all_ids(made.store())) CHECK(content_of(made.store(), id) == content);
        made.reopen();
        CHECK(content_of(made.store(), must(made.store().put(content, text_type)).info.id) == content);
      }
      CHECK(nth >= 9);
    }
  }

  TEST_CASE("storing what is stored already fails as cleanly") {
    for (std::uint64_t nth = 0;; ++nth) {
      CAPTURE(nth);
      support::FaultyFiles disk;
      InFiles made(disk);
      const auto id = must(made.store().put("abc", text_type)).info.id;
      disk.fail(nth, EIO);
      const auto stored = made.store().put("abc", text_type);
      CHECK(stored.has_value() == disk.failed_call().empty());
      CHECK(temporaries_of(made) == 0);
      CHECK(content_of(made.store(), id) == "abc");
      CHECK(!disk.retried_sync());
      if (stored) break;
    }
  }

  TEST_CASE("a writer that failed says so again, and only it is dead") {
    support::FaultyFiles disk;
    InFiles made(disk);
    auto writer = must(made.store().begin(text_type));
    auto other = must(made.store().begin(text_type));
    const std::string block(400'000, 'x');
    disk.fail(0, ENOSPC);
    CHECK(code_of(writer->write(block)) == ErrorCode::store_full);
    CHECK(code_of(writer->write("y")) == ErrorCode::store_full);
    CHECK(code_of(writer->finish()) == ErrorCode::store_full);
    must(other->write(block));
    CHECK(must(other->finish()).info.size == block.size());
    CHECK(temporaries_of(made) == 0);
  }

  TEST_CASE("a disk that cannot be read is an error of the system, not damage") {
    support::FaultyFiles disk;
    InFiles made(disk);
    const auto id = must(made.store().put("abc", text_type)).info.id;
    auto reader = must(made.store().open(id));
    disk.fail_reads(EIO);
    CHECK(code_of(reader->read_all(3)) == ErrorCode::store_failed);
    CHECK(code_of(made.store().open(id)) == ErrorCode::store_failed);
    CHECK(code_of(made.store().list(std::nullopt, 10)) == ErrorCode::store_failed);
    disk.heal();
    CHECK(must(reader->read_all(3)) == "abc");
  }

  TEST_CASE("nothing is called durable before it was synced") {
    support::FaultyFiles disk;
    InFiles made(disk);
    auto before = disk.syncs();
    const auto grew_by = [&](std::uint64_t least) {
      const auto grown = disk.syncs() - before;
      before = disk.syncs();
      return grown >= least;
    };
    must(made.store().put("abc", text_type));
    CHECK(grew_by(4));  // the file, and three directories
    must(made.store().put("abc", text_type));
    CHECK(grew_by(3));  // the new copy, the one that was there, its directory
    auto output = must(made.store().output(some_job, "rows"));
    CHECK(grew_by(4));  // the directory of outputs, the new file, its directory, and what was read from it
    must(output->append("a", "1"));
    CHECK(grew_by(1));
  }

  TEST_CASE("at whichever call an output fails, what was promised is in it, and nothing twice") {
    for (const int number : {ENOSPC, EIO}) {
      for (std::uint64_t nth = 0;; ++nth) {
        CAPTURE(number);
        CAPTURE(nth);
        support::FaultyFiles disk;
        InFiles made(disk);
        disk.fail(nth, number);
        std::string promised;
        {
          auto output = made.store().output(some_job, "rows");
          for (const auto* key : {"a", "b", "c"}) {
            if (!output) break;
            const auto added = (*output)->append(key, key);
            const bool is_full = !added && added.error().code == ErrorCode::store_full;
            // A full disk costs one try.
            if (is_full) CHECK(must((*output)->append(key, key)) == 1);
            if (added || is_full) promised += std::string(key) + "\n";
          }
        }
        const bool has_failed = !disk.failed_call().empty();
        CAPTURE(disk.failed_call());
        CAPTURE(disk.failed_path());
        CHECK(temporaries_of(made) == 0);
        CHECK(!disk.retried_sync());
        disk.heal();
        made.reopen();
        auto output = must(made.store().output(some_job, "rows"));
        for (const auto* key : {"a", "b", "c"}) must(output->append(key, key));
        auto content = sealed(made.store(), *output);
        CHECK(content.starts_with(promised));
        CHECK(content.size() == 6);
        for (const auto* key : {"a\n", "b\n", "c\n"}) CHECK(content.find(key) != std::string::npos);
        if (!has_failed) break;
      }
    }
  }

  TEST_CASE("of records that did not all fit, none is kept") {
    support::FaultyFiles disk;
    InFiles made(disk);
    const std::string large(10'000, 'x');
    const std::vector<OutputRecord> records{{"a", "1"}, {"b", "2"}, {"c", large}};
    auto output = must(made.store().output(some_job, "rows"));
    disk.fail(0, ENOSPC);  // half of it is written, and in that half two whole records
    CHECK(code_of(output->append(records)) == ErrorCode::store_full);
    output.reset();
    made.reopen();
    output = must(made.store().output(some_job, "rows"));
    CHECK(must(output->append("b", "3")) == 1);
    CHECK(sealed(made.store(), *output) == "3\n");
  }

  TEST_CASE("after a failed sync an output takes nothing more, nor does the store") {
    support::FaultyFiles disk;
    InFiles made(disk);
    const auto id = must(made.store().put("abc", text_type)).info.id;
    auto output = must(made.store().output(some_job, "rows"));
    disk.fail(1, EIO);  // the record is written, then synced
    CHECK(code_of(output->append("a", "1")) == ErrorCode::store_failed);
    CHECK(disk.failed_call() == "sync");
    CHECK(code_of(output->append("a", "1")) == ErrorCode::store_failed);
    CHECK(code_of(output->seal()) == ErrorCode::store_failed);
    output.reset();
    CHECK(code_of(made.store().output(some_job, "rows")) == ErrorCode::store_failed);
    CHECK(code_of(made.store().begin(text_type)) == ErrorCode::store_failed);
    CHECK(content_of(made.store(), id) == "abc");
    CHECK(!disk.retried_sync());
  }

  TEST_CASE("sealing that fails for want of space can be tried again") {
    support::FaultyFiles disk;
    InFiles made(disk);
    auto output = must(made.store().output(some_job, "rows"));
    must(output->append("a", "1"));
    disk.fail(0, ENOSPC);
    CHECK(code_of(output->seal()) == ErrorCode::store_full);
    CHECK(must(output->append("b", "2")) == 1);
    CHECK(sealed(made.store(), *output) == "1\n2\n");
  }
}

TEST_SUITE("artifact files: torn outputs") {
  TEST_CASE("wherever the last write is torn, what was promised before it is kept") {
    InFiles made;
    std::size_t durable = 0;
    {
      auto output = must(made.store().output(some_job, "rows"));
      must(output->append("a", "1"));
      must(output->append("b", "2"));
      durable = slurp(log_of(made)).size();
      const std::vector<OutputRecord> last{{"c", "3"}, {"d", "4"}};
      must(output->append(last));
    }
    const auto whole = slurp(log_of(made));
    REQUIRE(durable < whole.size());
    const auto half = durable + (whole.size() - durable) / 2;
    for (auto size = durable; size <= whole.size(); ++size) {
      for (const auto* garbage : {"", "\x01", "garbage that is longer than the header of a record"}) {
        CAPTURE(size);
        CAPTURE(garbage);
        made.close();
        spit(log_of(made), whole.substr(0, size) + garbage);
        made.open();
        auto output = must(made.store().output(some_job, "rows"));
        CHECK(slurp(log_of(made)).size() == (size == whole.size() ? size : size < half ? durable : half));
        CHECK(must(output->append("a", "x")) == 0);
        CHECK(must(output->append("b", "x")) == 0);
        CHECK(must(output->append("d", "4")) == (size == whole.size() ? 0 : 1));
        CHECK(must(output->append("c", "3")) == (size < half ? 1 : 0));
        CHECK(sealed(made.store(), *output) == (size < half ? "1\n2\n4\n3\n" : "1\n2\n3\n4\n"));
      }
    }
  }

  TEST_CASE("blocks of zeros where data did not get to the disk are a torn end as well") {
    InFiles made;
    must(must(made.store().output(some_job, "rows"))->append("a", "1"));
    made.close();
    spit(log_of(made), slurp(log_of(made)) + std::string(100'000, '\0'));
    made.open();
    auto output = must(made.store().output(some_job, "rows"));
    must(output->append("b", "2"));
    CHECK(sealed(made.store(), *output) == "1\n2\n");
  }

  TEST_CASE("a bit that changed in what was durable is damage, and nothing is cut off") {
    InFiles made;
    std::size_t durable = 0;
    {
      auto output = must(made.store().output(some_job, "rows"));
      must(output->append("a", "1"));
      must(output->append("b", "22"));
      durable = slurp(log_of(made)).size();
      must(output->append("c", "3"));
    }
    const auto whole = slurp(log_of(made));
    const auto expect_damage = [&](const std::string& bytes) {
      made.close();
      spit(log_of(made), bytes);
      made.open();
      const auto opened = made.store().output(some_job, "rows");
      CHECK(code_of(opened) == ErrorCode::store_damaged);
      CHECK(opened.error().message.find(log_of(made)) != std::string::npos);
      CHECK(slurp(log_of(made)) == bytes);
    };
    for (std::size_t at = 0; at < durable; ++at) {
      CAPTURE(at);
      auto bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ 1);
      expect_damage(bytes);
    }
    for (std::size_t size = 0; size < durable; ++size) {
      CAPTURE(size);
      expect_damage(whole.substr(0, size));
    }
    must(made.store().put("abc", text_type));
    must(made.store().drop_outputs(some_job));
    CHECK(must(must(made.store().output(some_job, "rows"))->append("a", "1")) == 1);
  }

  TEST_CASE("records of all sizes come back after a start, through whatever buffer") {
    InFiles made;
    std::mt19937_64 random(3);
    std::string expected;
    std::vector<std::string> keys;
    for (int round = 0; round < 5; ++round) {
      auto output = must(made.store().output(some_job, "rows"));
      for (int i = 0; i < 40; ++i) {
        const auto key = "key " + std::to_string(keys.size()) + std::string(random() % 900, '.');
        const std::string line(random() % 4 == 0 ? random() % 300'000 : random() % 50, static_cast<char>('a' + i % 26));
        CHECK(must(output->append(key, line)) == 1);
        keys.push_back(key);
        if (!line.empty()) expected += line + "\n";
      }
      output.reset();
      made.reopen();
      auto again = must(made.store().output(some_job, "rows"));
      for (const auto& key : keys) REQUIRE(must(again->append(key, "twice")) == 0);
    }
    CHECK(sealed(made.store(), *must(made.store().output(some_job, "rows"))) == expected);
  }
}

}  // namespace coremachine
