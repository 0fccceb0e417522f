#include <doctest/doctest.h>

#include <thread>

#include <malloc.h>

#include "tests/http/server/server_fixture.hpp"

using namespace coremachine;
using namespace coremachine::http;
using namespace coremachine::http::test;

TEST_CASE("A connection serves one request after the other") {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/now/1", "X-Request-Id: mine\r\n"));
  const auto first = client.read_response();
  CHECK(first.status == 200);
  CHECK(first.body == "GET /now/1 ");
  CHECK(first.field("x-request-id") == "mine");
  CHECK(first.field("content-type") == "text/plain");
  CHECK(first.has("date"));
  client.send(post("/now/2", "body"));
  CHECK(client.read_response().body == "POST /now/2 body");
}

TEST_CASE("The application sees where a request came from") {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/later?a=b"));
  auto asked = server.asked.next();
  CHECK(asked.request.target == "/later?a=b");
  CHECK(asked.request.peer.starts_with("127.0.0.1:"));
  CHECK_FALSE(asked.request.secure);
  CHECK_FALSE(asked.request.id.empty());
}

TEST_CASE("Bytes may come in any portions") {
  TestServer server;
  RawClient client(server.port());
  const auto bytes = post("/now", "some body") + get("/now/second");
  for (const char c : bytes) client.send({&c, 1});
  CHECK(client.read_response().body == "POST /now some body");
  CHECK(client.read_response().body == "GET /now/second ");
}

TEST_CASE("Pipelined requests are answered in order, however late and from whatever thread the answers come") {
  constexpr int count = 20;
  ServerOptions options;
  options.io_threads = 2;
  TestServer server(options);
  RawClient client(server.port());
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += get("/" + std::to_string(i));
  client.send(bytes);
  std::vector<Asked> asked;
  for (int i = 0; i < count; ++i) asked.push_back(server.asked.next());
  std::vector<std::thread> threads;
  for (int i = count; i-- > 0;) {
    threads.emplace_back([&one = asked[static_cast<std::size_t>(i)]] {
      one.reply.send({200, {}, one.request.target});
    });
    if (i % 3 == 0) {
      for (auto& thread : threads) thread.join();
      threads.clear();
    }
  }
  for (auto& thread : threads) thread.join();
  for (int i = 0; i < count; ++i) CHECK(client.read_response().body == "/" + std::to_string(i));
}

TEST_CASE("Of one connection no more requests are under way than the limit says") {
  ServerOptions options;
  options.limits.pipelined = 3;
  TestServer server(options);
  RawClient client(server.port());
  std::string bytes;
  for (int i = 0; i < 10; ++i) bytes += get("/" + std::to_string(i));
  client.send(bytes);
  for (int i = 0; i < 10; ++i) {
    auto asked = server.asked.next();
    CHECK(asked.request.target == "/" + std::to_string(i));
    CHECK(server.server().stats().waiting <= 3);
    asked.reply.send({200, {}, asked.request.target});
    CHECK(client.read_response().body == "/" + std::to_string(i));
  }
}

TEST_CASE("What changes something and what does not are not under way together") {
  TestServer server;
  RawClient client(server.port());
  client.send(post("/1", "x") + post("/2", "y") + get("/3") + get("/4") + post("/5", "z"));
  auto first = server.asked.next();
  auto second = server.asked.next();
  CHECK(server.server().stats().waiting == 2);
  CHECK(server.asked.empty());
  second.reply.send({200, {}, "2"});
  first.reply.send({200, {}, "1"});
  auto third = server.asked.next();
  auto fourth = server.asked.next();
  CHECK(third.request.target == "/3");
  CHECK(server.server().stats().waiting == 2);
  CHECK(server.asked.empty());
  third.reply.send({200, {}, "3"});
  fourth.reply.send({200, {}, "4"});
  server.asked.next().reply.send({200, {}, "5"});
  for (const char* body : {"1", "2", "3", "4", "5"}) CHECK(client.read_response().body == body);
}

