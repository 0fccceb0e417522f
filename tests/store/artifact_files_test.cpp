#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <sys/resource.h>

#include "tests/conformance/artifact_fixture.hpp"
#include "tests/support/child_process.hpp"

namespace coremachine {

using namespace artifact_tests;
namespace fs = std::filesystem;

namespace {

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
  file.close();
  REQUIRE(file.good());
}

std::size_t files_in(const std::string& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

/// The error of opening a directory as an artifact store.
ErrorCode refusal(const std::string& root, bool must_exist = false) {
  const auto opened = open_artifact_files({.root = root, .must_exist = must_exist});
  REQUIRE(!opened.has_value());
  CHECK(opened.error().message.find(root) != std::string::npos);
  return opened.error().code;
}

std::uint64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace

TEST_SUITE("artifact files: the directory") {
  TEST_CASE("what is stored is there after the next start, as it is") {
    InFiles made(files::system_calls());
    const auto content = random_bytes(5'000, 1);
    const auto info = must(made.store().put(content, text_type)).info;
    made.clock().advance(minute);
    made.reopen();
    CHECK(must(made.store().info(info.id)) == info);
    CHECK(content_of(made.store(), info.id) == content);
    CHECK(must(made.store().stats()).bytes == 5'000);
    CHECK(slurp(made.path_of(info.id)).substr(0, 5'000) == content);
  }

  TEST_CASE("half-written files of a crash are gone after the next start, and nothing else is") {
    InFiles made;
    const auto id = must(made.store().put("abc", text_type)).info.id;
    made.close();
    spit(made.root() + "/tmp/17", "half");
    spit(made.root() + "/tmp/1", "");
    spit(made.root() + "/notes", "not ours");
    made.open();
    CHECK(files_in(made.root() + "/tmp") == 0);
    CHECK(slurp(made.root() + "/notes") == "not ours");
    CHECK(content_of(made.store(), id) == "abc");
    CHECK(must(made.store().put("abcd", text_type)).info.size == 4);
  }

  TEST_CASE("files and directories that are not ours are not artifacts") {
    InFiles made;
    const auto id = must(made.store().put("abc", text_type)).info.id;
    const auto place = fs::path(made.path_of(id)).parent_path();
    const auto file = slurp(made.path_of(id));
    spit(made.root() + "/cc", "a file where a directory is due");
    spit((place / "readme").string(), "x");
    fs::create_directories(made.root() + "/zz/00");
    spit(made.root() + "/zz/00/" + id.str(), file);
    fs::create_directories(made.root() + "/00/00");
    spit(made.root() + "/00/00/" + id.str(), file);
    CHECK(all_ids(made.store()) == std::vector{id});
    CHECK(must(made.store().stats()).count == 1);
    CHECK(must(made.store().collect(everything_before(start_time + minute))).examined == 1);
  }

  TEST_CASE("what is no artifact store is refused and left alone") {
    const support::TemporaryDirectory folder;
    const auto root = folder.path() + "/r";
    CHECK(refusal(root, true) == ErrorCode::store_missing);
    CHECK(!fs::exists(root));
    CHECK(refusal(root + "/deeper") == ErrorCode::invalid_argument);
    spit(root, "a file");
    CHECK(refusal(root) == ErrorCode::store_damaged);
    fs::remove(root);
    fs::create_directories(root + "/tmp");
    spit(root + "/tmp/precious", "keep me");
    CHECK(refusal(root) == ErrorCode::store_damaged);
    CHECK(slurp(root + "/tmp/precious") == "keep me");
    CHECK(files_in(root) == 1);

    const std::string marker = root + "/coremachine-artifacts";
    for (const auto& [text, code] :
         std::map<std::string, ErrorCode>{{"", ErrorCode::store_damaged},
                                          {"something else\n", ErrorCode::store_damaged},
                                          {"coremachine artifacts, version 1", ErrorCode::store_damaged},
                                          {"coremachine artifacts, version x\n", ErrorCode::store_damaged},
                                          {"coremachine artifacts, version 2\n", ErrorCode::invalid_argument}}) {
      CAPTURE(text);
      spit(marker, text);
      CHECK(refusal(root) == code);
      CHECK(slurp(root + "/tmp/precious") == "keep me");
    }
  }

  TEST_CASE("a start that was cut short is made good by the next") {
    for (const auto* left : {"", "lock", "coremachine-artifacts.new"}) {
      CAPTURE(left);
      const support::TemporaryDirectory folder;
      const auto root = folder.path() + "/r";
      fs::create_directory(root);
      if (*left != '\0') spit(root + "/" + left, "half");
      CHECK(refusal(root, true) == ErrorCode::store_damaged);
      auto store = must(open_artifact_files({.root = root + "/"}));
      const auto id = must(store->put("abc", text_type)).info.id;
      store.reset();
      CHECK(content_of(*must(open_artifact_files({.root = root, .must_exist = true})), id) == "abc");
    }
  }

  TEST_CASE("one process has it open, until the last who writes is gone") {
    InFiles made;
    CHECK(refusal(made.root()) == ErrorCode::store_locked);
    auto writer = must(made.store().begin(text_type));
    made.close();
    CHECK(refusal(made.root()) == ErrorCode::store_locked);
    writer.reset();
    made.open();
  }
}

TEST_SUITE("artifact files: damage") {
  TEST_CASE("whatever happens to the file of an artifact is seen") {
    const auto content = random_bytes(1'000, 5);
    const std::string other_content = "other";
    struct Damage {
      const char* what;
      bool seen_at_open;
      std::function<std::string(std::string)> apply;
    };
    const auto flip = [](std::size_t at) {
      return [at](std::string bytes) {
        bytes.at(at) = static_cast<char>(bytes[at] ^ 4);
        return bytes;
      };
    };
    const auto cut = [](std::size_t size) {
      return [size](const std::string& bytes) { return bytes.substr(0, size); };
    };
    const std::vector<Damage> damages{
        {"first bit", false, flip(0)},
        {"last byte of the content", false, flip(999)},
        {"magic", true, flip(1'000)},
        {"size", true, flip(1'016)},
        {"media type", true, flip(1'026)},
        {"padding", true, flip(1'200)},
        {"check", true, flip(1'255)},
        {"last byte cut", true, cut(1'255)},
        {"trailer cut", true, cut(1'000)},
        {"most cut", true, cut(10)},
        {"all cut", true, cut(0)},
        {"a byte more", true, [](const std::string& bytes) { return bytes + "x"; }},
        {"a byte less in the middle", true, [](std::string bytes) { return bytes.erase(500, 1); }},
    };
    for (const auto& damage : damages) {
      CAPTURE(damage.what);
      InFiles made;
      auto& store = made.store();
      const auto other = must(store.put(other_content, text_type)).info.id;
      const auto id = must(store.put(content, text_type)).info.id;
      spit(made.path_of(id), damage.apply(slurp(made.path_of(id))));

      const auto reader = store.open(id);
      CHECK(reader.has_value() != damage.seen_at_open);
      CHECK(store.info(id).has_value() != damage.seen_at_open);
      const auto read = reader ? (*reader)->read_all(UINT64_MAX) : reader.error();
      CHECK(code_of(read) == ErrorCode::store_damaged);
      CHECK(read.error().message.find(id.str()) != std::string::npos);
      CHECK(content_of(store, other) == other_content);
      CHECK(must(store.stats()).count == 2);
      const auto listed = must(store.list(std::nullopt, 10));
      REQUIRE(listed.size() == 2);
      const auto& info = listed[listed[0].id == id ? 0 : 1];
      CHECK(info.media_type == (damage.seen_at_open ? "" : text_type));

      // Storing it again mends what an open can see; a collection takes any.
      if (damage.seen_at_open) {
        CHECK(must(store.put(content, "a/b")).info.media_type == "a/b");
        CHECK(content_of(store, id) == content);
        CHECK(must(store.stats()).bytes == content.size() + other_content.size());
      }
      CHECK(must(store.collect(everything_before(start_time + std::chrono::hours(24 * 365 * 100)))).removed == 2);
      CHECK(must(store.stats()).count == 0);
      CHECK(must(store.stats()).bytes == 0);
    }
  }

  TEST_CASE("the file of another artifact is damage") {
    InFiles made;
    const auto one = must(made.store().put("one", text_type)).info.id;
    const auto two = must(made.store().put("two", text_type)).info.id;
    spit(made.path_of(one), slurp(made.path_of(two)));
    CHECK(code_of(made.store().open(one)) == ErrorCode::store_damaged);
  }

  TEST_CASE("a reader that goes through in blocks sees damage in the block that gets to the end") {
    InFiles made;
    const auto id = must(made.store().put(random_bytes(1'000, 6), text_type)).info.id;
    auto bytes = slurp(made.path_of(id));
    bytes[10] = static_cast<char>(~bytes[10]);
    spit(made.path_of(id), bytes);
    auto reader = must(made.store().open(id));
    std::string block(300, '\0');
    for (int pass = 0; pass < 2; ++pass) {
      for (const std::uint64_t at : {0, 300, 600}) CHECK(must(reader->read(at, block.data(), 300)) == 300);
      CHECK(code_of(reader->read(900, block.data(), 300)) == ErrorCode::store_damaged);
    }
    // A range alone cannot be checked.
    CHECK(must(reader->read(900, block.data(), 300)) == 100);
  }

  TEST_CASE("a file that is cut while it is read is damage") {
    InFiles made;
    const auto id = must(made.store().put(random_bytes(1'000, 7), text_type)).info.id;
    auto reader = must(made.store().open(id));
    fs::resize_file(made.path_of(id), 600);
    std::string block(500, '\0');
    CHECK(must(reader->read(0, block.data(), 500)) == 500);
    CHECK(code_of(reader->read(500, block.data(), 500)) == ErrorCode::store_damaged);
  }
}

TEST_SUITE("artifact files: the system's limits") {
  TEST_CASE("100 MiB go in and out by blocks, in memory that does not grow with them") {
    const support::TemporaryDirectory folder;
    support::ChildProcess child([&](const auto& say) {
      auto store = open_artifact_files({.root = folder.path() + "/r"}).value();
      const auto block = random_bytes(std::size_t{1} << 20U, 9);
      const auto before = peak_memory();
      auto writer = store->begin("application/octet-stream").value();
      for (int i = 0; i < 100; ++i) writer->write(block).value();
      const auto stored = writer->finish().value();
      auto reader = store->open(stored.info.id).value();
      std::string read(block.size(), '\0');
      std::uint64_t right = 0;
      for (std::uint64_t at = 0; at < reader->size(); at += read.size()) {
        right += reader->read(at, read.data(), read.size()).value() == block.size() && read == block ? 1 : 0;
      }
      say(std::to_string(stored.info.size));
      say(std::to_string(right));
      say(before > 0 && peak_memory() - before < (std::uint64_t{32} << 20U) ? "small" : "large");
    });
    CHECK(child.read_all() == std::vector<std::string>{"104857600", "100", "small"});
    CHECK(child.wait() == 0);
  }

  TEST_CASE("a file that may not grow is a full disk, and leaves nothing") {
    const support::TemporaryDirectory folder;
    support::ChildProcess child([&](const auto& say) {
      ::signal(SIGXFSZ, SIG_IGN);
      auto store = open_artifact_files({.root = folder.path() + "/r"}).value();
      auto output = store->output(some_job, "rows").value();
      output->append("a", "1").value();
      const rlimit limit{std::size_t{1} << 20U, RLIM_INFINITY};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      const std::string large(std::size_t{2} << 20U, 'x');
      say(std::string(to_string(store->put(large, "text/plain").error().code)));
      say(std::to_string(files_in(folder.path() + "/r/tmp")));
      say(std::string(to_string(output->append("b", large).error().code)));
      output->append("c", "2").value();
      say(output->seal().value().info.id.str());
      say(store->put("1\n2\n", "text/plain").value().info.id.str());
    });
    const auto lines = child.read_all();
    CHECK(child.wait() == 0);
    REQUIRE(lines.size() == 5);
    CHECK(lines[0] == "store_full");
    CHECK(lines[1] == "0");
    CHECK(lines[2] == "store_full");
    CHECK(lines[3] == lines[4]);
  }
}

}  // namespace coremachine
