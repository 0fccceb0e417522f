// Answers of HTTP, cut wherever a network may cut them.
#include <doctest/doctest.h>

#include "triggers/cli/client/response_reader.hpp"
#include "triggers/cli/client/server_address.hpp"

using namespace coremachine::cli;

namespace {

struct Row {
  const char* what;
  std::string bytes;
  int status;
  std::string body;
  bool until_closed = false;
};

const Row rows[] = {
    {"a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
    {"chunks", "HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", 202,
     "hello"},
    {"no body", "HTTP/1.1 204 No Content\r\nX-Request-Id: a\r\n\r\n", 204, ""},
    {"until the connection closes", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", 200, "hello", true},
    {"an interim answer first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nok", 201,
     "ok"},
    {"HTTP/1.0", "HTTP/1.0 404 No\r\nContent-Length: 2\r\n\r\nno", 404, "no"},
};

void check(const Row& row, const std::vector<std::string>& pieces) {
  ResponseReader reader;
  std::string body;
  for (const auto& piece : pieces) {
    REQUIRE(reader.feed(piece).has_value());
    if (reader.head()) body += reader.take_body();
  }
  CHECK(reader.complete() == !row.until_closed);
  CHECK(reader.feed_end().has_value());
  if (reader.head()) body += reader.take_body();
  REQUIRE(reader.complete());
  CHECK(reader.head()->status == row.status);
  CHECK(body == row.body);
}

}  // namespace

TEST_CASE("an answer is the same however its bytes are cut") {
  for (const auto& row : rows) {
    CAPTURE(row.what);
    for (std::size_t cut = 0; cut <= row.bytes.size(); ++cut) {
      CAPTURE(cut);
      check(row, {row.bytes.substr(0, cut), row.bytes.substr(cut)});
    }
    std::vector<std::string> bytes;
    for (const char c : row.bytes) bytes.emplace_back(1, c);
    check(row, bytes);
  }
}

TEST_CASE("an answer that ends too early is told from one that is whole") {
  for (const auto& row : rows) {
    if (row.until_closed) continue;
    CAPTURE(row.what);
    for (std::size_t size = 0; size < row.bytes.size(); ++size) {
      CAPTURE(size);
      ResponseReader reader;
      REQUIRE(reader.feed(row.bytes.substr(0, size)).has_value());
      CHECK(!reader.complete());
      CHECK(!reader.feed_end());
    }
  }
}

TEST_CASE("what is no HTTP is malformed") {
  for (const auto* bytes :
       {"220 smtp.example.org ESMTP\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"}) {
    CAPTURE(bytes);
    ResponseReader reader;
    const auto fed = reader.feed(bytes);
    REQUIRE(!fed);
    CHECK(fed.error().kind == TransportError::Kind::malformed);
  }
}

TEST_CASE("names of fields are found in lower case, and whether the connection stays") {
  ResponseReader reader;
  REQUIRE(reader.feed("HTTP/1.1 200 OK\r\nX-Request-ID: Abc\r\nContent-Length: 0\r\n\r\n").has_value());
  REQUIRE(reader.head());
  CHECK(*reader.head()->find("x-request-id") == "Abc");
  CHECK(reader.head()->find("none") == nullptr);
  CHECK(reader.head()->keep_alive);
}

TEST_CASE("addresses of servers") {
  struct Address {
    const char* text;
    const char* url;  // none: it is no address
  };
  for (const auto& row : std::initializer_list<Address>{{"http://127.0.0.1:8080", "http://127.0.0.1:8080"},
                                                        {"http://127.0.0.1:8080/", "http://127.0.0.1:8080"},
                                                        {"https://example.org", "https://example.org"},
                                                        {"https://example.org:443/a/", "https://example.org/a"},
                                                        {"http://[::1]:9", "http://[::1]:9"},
                                                        {"http://localhost", "http://localhost"},
                                                        {"127.0.0.1:8080", nullptr},
                                                        {"ftp://a", nullptr},
                                                        {"http://", nullptr},
                                                        {"http://:80", nullptr},
                                                        {"http://a:", nullptr},
                                                        {"http://a:0", nullptr},
                                                        {"http://a:65536", nullptr},
                                                        {"http://a:8x", nullptr},
                                                        {"http://user@a", nullptr},
                                                        {"http://a?x", nullptr},
                                                        {"http://a/b?x", nullptr},
                                                        {"http://a b", nullptr},
                                                        {"http://[::1", nullptr},
                                                        {"http://[a]", nullptr}}) {
    CAPTURE(row.text);
    const auto server = parse_server(row.text);
    REQUIRE(server.has_value() == (row.url != nullptr));
    if (server) CHECK(server->url() == row.url);
  }
}
