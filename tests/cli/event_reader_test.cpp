// Server-sent events, cut wherever a network may cut them.
#include <doctest/doctest.h>

#include "triggers/cli/client/event_reader.hpp"

using namespace coremachine::cli;

namespace {

using Events = std::vector<StreamEvent>;

struct Row {
  const char* what;
  std::string text;
  Events events;
};

const Row rows[] = {
    {"one event", "id: 1\nevent: progress\ndata: {}\n\n", {{"1", "progress", "{}"}}},
    {"the ends of lines",
     "id: 1\r\nevent: a\r\ndata: x\r\n\r\nevent: b\rdata: y\r\r",
     {{"1", "a", "x"}, {"1", "b", "y"}}},
    {"several lines of data", "data: a\ndata\ndata:b\ndata:  c\n\n", {{"", "message", "a\n\nb\n c"}}},
    {"comments and unknown fields", ": heartbeat\n\nnonsense: 1\n:\ndata: x\nmore\n\n: end\n", {{"", "message", "x"}}},
    {"no data, no event", "event: a\nid: 7\n\ndata: x\n\n", {{"7", "message", "x"}}},
    {"an id stays until the next",
     "id: 3\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
     {{"3", "message", "a"}, {"3", "message", "b"}, {"", "message", "c"}}},
    {"an id with a NUL is none",
     std::string("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", 31),
     {{"1", "message", "a"}, {"1", "message", "b"}}},
    {"a byte order mark",
     "\xef\xbb\xbf"
     "data: a\n\n",
     {{"", "message", "a"}}},
    {"what is not ended is not told", "data: a\n\ndata: b\n", {{"", "message", "a"}}},
    {"colons in data", "data: {\"a\": \"b:c\"}\n\n", {{"", "message", "{\"a\": \"b:c\"}"}}},
};

Events read(const std::vector<std::string>& pieces) {
  EventReader reader;
  Events all;
  for (const auto& piece : pieces) {
    for (auto& event : reader.feed(piece)) all.push_back(std::move(event));
  }
  return all;
}

}  // namespace

TEST_CASE("events are the same however their bytes are cut") {
  for (const auto& row : rows) {
    CAPTURE(row.what);
    CHECK(read({row.text}) == row.events);
    std::vector<std::string> bytes;
    for (const char c : row.text) bytes.emplace_back(1, c);
    CHECK(read(bytes) == row.events);
    for (std::size_t first = 0; first <= row.text.size(); ++first) {
      for (std::size_t second = first; second <= row.text.size(); ++second) {
        const auto events =
            read({row.text.substr(0, first), row.text.substr(first, second - first), row.text.substr(second)});
        if (events != row.events) {
          CAPTURE(first);
          CAPTURE(second);
          CHECK(events == row.events);
        }
      }
    }
  }
}

TEST_CASE("a new connection forgets what was half read, and keeps the last id and the pause") {
  EventReader reader;
  CHECK(reader.feed("retry: 1500\nid: 4\ndata: a\n\nid: 5\nevent: b\ndata: lo").size() == 1);
  reader.restart();
  CHECK(reader.last_id() == "4");
  CHECK(reader.retry_ms() == 1500);
  const auto events = reader.feed("data: c\n\n");
  REQUIRE(events.size() == 1);
  CHECK(events.front() == StreamEvent{"4", "message", "c"});
  reader.feed("retry: soon\n\n");
  CHECK(reader.retry_ms() == 1500);
}
