// Log records as lines, and the sink that writes them without holding anyone up.

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

#include <coremachine/telemetry/log.hpp>

#include "core/model/utf8.hpp"
#include "core/telemetry/log_lines.hpp"
#include "tests/support/temporary_directory.hpp"

namespace {

using namespace coremachine;
namespace json = boost::json;

LogRecord record(std::string message, LogFields fields = {}) {
  return {LogLevel::warn, Timestamp{Milliseconds{1'769'860'800'007}}, std::move(message), std::move(fields)};
}

std::string text_at(const json::object& object, const std::string& key) {
  return std::string(object.at(key).as_string());
}

/// A pipe; what is in it is read by the test.
struct Pipe {
  Pipe() { REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0); }
  ~Pipe() {
    close_reader();
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_reader() { close(0); }
  void close_writer() { close(1); }
  void close(std::size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
  /// Until nothing more fits: whoever writes now waits.
  std::size_t fill() {
    const auto flags = ::fcntl(ends[1], F_GETFL);
    ::fcntl(ends[1], F_SETFL, flags | O_NONBLOCK);
    std::size_t count = 0;
    while (::write(ends[1], "\n", 1) == 1) ++count;
    ::fcntl(ends[1], F_SETFL, flags);
    return count;
  }
  /// All lines until the writer is closed, but for empty ones.
  std::vector<std::string> lines() {
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t count = 0; (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<std::size_t>(count));
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = text.find('\n', at);
      REQUIRE(end != std::string::npos);
      if (end > at) lines.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return lines;
  }
  std::array<int, 2> ends{-1, -1};
};

std::uint64_t said_to_be_lost(const std::vector<std::string>& lines) {
  std::uint64_t lost = 0;
  for (const auto& line : lines) {
    const auto object = json::parse(line).as_object();
    if (text_at(object, "message") == "log records were dropped") lost += object.at("count").to_number<std::uint64_t>();
  }
  return lost;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_SUITE("telemetry: log records") {
  TEST_CASE("levels and formats have names, and names are read back") {
    for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error, LogLevel::off})
      CHECK(log_level_from(to_string(level)) == level);
    for (const auto format : {LogFormat::text, LogFormat::json}) CHECK(log_format_from(to_string(format)) == format);
    CHECK(log_level_from("warning") == LogLevel::warn);
    for (const auto* bad : {"", "WARN", "trace", "debug ", "3"}) {
      CHECK_FALSE(log_level_from(bad).has_value());
      CHECK_FALSE(log_format_from(bad).has_value());
    }
  }

  TEST_CASE("a record as text, as JSON, and without time and level") {
    const auto each = record("it broke", {{"job_id", "01J"},
                                          {"error", "two \"words\""},
                                          {"attempt", 2U},
                                          {"index", std::int64_t{-7}},
                                          {"seconds", 0.25},
                                          {"alone", true},
                                          {"nothing", ""}});
    CHECK(to_text(each) ==
          "2026-01-31T12:00:00.007Z warn it broke job_id=01J error=\"two \\\"words\\\"\" attempt=2 index=-7 "
          "seconds=0.25 alone=true nothing=\"\"");
    CHECK(to_json_line(each) ==
          R"({"time":"2026-01-31T12:00:00.007Z","level":"warn","message":"it broke","job_id":"01J",)"
          R"("error":"two \"words\"","attempt":2,"index":-7,"seconds":0.25,"alone":true,"nothing":""})");
    CHECK(telemetry::to_plain(each) ==
          "it broke (job_id=01J, error=\"two \\\"words\\\"\", attempt=2, index=-7, seconds=0.25, alone=true, "
          "nothing=\"\")");
    CHECK(telemetry::to_plain(record("short")) == "short");
  }

  TEST_CASE("whatever is in a record, it is one line of clean text, and one JSON object that says the same") {
    std::mt19937 dice(11);
    const auto bytes = [&](std::size_t most) {
      std::string text;
      for (auto left = dice() % (most + 1); left > 0; --left) {
        const auto kind = dice() % 4;
        if (kind == 0) {
          text += static_cast<char>(dice() % 256);
        } else if (kind == 1) {
          text += static_cast<char>(dice() % 32);
        } else if (kind == 2) {
          text += "žlu\xE2\x80\xA8";
        } else {
          text += "a \"=\\,("[dice() % 7];
        }
      }
      return text;
    };
    for (int i = 0; i < 3000; ++i) {
      LogFields fields;
      for (auto left = dice() % 5; left > 0; --left)
        fields.emplace_back(dice() % 3 == 0 ? "time" : bytes(3), bytes(20));
      const auto each = record(bytes(20), fields);
      for (const auto& line : {to_text(each), telemetry::to_plain(each), to_json_line(each)}) {
        REQUIRE(find_invalid_utf8(line) == std::string::npos);
        REQUIRE(std::all_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20; }));
      }
      const auto object = json::parse(to_json_line(each)).as_object();
      REQUIRE(object.size() == 3 + fields.size());  // a name that is there twice would take another's place
      if (find_invalid_utf8(each.message) == std::string::npos) REQUIRE(text_at(object, "message") == each.message);
      if (!fields.empty() && find_invalid_utf8(fields[0].name) == std::string::npos &&
          find_invalid_utf8(std::get<std::string>(fields[0].value)) == std::string::npos) {
        const auto name = fields[0].name == "time" ? "time_" : fields[0].name;
        REQUIRE(text_at(object, name) == std::get<std::string>(fields[0].value));
      }
    }
  }

  TEST_CASE("the level decides at the moment of writing; what a sink throws is swallowed") {
    struct Collecting final : LogSink {
      void write(LogRecord each) override {
        if (each.message == "throw") throw std::runtime_error("no room for this");
        messages.push_back(each.message);
      }
      std::vector<std::string> messages;
    };
    auto sink = std::make_shared<Collecting>();
    Logger logger(sink);
    logger.debug("one");
    logger.info("two");
    logger.set_level(LogLevel::debug);
    logger.debug("three");
    logger.error("throw");
    logger.set_level(LogLevel::error);
    logger.warn("four");
    logger.error("five");
    logger.set_level(LogLevel::off);
    logger.error("six");
    logger.write(LogLevel::off, "seven");
    CHECK(sink->messages == std::vector<std::string>{"two", "three", "five"});
    CHECK_FALSE(logger.wants(LogLevel::off));
  }
}

