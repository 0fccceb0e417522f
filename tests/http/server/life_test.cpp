// Clients that go away, and servers that do.
#include <doctest/doctest.h>

#include <thread>

#include "tests/http/server/server_fixture.hpp"

using namespace coremachine;
using namespace coremachine::http;
using namespace coremachine::http::test;

TEST_CASE("Who is answering hears that the client is gone") {
  ServerOptions options;
  options.limits.half_closed = 20ms;
  for (const bool abrupt : {false, true}) {
    CAPTURE(abrupt);
    TestServer server(options);
    RawClient client(server.port());
    client.send(get("/reply"));
    auto waiting = server.asked.next();
    waiting.reply.on_gone([&] { server.events.put("gone"); });
    RawClient other(server.port());
    other.send(get("/stream"));
    auto stream = server.asked.next().reply.stream({200, {}, "begun"});
    stream->on_gone([&] { server.events.put("gone"); });
    CHECK(other.read_head().status == 200);
    for (auto* one : {&client, &other}) {
      abrupt ? one->reset() : one->close();
      CHECK(server.events.next() == "gone");
    }
    while (server.server().stats().connections > 0) std::this_thread::yield();
    CHECK(server.server().stats().waiting == 0);
    CHECK_FALSE(stream->write("more"));
    // Whoever asks later is told as well, and an answer goes nowhere.
    waiting.reply.on_gone([&] { server.events.put("gone before"); });
    CHECK(server.events.next() == "gone before");
    stream->on_gone([&] { server.events.put("gone before"); });
    CHECK(server.events.next() == "gone before");
    waiting.reply.send({200, {}, "too late"});
  }
}

TEST_CASE("Who was answered does not hear of it") {
  TestServer server;
  auto client = std::make_unique<RawClient>(server.port());
  client->send(get("/reply") + get("/stream"));
  auto waiting = server.asked.next();
  waiting.reply.on_gone([&] { server.events.put("gone"); });
  waiting.reply.send({200, {}, "answered"});
  auto stream = server.asked.next().reply.stream({200, {}, "begun"});
  stream->on_gone([&] { server.events.put("gone"); });
  stream->end();
  CHECK(client->read_response().body == "answered");
  CHECK(client->read_response().body == "begun");
  client.reset();
  while (server.server().stats().connections > 0) std::this_thread::yield();
  server.server().stop();
  CHECK(server.events.empty());
}

