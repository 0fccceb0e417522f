#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/http/server/server_fixture.hpp"

using namespace coremachine;
using namespace coremachine::http;
using namespace coremachine::http::test;

namespace {

constexpr int small_buffer = 4'096;

}  // namespace

TEST_CASE("A stream comes in chunks as they are written, and the connection goes on after it") {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/stream") + get("/now"));
  auto stream = server.asked.next().reply.stream({200, {{"content-type", "text/event-stream"}}, "zero"});
  const auto head = client.read_head();
  CHECK(head.status == 200);
  CHECK(head.field("transfer-encoding") == "chunked");
  CHECK(head.field("content-type") == "text/event-stream");
  CHECK(client.read_chunk() == "zero");
  for (const auto* piece : {"one", "two", "three"}) {
    CHECK(stream->write(piece));
    CHECK(client.read_chunk() == piece);
  }
  CHECK(server.server().stats().streams == 1);
  stream->end();
  CHECK_FALSE(stream->write("more"));
  CHECK(client.read_chunk().empty());
  CHECK(client.read_response().body == "GET /now ");
  CHECK(server.server().stats().streams == 0);
}

TEST_CASE("Streams of pipelined requests wait for their turn") {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/1") + get("/2"));
  auto first = server.asked.next();
  auto second = server.asked.next().reply.stream({200, {}, "a"});
  CHECK(second->write("b"));
  second->end();
  auto stream = first.reply.stream({200, {}, "c"});
  stream->write("d");
  stream->end();
  CHECK(client.read_response().body == "cd");
  CHECK(client.read_response().body == "ab");
}

TEST_CASE("For HTTP/1.0 a stream ends with the connection") {
  TestServer server;
  RawClient client(server.port());
  client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  auto stream = server.asked.next().reply.stream({200, {}, "a"});
  stream->write("b");
  stream->end();
  const auto answer = client.read_response();
  CHECK_FALSE(answer.has("transfer-encoding"));
  CHECK(answer.body == "ab");
  CHECK_FALSE(client.was_reset());
}

TEST_CASE("A stream in answer to HEAD is over before it begins") {
  TestServer server;
  RawClient client(server.port());
  client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  auto stream = server.asked.next().reply.stream({200, {{"content-type", "text/event-stream"}}, "zero"});
  stream->on_gone([&] { server.events.put("gone"); });
  CHECK(client.read_response(true).field("content-type") == "text/event-stream");
  CHECK(server.events.next() == "gone");
  CHECK_FALSE(stream->write("one"));
  client.send(get("/now"));
  CHECK(client.read_response().body == "GET /now ");
}

TEST_CASE("A stream that is dropped without an end is seen to be incomplete") {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/stream"));
  auto stream = server.asked.next().reply.stream({200, {}, "a"});
  stream->write("b");
  stream.reset();
  CHECK_THROWS_WITH(client.read_response(), "it ended in the middle of a chunked body");

  RawClient old(server.port());
  old.send("GET /stream HTTP/1.0\r\n\r\n");
  stream = server.asked.next().reply.stream({200, {}, "a"});
  CHECK(old.read_head().status == 200);
  stream.reset();
  old.read_all();
  CHECK(old.was_reset());
}

TEST_CASE("A stream whose client does not read is cut off when its buffer is full") {
  ServerOptions options;
  options.limits.stream_buffer = 100'000;
  TestServer server(options);
  RawClient client(server.port(), small_buffer);
  client.send(get("/stream"));
  auto stream = server.asked.next().reply.stream({200, {}, {}});
  stream->on_gone([&] { server.events.put("gone"); });
  std::size_t written = 0;
  while (stream->write(std::string(1'000, 'x'))) written += 1'000;
  CHECK(written >= 100'000);
  CHECK(server.events.next() == "gone");
  CHECK(server.server().stats().cut_off == 1);
  client.read_all();
  CHECK(client.was_reset());
}

TEST_CASE("A stream that is read is never cut off, however long it is") {
  ServerOptions options;
  options.limits.stream_buffer = 100'000;
  TestServer server(options);
  RawClient client(server.port(), small_buffer);
  client.send(get("/stream"));
  auto stream = server.asked.next().reply.stream({200, {}, {}});
  std::atomic<int> left{200};
  stream->on_drained([&left, stream = stream.get()] {
    if (left-- > 0) {
      stream->write(std::string(50'000, 'x'));
    } else {
      stream->end();
    }
  });
  CHECK(client.read_response().body.size() == 200u * 50'000);
  CHECK(server.server().stats().cut_off == 0);
}

TEST_CASE("Many write to many streams while clients come and go") {
  TestServer server;
  std::atomic<bool> done{false};
  std::vector<std::thread> writers;
  for (int i = 0; i < 3; ++i) {
    writers.emplace_back([&] {
      while (!done) {
        auto asked = server.asked.next();
        if (asked.request.target == "/done") return asked.reply.send({200, {}, "done"});
        auto stream = asked.reply.stream({200, {}, "begin"});
        stream->on_gone([] {});
        for (int k = 0; k < 50; ++k) stream->write(std::to_string(k) + " ");
        stream->end();
      }
    });
  }
  std::string expected = "begin";
  for (int k = 0; k < 50; ++k) expected += std::to_string(k) + " ";
  for (int i = 0; i < 50; ++i) {
    RawClient client(server.port());
    client.send(get("/stream") + get("/stream"));
    if (i % 3 == 0) {
      client.reset();
      continue;
    }
    CHECK(client.read_response().body == expected);
    if (i % 3 == 1) CHECK(client.read_response().body == expected);
  }
  for (std::size_t i = 0; i < writers.size(); ++i) {
    RawClient client(server.port());
    client.send(get("/done"));
    CHECK(client.read_response().body == "done");
  }
  for (auto& writer : writers) writer.join();
}