TEST_SUITE("telemetry: the sink that writes") {
  TEST_CASE("every record is a line in the order in which it was written, and all are there when the log is gone") {
    const support::TemporaryDirectory folder;
    for (const auto format : {LogFormat::text, LogFormat::json}) {
      const auto path = folder.path() + "/" + std::string(to_string(format));
      const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      REQUIRE(file >= 0);
      constexpr int threads = 4;
      constexpr int each_writes = 500;
      {
        const auto logger = make_log({.format = format, .file = file, .capacity = 100'000});
        std::vector<std::thread> writers;
        for (int thread = 0; thread < threads; ++thread) {
          writers.emplace_back([&, thread] {
            for (int i = 0; i < each_writes; ++i) logger->info("line", {{"thread", thread}, {"i", i}});
          });
        }
        for (auto& writer : writers) writer.join();
      }
      ::close(file);
      const auto lines = lines_of(path);
      CHECK(lines.size() == threads * each_writes);
      std::array<int, threads> next{};
      for (const auto& line : lines) {
        int thread = -1;
        int i = -1;
        if (format == LogFormat::json) {
          const auto object = json::parse(line).as_object();
          thread = object.at("thread").to_number<int>();
          i = object.at("i").to_number<int>();
        } else {
          REQUIRE(std::sscanf(line.c_str() + line.find(" info "), " info line thread=%d i=%d", &thread, &i) == 2);
        }
        REQUIRE(i == next.at(static_cast<std::size_t>(thread))++);
      }
    }
  }

  TEST_CASE("flush waits until what was written is out") {
    const support::TemporaryDirectory folder;
    const auto path = folder.path() + "/log";
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const auto logger = make_log({.file = file});
    for (std::size_t i = 1; i <= 50; ++i) {
      logger->info("one more");
      logger->flush(Milliseconds{60'000});
      REQUIRE(lines_of(path).size() == i);
    }
    ::close(file);
  }

  TEST_CASE("nobody waits for a reader: what finds no room is dropped, counted, and said when there is room again") {
    Pipe pipe;
    pipe.fill();
    constexpr std::uint64_t written = 10'000;
    std::uint64_t dropped = 0;
    std::vector<std::string> lines;
    {
      auto logger = make_log({.format = LogFormat::json, .file = pipe.ends[1], .capacity = 100});
      for (std::uint64_t i = 0; i < written; ++i) logger->info("flood", {{"i", i}});
      CHECK(logger->dropped() >= written - 300);  // at most one load is on its way while the queue is full again
      const auto before = logger->dropped();
      logger->warn("what matters");
      CHECK(logger->dropped() == before);  // a part of the room is for this
      dropped = before;
      std::thread reader([&] { lines = pipe.lines(); });
      logger->flush(Milliseconds{60'000});
      logger.reset();
      pipe.close_writer();
      reader.join();
    }
    CHECK(said_to_be_lost(lines) == dropped);
    std::uint64_t came = 0;
    bool warned = false;
    for (const auto& line : lines) {
      came += line.find("flood") != std::string::npos ? 1 : 0;
      warned = warned || line.find("what matters") != std::string::npos;
    }
    CHECK(came + dropped == written);
    CHECK(warned);
  }

  TEST_CASE("what cannot be written is lost, and the log goes on when it can be written again") {
    const support::TemporaryDirectory folder;
    const auto path = folder.path() + "/log";
    const int file = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(file >= 0);
    auto logger = make_log({.format = LogFormat::json, .file = file});
    for (int i = 0; i < 5; ++i) logger->error("nobody reads this");
    logger->flush(Milliseconds{60'000});
    CHECK(logger->dropped() == 5);
    const int good = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    REQUIRE(::dup2(good, file) == file);
    logger->info("back again");
    logger.reset();
    ::close(good);
    ::close(file);
    const auto lines = lines_of(path);
    REQUIRE(lines.size() == 2);
    CHECK(said_to_be_lost(lines) == 5);
    CHECK(text_at(json::parse(lines[0]).as_object(), "reason") == std::strerror(ENOSPC));
    CHECK(text_at(json::parse(lines[1]).as_object(), "message") == "back again");
  }

  TEST_CASE("a pipe that nobody reads any more is an error of the log, and not the end of the process") {
    Pipe pipe;
    pipe.close_reader();
    auto logger = make_log({.file = pipe.ends[1]});
    logger->error("anyone there?");
    logger->flush(Milliseconds{60'000});
    CHECK(logger->dropped() == 1);
  }

  TEST_CASE("a reader that sleeps does not hold up the end of the log") {
    Pipe pipe;
    pipe.fill();
    auto logger = make_log({.file = pipe.ends[1]});
    logger->error("this stays here");
    logger.reset();  // returns, or ctest ends it
    CHECK(pipe.ends[1] >= 0);
  }
}