TEST_CASE("A client that only ends its own side is answered") {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/now") + get("/later"));
  client.end_sending();
  auto asked = server.asked.next();
  CHECK(client.read_response().body == "GET /now ");
  asked.reply.send({200, {}, "later"});
  CHECK(client.read_response().body == "later");
  CHECK(client.at_end());

  RawClient half(server.port());
  half.send("POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  half.end_sending();
  const auto refused = half.read_response();
  CHECK(refused.status == 400);
  CHECK(refused.body == "the connection ended in the middle of the request\n");
  CHECK(half.at_end());
}

TEST_CASE("What is run for a reply answers from the thread that writes it") {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/1") + get("/2") + get("/3"));
  std::vector<std::shared_ptr<Reply>> replies;
  for (int i = 0; i < 3; ++i) replies.push_back(std::make_shared<Reply>(server.asked.next().reply));
  Arrivals<std::thread::id> threads;
  const auto answer = [&](std::size_t which, std::string text) {
    auto& reply = *replies[which];
    reply.run([&threads, reply = std::move(replies[which]), text = std::move(text)] {
      threads.put(std::this_thread::get_id());
      reply->send({200, {}, text});
    });
  };
  answer(1, "second");
  answer(0, "first");
  CHECK(client.read_response().body == "first");
  CHECK(client.read_response().body == "second");
  const auto thread = threads.next();
  CHECK(thread != std::this_thread::get_id());
  CHECK(threads.next() == thread);
  auto& third = *replies[2];
  third.run([reply = std::move(replies[2])] { throw std::runtime_error("a mistake in what is run"); });
  CHECK(client.read_response().status == 500);
  CHECK(server.has_logged("a mistake in what is run"));
}

TEST_CASE("What is run for a client that is gone is for nobody, and for a server that stopped it is not run") {
  TestServer server;
  const auto ask = [&](RawClient& client) {
    client.send(get("/reply"));
    return std::make_shared<Reply>(server.asked.next().reply);
  };
  {
    auto client = std::make_unique<RawClient>(server.port());
    const auto reply = ask(*client);
    client.reset();
    while (server.server().stats().connections > 0) std::this_thread::yield();
    reply->run([&, reply] {
      reply->send({200, {}, "too late"});
      server.events.put("run");
    });
    CHECK(server.events.next() == "run");
  }
  RawClient client(server.port());
  auto reply = ask(client);
  server.server().stop();
  const std::weak_ptr<Reply> left = reply;
  auto& kept = *reply;
  kept.run([&, reply = std::move(reply)] { server.events.put("run"); });
  CHECK(left.expired());
  CHECK(server.events.empty());
}

TEST_CASE("Callbacks that throw are logged, and the server lives") {
  TestServer server;
  {
    RawClient client(server.port());
    client.send(get("/reply"));
    auto waiting = server.asked.next();
    waiting.reply.on_gone([&] { throw std::runtime_error("a mistake in a callback"); });
    waiting.reply.on_gone([&] {
      server.events.put("gone");
      throw std::runtime_error("a mistake in a callback");
    });
    client.reset();
    CHECK(server.events.next() == "gone");
    while (server.server().stats().connections > 0) std::this_thread::yield();
  }
  RawClient client(server.port());
  client.send(get("/now"));
  CHECK(client.read_response().status == 200);
  CHECK(server.has_logged("a mistake in a callback"));
}

TEST_CASE("To drain is to end what is idle and to finish what was asked") {
  ServerOptions options;
  options.limits.linger = 20ms;
  TestServer server(options);
  RawClient idle(server.port());
  idle.send(get("/now"));
  CHECK(idle.read_response().status == 200);
  RawClient fresh(server.port());
  RawClient waiting(server.port());
  waiting.send(get("/1") + get("/2"));
  auto first = server.asked.next();
  auto second = server.asked.next();
  RawClient streaming(server.port());
  streaming.send(get("/stream"));
  auto stream = server.asked.next().reply.stream({200, {}, "begun"});
  stream->on_gone([&] { server.events.put("gone"); });
  RawClient half(server.port());
  half.send("POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf");
  while (server.server().stats().accepted < 5) std::this_thread::yield();

  CHECK_FALSE(server.server().drain(0ms));
  CHECK(idle.at_end());
  CHECK(fresh.at_end());
  CHECK(server.events.next() == "gone");
  CHECK_FALSE(stream->write("more"));
  CHECK(streaming.read_response().body == "begun");
  CHECK(streaming.at_end());
  CHECK_THROWS(RawClient(server.port()));
  half.send("half");
  const auto whole = half.read_response();
  CHECK(whole.body == "POST /now halfhalf");
  CHECK(whole.field("connection") == "close");
  first.reply.send({200, {}, "1"});
  auto answer = waiting.read_response();
  CHECK(answer.body == "1");
  CHECK(answer.field("connection") != "close");
  second.reply.send({200, {}, "2"});
  answer = waiting.read_response();
  CHECK(answer.body == "2");
  CHECK(answer.field("connection") == "close");
  CHECK(waiting.at_end());
  CHECK(server.server().drain(60s));
  CHECK(server.server().stats().connections == 0);
  server.server().stop();
}

TEST_CASE("To stop is to close everything, and what is said later goes nowhere") {
  for (const unsigned threads : {1u, 2u}) {
    ServerOptions options;
    options.io_threads = threads;
    std::optional<TestServer> server(std::in_place, options);
    std::vector<std::unique_ptr<RawClient>> clients;
    std::vector<Asked> asked;
    Arrivals<std::string> events;
    for (int i = 0; i < 10; ++i) {
      clients.push_back(std::make_unique<RawClient>(server->port()));
      clients.back()->send(get("/" + std::to_string(i)));
      asked.push_back(server->asked.next());
      asked.back().reply.on_gone([&] { events.put("gone"); });
    }
    auto stream = asked.back().reply.stream({200, {}, "begun"});
    asked.pop_back();
    server->server().stop();
    for (std::size_t i = 0; i < asked.size(); ++i) CHECK(events.next() == "gone");
    for (auto& client : clients) client->read_all();
    server->server().stop();
    server.reset();
    for (auto& one : asked) one.reply.send({200, {}, "too late"});
    CHECK_FALSE(stream->write("too late"));
    stream->end();
    CHECK(events.empty());
  }
}

TEST_CASE("A server that never started, or could not, goes quietly") {
  Application application;
  application.handle = [](Request, Reply) {};
  Server unused({}, application);
  CHECK(unused.drain(0ms));
  unused.stop();
  CHECK(unused.stats().accepted == 0);
}

TEST_CASE("Answers race with clients that leave and a server that stops") {
  for (int round = 0; round < 20; ++round) {
    std::optional<TestServer> server(std::in_place);
    std::vector<Asked> asked;
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 8; ++i) {
      clients.push_back(std::make_unique<RawClient>(server->port()));
      clients.back()->send(get("/a") + get("/b"));
      asked.push_back(server->asked.next());
      asked.push_back(server->asked.next());
    }
    std::thread answering([&] {
      for (std::size_t i = 0; i < asked.size(); ++i) {
        if (i % 3 == 0) {
          asked[i].reply.on_gone([] {});
          asked[i].reply.send({200, {}, "x"});
        } else if (i % 3 == 1) {
          auto stream = asked[i].reply.stream({200, {}, "y"});
          stream->write("z");
        } else {
          const auto dropped = std::move(asked[i].reply);
        }
      }
    });
    std::thread leaving([&] {
      for (std::size_t i = 0; i < clients.size(); i += 2) clients[i]->reset();
    });
    server->server().stop();
    answering.join();
    leaving.join();
    CHECK(server->server().stats().connections == 0);
    server.reset();
  }
}