TEST_CASE("HEAD gets what GET would, without the body") {
  TestServer server;
  RawClient client(server.port());
  client.send("HEAD /now HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/now"));
  const auto head = client.read_response(true);
  CHECK(head.status == 200);
  CHECK(head.field("content-length") == std::to_string(std::string("HEAD /now ").size()));
  CHECK(client.read_response().body == "GET /now ");
}

TEST_CASE("A client that waits for 100 Continue gets it once its head is admitted") {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/before") + "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  auto before = server.asked.next();
  before.reply.send({200, {}, "first"});
  CHECK(client.read_response().body == "first");
  CHECK(client.read_response(false, true).status == 100);
  client.send("body");
  CHECK(client.read_response().body == "POST /now body");
}

TEST_CASE("A client that does not wait for 100 Continue does not get it") {
  TestServer server;
  RawClient client(server.port());
  client.send(post("/before", {}) +
              "POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  auto before = server.asked.next();
  const auto bytes_in = server.server().stats().bytes_in;
  client.send("body");
  while (server.server().stats().bytes_in < bytes_in + 4) std::this_thread::yield();
  before.reply.send({200, {}, "first"});
  CHECK(client.read_response().body == "first");
  CHECK(client.read_response(false, true).body == "POST /now body");
  client.send(get("/now"));
  CHECK(client.read_response(false, true).body == "GET /now ");
}

TEST_CASE("A client that waits for 100 Continue gets the refusal instead") {
  Application application;
  application.admit = [](const Request& head) -> std::optional<Refusal> {
    if (head.target == "/closed") return Refusal{403, "not for you", {{"x-why", "closed"}}};
    return std::nullopt;
  };
  TestServer server({}, application);
  RawClient client(server.port());
  client.send("POST /closed HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  const auto refused = client.read_response(false, true);
  CHECK(refused.status == 403);
  CHECK(refused.field("x-why") == "closed");
  CHECK(refused.field("connection") == "close");
  CHECK(client.at_end());
}

TEST_CASE("After a refusal the connection goes on if the body is short") {
  Application application;
  application.admit = [](const Request& head) -> std::optional<Refusal> {
    if (head.target.starts_with("/closed")) return Refusal{404, "there is nothing"};
    return std::nullopt;
  };
  TestServer server({}, application);
  RawClient client(server.port());
  client.send(get("/closed") + post("/closed/2", "a short body") + get("/now"));
  CHECK(client.read_response().status == 404);
  CHECK(client.read_response().status == 404);
  CHECK(client.read_response().body == "GET /now ");
  client.send("POST /closed HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  const auto last = client.read_response();
  CHECK(last.status == 404);
  CHECK(last.field("connection") == "close");
  CHECK(client.at_end());
}

TEST_CASE("A client that sends what nobody wants can read the answer") {
  Application application;
  application.body_limit = [](const Request& head) { return head.target == "/large" ? 3'000'000u : 1'000u; };
  TestServer server({}, application);
  RawClient client(server.port());
  client.send(post("/now", std::string(2'000'000, 'x')));
  const auto refused = client.read_response();
  CHECK(refused.status == 413);
  CHECK(refused.field("connection") == "close");
  CHECK(client.at_end());
  CHECK_FALSE(client.was_reset());

  RawClient other(server.port());
  other.send(post("/large", std::string(2'000'000, 'x')));
  auto asked = server.asked.next();
  CHECK(asked.request.body.size() == 2'000'000);
  asked.reply.send({200, {}, std::string(5'000'000, 'y')});
  CHECK(other.read_response().body == std::string(5'000'000, 'y'));
}

TEST_CASE("Bad input is refused and closes its own connection alone") {
  struct Row {
    const char* bytes;
    int status;
  };
  const Row rows[] = {
      {"GET /now HTTP/1.1\r\n\r\n", 400},
      {"GET /now HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST /now HTTP/1.1\r\nHost: a\r\nContent-Length: 3x\r\n\r\nabc", 400},
      {"GET /now HTTP/1.1\r\nHost: a\r\nA: b\r\n c\r\n\r\n", 400},
      {"GET /now HTTP/1.1\r\nHost : a\r\n\r\n", 400},
      {"POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST /now HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"BREW /now HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"\x16\x03\x01\x02\x01\x01", 400},
  };
  TestServer server;
  RawClient bystander(server.port());
  for (const auto& row : rows) {
    CAPTURE(row.bytes);
    RawClient client(server.port());
    client.send(std::string(row.bytes) + std::string(100'000, 'x'));
    const auto refused = client.read_response();
    CHECK(refused.status == row.status);
    CHECK(refused.field("connection") == "close");
    CHECK(refused.has("x-request-id"));
    CHECK_FALSE(refused.body.empty());
    CHECK(client.at_end());
  }
  bystander.send(get("/now"));
  CHECK(bystander.read_response().status == 200);
}

TEST_CASE("A refusal waits for the answers before it") {
  TestServer server;
  RawClient client(server.port());
  client.send(get("/first") + "nonsense\r\n\r\n");
  auto asked = server.asked.next();
  asked.reply.send({200, {}, "first"});
  CHECK(client.read_response().body == "first");
  CHECK(client.read_response().status == 400);
  CHECK(client.at_end());
}

TEST_CASE("The application says how a refusal looks") {
  Application application;
  application.refuse = [](const Request* request, const Refusal& refusal) {
    if (refusal.status == 501) throw std::runtime_error("twice unlucky");
    return Response{refusal.status, {{"x-made", request->target.empty() ? "of nothing" : request->target}}, refusal.detail};
  };
  application.admit = [](const Request& head) -> std::optional<Refusal> {
    if (head.target == "/admit-throws") throw std::runtime_error("a mistake");
    return Refusal{404, "what is " + head.target, {}};
  };
  TestServer server({}, application);
  RawClient client(server.port());
  client.send(get("/x") + get("/admit-throws") + "GET /\r\n");
  auto refused = client.read_response();
  CHECK(refused.status == 404);
  CHECK(refused.body == "what is /x");
  CHECK(refused.field("x-made") == "/x");
  refused = client.read_response();
  CHECK(refused.status == 500);
  CHECK(refused.field("x-made") == "/admit-throws");
  refused = client.read_response();
  CHECK(refused.status == 400);
  CHECK(refused.field("x-made") == "of nothing");
  CHECK(server.has_logged("a mistake"));

  RawClient other(server.port());
  other.send("BREW / HTTP/1.1\r\n\r\n");
  CHECK(other.read_response().status == 501);
  CHECK(server.has_logged("twice unlucky"));
}

TEST_CASE("Mistakes of the application are answered with 500, and the connection goes on") {
  Application application;
  application.handle = [](Request request, Reply reply) {
    if (request.target == "/throw") throw std::runtime_error("a mistake");
    if (request.target == "/throw-later") {
      reply.send({200, {}, "sent"});
      throw 7;
    }
    if (request.target == "/lose") return;
    if (request.target == "/unsound") return reply.send({200, {{"a", "b\r\nc: d"}}, "x"});
    if (request.target == "/unsound-stream") reply.stream({200, {{"a", "b\r\nc: d"}}, "x"})->end();
  };
  application.refuse = [](const Request* request, const Refusal& refusal) {
    return Response{refusal.status, {}, request->method + request->target + request->id};
  };
  TestServer server({}, application);
  RawClient client(server.port());
  client.send(get("/throw", "X-Request-Id: id-1\r\n") + get("/throw-later") + get("/lose", "X-Request-Id: id-2\r\n"));
  auto answer = client.read_response();
  CHECK(answer.status == 500);
  CHECK(answer.body == "GET/throwid-1");
  CHECK(answer.field("x-request-id") == "id-1");
  CHECK(client.read_response().body == "sent");
  answer = client.read_response();
  CHECK(answer.status == 500);
  CHECK(answer.body == "GET/loseid-2");
  CHECK(server.has_logged("a mistake"));
  CHECK(server.has_logged("not an exception"));
  CHECK(server.has_logged("nobody answered request id-2, GET /lose"));
  client.send(get("/unsound") + get("/unsound-stream"));
  CHECK(client.read_response().status == 500);
  CHECK(client.read_response().status == 500);
  CHECK(server.has_logged("GET /unsound cannot be written"));
}

TEST_CASE("Connection: close and HTTP/1.0 close after the answer") {
  for (const auto* request :
       {"GET /now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /now HTTP/1.0\r\n\r\n"}) {
    CAPTURE(request);
    TestServer server;
    RawClient client(server.port());
    client.send(std::string(request) + get("/never"));
    CHECK(client.read_response().body == "GET /now ");
    CHECK(client.at_end());
    CHECK(server.asked.empty());
  }
}

TEST_CASE("Thousands may wait for answers: it costs a few KiB each") {
  constexpr std::size_t count = 2'000;
  TestServer server;
  std::vector<std::unique_ptr<RawClient>> clients;
  std::vector<Asked> asked;
  const auto bytes_before = ::mallinfo2().uordblks;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(get("/" + std::to_string(i)));
  }
  for (std::size_t i = 0; i < count; ++i) asked.push_back(server.asked.next());
  // With the requests, which the test has, and the test's own clients.
  CHECK(::mallinfo2().uordblks < bytes_before + count * 4'096);
  const auto stats = server.server().stats();
  CHECK(stats.waiting == count);
  CHECK(stats.connections == count);
  RawClient other(server.port());
  other.send(get("/now"));
  CHECK(other.read_response().status == 200);
  std::thread answering([&] {
    for (auto i = asked.rbegin(); i != asked.rend(); ++i) i->reply.send({200, {}, i->request.target});
  });
  for (std::size_t i = 0; i < count; ++i) CHECK(clients[i]->read_response().body == "/" + std::to_string(i));
  answering.join();
  CHECK(server.server().stats().waiting == 0);
}

TEST_CASE("What happened is counted, and told") {
  Arrivals<Answered> told;
  Application application;
  application.answered = [&](const Answered& what) { told.put(what); };
  TestServer server({}, application);
  RawClient client(server.port());
  const auto request = get("/now", "X-Request-Id: r\r\n");
  client.send(request + "nonsense\r\n\r\n");
  client.read_response();
  client.read_response();
  const auto first = told.next();
  CHECK(first.id == "r");
  CHECK(first.method == "GET");
  CHECK(first.target == "/now");
  CHECK(first.status == 200);
  CHECK(first.bytes == std::string("GET /now ").size());
  CHECK(first.took > 0ns);
  const auto second = told.next();
  CHECK(second.status == 400);
  CHECK(second.method.empty());
  const auto stats = server.server().stats();
  CHECK(stats.accepted == 1);
  CHECK(stats.answers[2] == 1);
  CHECK(stats.answers[4] == 1);
  CHECK(stats.bytes_in >= request.size());
  CHECK(stats.bytes_out > 0);
}

TEST_CASE("An address that cannot be bound is refused by name") {
  const auto start = [](const std::string& address) {
    ServerOptions options;
    options.listen = address;
    Application application;
    application.handle = [](Request, Reply) {};
    Server server(options, application);
    return server.start();
  };
  TestServer taken;
  struct Row {
    std::string address;
    std::string reason;
  };
  const Row rows[] = {
      {taken.address.to_string(), "another program listens there"},
      {"", "not HOST:PORT"},
      {"8080", "not HOST:PORT"},
      {":8080", "not HOST:PORT"},
      {"127.0.0.1:65536", "not HOST:PORT"},
      {"::1:80", "not HOST:PORT"},
      {"192.0.2.1:0", "does not have that address"},
      {"no-such-host.invalid:0", "nothing is known of the host no-such-host.invalid"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.address);
    const auto bound = start(row.address);
    REQUIRE(bound.has_error());
    CHECK(bound.error().code == ErrorCode::invalid_argument);
    CHECK(bound.error().message.find(row.reason) != std::string::npos);
    CHECK(bound.error().message.find(row.address) != std::string::npos);
  }
  const auto bound = start("localhost:0");
  REQUIRE(bound.has_value());
  CHECK(bound->port != 0);
  CHECK(bound->url() == "http://" + bound->to_string());
}
