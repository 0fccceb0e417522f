#include "triggers/http/wire/request_reader.hpp"

#include <random>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "tests/http/wire/transcript.hpp"
#include "tests/support/bad_requests.hpp"

using namespace coremachine;
using namespace coremachine::http;
using namespace coremachine::testing;
using State = RequestReader::State;

namespace {

const std::string host = "Host: localhost\r\n";

std::vector<std::string_view> by_byte(std::string_view bytes) {
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < bytes.size(); ++i) pieces.push_back(bytes.substr(i, 1));
  return pieces;
}

/// Whatever the split, the same is read.
void check_every_split(const std::string& bytes, const Limits& limits = {}) {
  const std::string_view all = bytes;
  const auto whole = to_text(read_pieces({all}, limits));
  CHECK(to_text(read_pieces(by_byte(all), limits)) == whole);
  std::size_t differing = 0;
  for (std::size_t at = 1; at < all.size(); ++at) {
    if (to_text(read_pieces({all.substr(0, at), all.substr(at)}, limits)) != whole) ++differing;
  }
  CHECK(differing == 0);
  std::mt19937_64 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < all.size();) {
      pieces.push_back(all.substr(at, random() % (1 + all.size() / 3)));
      at += pieces.back().size();
    }
    if (to_text(read_pieces(pieces, limits)) != whole) ++differing;
  }
  CHECK(differing == 0);
}

Request only_request(std::string_view bytes) {
  const auto reading = read_pieces({bytes});
  CAPTURE(to_text(reading));
  REQUIRE(reading.requests.size() == 1);
  CHECK(reading.state == State::needs_head);
  CHECK(reading.left == 0);
  return reading.requests.front();
}

RequestReader after_head(const std::string& bytes, const Limits& limits = {}) {
  RequestReader reader(limits);
  REQUIRE(reader.feed(bytes) == State::head_ready);
  return reader;
}

}  // namespace

TEST_SUITE("http wire: request reader") {
  TEST_CASE("what no server should take is refused, however it comes") {
    std::set<std::string> names;
    for (const auto& row : bad_requests()) {
      CAPTURE(row.name);
      CHECK(names.insert(row.name).second);
      const auto reading = read_pieces({row.bytes});
      REQUIRE(reading.state == State::refused);
      CHECK(reading.refusal.status == row.status);
      CHECK(reading.refusal.close);
      CHECK_FALSE(reading.refusal.detail.empty());
      CHECK(reading.requests.empty());
      check_every_split(row.bytes);
    }
  }

  TEST_CASE("a request that is refused is refused for good") {
    for (const auto& row : bad_requests()) {
      CAPTURE(row.name);
      const std::string good = "GET / HTTP/1.1\r\n" + host + "\r\n";
      const auto reading = read_pieces({row.bytes, good});
      CHECK(reading.requests.empty());
      CHECK(reading.refusal.status == row.status);
      const auto second = read_pieces({good + row.bytes});
      CHECK(second.requests.size() == 1);
      CHECK(second.refusal.status == row.status);
    }
  }

  TEST_CASE("requests are read, however they come") {
    struct Row {
      std::string bytes;
      const char* reads;
    };
    const Row rows[] = {
        {"GET / HTTP/1.1\r\n" + host + "\r\n", "GET / 1.1 stays\nhost: localhost\n[]\n"},
        {"GET /a/b?c=d&e=%20 HTTP/1.1\r\nHOST:localhost:8080\r\nX-Empty:\r\nX-Blank: \t \r\nAccept: \t*/* \t\r\n\r\n",
         "GET /a/b?c=d&e=%20 1.1 stays\nhost: localhost:8080\nx-empty: \nx-blank: \naccept: */*\n[]\n"},
        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello",
         "POST / 1.1 stays\nhost: localhost\ncontent-length: 5\n[hello]\n"},
        {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 0\r\n\r\n",
         "PUT / 1.1 stays\nhost: localhost\ncontent-length: 0\n[]\n"},
        {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 0000000000000000000000005\r\n\r\nhello",
         "PUT / 1.1 stays\nhost: localhost\ncontent-length: 0000000000000000000000005\n[hello]\n"},
        {"POST / HTTP/1.1\r\n" + host +
             "Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n006;a;b=c;d=\"e \\\" ;\" ; f\r\n " +
             "world\r\n0;last=1\r\nTrailer: x\r\n\r\n",
         "POST / 1.1 stays\nhost: localhost\ntransfer-encoding: Chunked\n[hello world]\n"},
        {"POST / HTTP/1.1\r\n" + host +
             "Transfer-Encoding: chunked\r\n\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n000\r\n\r\n",
         "POST / 1.1 stays\nhost: localhost\ntransfer-encoding: chunked\n[abcdefghijklmnopqrstuvwxyz]\n"},
        {"POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n5\r\n\r\n0\r\n\r\n0\r\n\r\n",
         "POST / 1.1 stays\nhost: localhost\ntransfer-encoding: chunked\n[\r\n0\r\n]\n"},
        {"\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n", "GET / 1.1 stays\nhost: localhost\n[]\n"},
        {"GET / HTTP/1.9\r\n" + host + "\r\n", "GET / 1.1 stays\nhost: localhost\n[]\n"},
        {"GET / HTTP/1.0\r\n\r\n", "GET / 1.0 closes\n[]\n"},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET / 1.0 stays\nconnection: Keep-Alive\n[]\n"},
        {"GET / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
         "GET / 1.1 closes\nhost: localhost\nconnection: close\n[]\n"},
        {"GET / HTTP/1.1\r\n" + host + "Connection: upgrade , CLOSE\r\n\r\n",
         "GET / 1.1 closes\nhost: localhost\nconnection: upgrade , CLOSE\n[]\n"},
        {"GET / HTTP/1.1\r\n" + host + "Connection: keep-alive\r\nConnection: x, close\r\n\r\n",
         "GET / 1.1 closes\nhost: localhost\nconnection: keep-alive\nconnection: x, close\n[]\n"},
        {"GET / HTTP/1.1\r\n" + host + "Connection: closed\r\n\r\n",
         "GET / 1.1 stays\nhost: localhost\nconnection: closed\n[]\n"},
        {"OPTIONS * HTTP/1.1\r\n" + host + "\r\n", "OPTIONS * 1.1 stays\nhost: localhost\n[]\n"},
        {"OPTIONS http://localhost HTTP/1.1\r\n" + host + "\r\n", "OPTIONS * 1.1 stays\nhost: localhost\n[]\n"},
        {"GET http://localhost HTTP/1.1\r\n" + host + "\r\n", "GET / 1.1 stays\nhost: localhost\n[]\n"},
        {"GET http://localhost?a=/b HTTP/1.1\r\n" + host + "\r\n", "GET /?a=/b 1.1 stays\nhost: localhost\n[]\n"},
        {"GET HTTP://LOCALHOST:80/a?b HTTP/1.1\r\n" + host + "\r\n", "GET /a?b 1.1 stays\nhost: localhost\n[]\n"},
        {"GET https://localhost/a HTTP/1.1\r\nHost: localhost:443\r\n\r\n",
         "GET /a 1.1 stays\nhost: localhost:443\n[]\n"},
        {"GET http://[::1]:8080/a HTTP/1.0\r\n\r\n", "GET /a 1.0 closes\nhost: [::1]:8080\n[]\n"},
        {"GET /a?u=http://b/ HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
         "GET /a?u=http://b/ 1.1 stays\nhost: [::1]:8080\n[]\n"},
        {"GET / HTTP/1.1\r\n" + host + "X: caf\xc3\xa9 \xff\r\n\r\n",
         "GET / 1.1 stays\nhost: localhost\nx: caf\xc3\xa9 \xff\n[]\n"},
        {"PATCH /{a}|\"b\" HTTP/1.1\r\n" + host + "\r\n", "PATCH /{a}|\"b\" 1.1 stays\nhost: localhost\n[]\n"},
        {"POST / HTTP/1.0\r\nExpect: something\r\nContent-Length: 1\r\n\r\na",
         "POST / 1.0 closes\nexpect: something\ncontent-length: 1\n[a]\n"},
        {"GET /1 HTTP/1.1\r\n" + host + "\r\nPOST /2 HTTP/1.1\r\n" + host +
             "Content-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\n" + host + "\r\n",
         "GET /1 1.1 stays\nhost: localhost\n[]\nPOST /2 1.1 stays\nhost: localhost\ncontent-length: 3\n[abc]\n"
         "GET /3 1.1 stays\nhost: localhost\n[]\n"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.bytes);
      CHECK(to_text(read_pieces({row.bytes})) == row.reads + std::string("state 0, left 0\n"));
      check_every_split(row.bytes);
    }
  }

  TEST_CASE("each method is known, the application decides about it") {
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}) {
      CAPTURE(method);
      CHECK(only_request(method + (" / HTTP/1.1\r\n" + host) + "\r\n").method == method);
    }
  }

  TEST_CASE("limits are taken to the byte") {
    Limits limits;
    limits.target = 10;
    limits.header = 40;
    limits.fields = 3;
    limits.body = 8;
    const auto status = [&](const std::string& bytes) {
      const auto reading = read_pieces({bytes}, limits);
      check_every_split(bytes, limits);
      return reading.state == State::refused ? reading.refusal.status : static_cast<int>(reading.requests.size());
    };
    const auto with_header = [](std::size_t size) {
      const std::string begin = "Host: a\r\nB: ";
      return "GET / HTTP/1.1\r\n" + begin + std::string(size - begin.size() - 4, 'b') + "\r\n\r\n";
    };
    const std::string short_host = "Host: a\r\n";
    CHECK(status("GET /" + std::string(9, 'a') + " HTTP/1.1\r\n" + short_host + "\r\n") == 1);
    CHECK(status("GET /" + std::string(10, 'a') + " HTTP/1.1\r\n" + short_host + "\r\n") == 414);
    CHECK(status(with_header(40)) == 1);
    CHECK(status(with_header(41)) == 431);
    CHECK(status("GET / HTTP/1.1\r\n" + short_host + "b:\r\nc:\r\n\r\n") == 1);
    CHECK(status("GET / HTTP/1.1\r\n" + short_host + "b:\r\nc:\r\nd:\r\n\r\n") == 431);
    CHECK(status("PUT / HTTP/1.1\r\n" + short_host + "Content-Length:8\r\n\r\n12345678") == 1);
    CHECK(status("PUT / HTTP/1.1\r\n" + short_host + "Content-Length:9\r\n\r\n") == 413);
    limits.header = 80;
    const std::string chunked = "PUT / HTTP/1.1\r\n" + short_host + "Transfer-Encoding: chunked\r\n\r\n";
    CHECK(status(chunked + "5\r\n12345\r\n3\r\n678\r\n0\r\n\r\n") == 1);
    CHECK(status(chunked + "5\r\n12345\r\n4\r\n") == 413);
  }

  TEST_CASE("the head is there before the body is read") {
    auto reader = after_head("POST /a HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhel");
    REQUIRE(reader.head() != nullptr);
    CHECK(reader.head()->target == "/a");
    CHECK(reader.head()->body.empty());
    CHECK(reader.buffered() == 3);
    CHECK(reader.read_body() == State::needs_body);
    CHECK(reader.buffered() == 0);
    CHECK(reader.feed("loGE") == State::complete);
    CHECK(reader.head()->body == "hello");
    CHECK(reader.buffered() == 2);
    CHECK(reader.take().body == "hello");
    CHECK(reader.state() == State::needs_head);
    CHECK(reader.started());
    CHECK(reader.head() == nullptr);
  }

  TEST_CASE("a caller may want a smaller body than the limit") {
    const std::string head = "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\n";
    auto reader = after_head(head + "hello");
    CHECK(reader.read_body(4) == State::refused);
    CHECK(reader.refusal().status == 413);
    CHECK(reader.refusal().detail.find(" 4 bytes") != std::string::npos);
    CHECK(reader.head() != nullptr);
    CHECK(after_head(head + "hello").read_body(5) == State::complete);
  }

  TEST_CASE("a body can be dropped, if it is known to be short") {
    const std::string next = "GET /next HTTP/1.1\r\n" + host + "\r\n";
    SUBCASE("none at all") {
      auto reader = after_head("GET / HTTP/1.1\r\n" + host + "\r\n");
      CHECK(reader.skip_body(0));
      CHECK(reader.state() == State::complete);
    }
    SUBCASE("a short one") {
      auto reader = after_head("POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhe");
      CHECK(reader.skip_body(5));
      CHECK(reader.state() == State::needs_body);
      CHECK(reader.feed("llo" + next) == State::complete);
      CHECK(reader.take().body.empty());
      REQUIRE(reader.state() == State::head_ready);
      CHECK(reader.head()->target == "/next");
    }
    SUBCASE("not a longer one") {
      CHECK_FALSE(after_head("POST / HTTP/1.1\r\n" + host + "Content-Length: 6\r\n\r\n").skip_body(5));
    }
    SUBCASE("not one of unknown length") {
      CHECK_FALSE(after_head("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n").skip_body(5));
    }
    SUBCASE("not one that may not come") {
      const auto head = "POST / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
      CHECK_FALSE(after_head(head).skip_body(5));
    }
  }

  TEST_CASE("who waits for 100 Continue is told from who does not") {
    const auto wants = [](const std::string& lines, const std::string& body) {
      auto reader = after_head("POST / HTTP/1.1\r\n" + host + lines + "\r\n" + body);
      CHECK_FALSE(reader.wants_continue());
      reader.read_body();
      return reader.wants_continue();
    };
    CHECK(wants("Expect: 100-continue\r\nContent-Length: 5\r\n", ""));
    CHECK(wants("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", ""));
    CHECK_FALSE(wants("Content-Length: 5\r\n", ""));
    CHECK_FALSE(wants("Expect: 100-continue\r\nContent-Length: 5\r\n", "h"));
    CHECK_FALSE(wants("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "5"));
    CHECK_FALSE(wants("Expect: 100-continue\r\nContent-Length: 0\r\n", ""));
    CHECK_FALSE(wants("Expect: 100-continue\r\n", ""));
    auto old = after_head("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    old.read_body();
    CHECK_FALSE(old.wants_continue());
  }

  TEST_CASE("an idle connection is told from a slow request") {
    RequestReader reader;
    CHECK_FALSE(reader.started());
    reader.feed("\r\n");
    CHECK_FALSE(reader.started());
    reader.feed("G");
    CHECK(reader.started());
    reader.feed("ET / HTTP/1.1\r\n" + host + "\r\n");
    REQUIRE(reader.read_body() == State::complete);
    reader.take();
    CHECK_FALSE(reader.started());
  }

  TEST_CASE("a request brings its connection and an id along") {
    const auto read = [](const std::string& lines) {
      RequestReader reader({}, "127.0.0.1:5", true);
      reader.feed("GET / HTTP/1.1\r\n" + host + lines + "\r\n");
      reader.read_body();
      return reader.take();
    };
    const auto request = read("X-Request-Id: abc-1.2_3\r\n");
    CHECK(request.peer == "127.0.0.1:5");
    CHECK(request.secure);
    CHECK(request.id == "abc-1.2_3");
    CHECK(read("X-Request-Id: " + std::string(128, 'a') + "\r\n").id == std::string(128, 'a'));
    std::set<std::string> made;
    for (const auto& value :
         {std::string("a b"), std::string("\""), std::string(), std::string(129, 'a'), std::string("\xc3\xa9")}) {
      const auto id = read("X-Request-Id: " + value + "\r\n").id;
      CHECK(id.size() == 26);
      CHECK(made.insert(id).second);
    }
    CHECK(read("").find("x-request-id") == nullptr);
    REQUIRE(read("").find("host") != nullptr);
    CHECK(*read("").find("host") == "localhost");
  }

  TEST_CASE("what comes byte by byte is not looked at again and again") {
    // If it were, the first of these would take hours.
    Limits limits;
    limits.header = limits.target = limits.body = 16 * 1024 * 1024;
    RequestReader reader(limits);
    const auto drip = [&](const std::string& before, char c, std::size_t count) {
      reader.feed(before);
      for (std::size_t i = 0; i < count; ++i) reader.feed(std::string_view(&c, 1));
    };
    const std::size_t much = 8 * 1024 * 1024;
    drip("GET /", 'a', much);
    drip(" HTTP/1.1\r\n" + host + "A: ", 'a', much);
    CHECK(reader.feed("\r\nContent-Length: " + std::to_string(much) + "\r\n\r\n") == State::head_ready);
    reader.read_body();
    drip("", 'b', much);
    CHECK(reader.state() == State::complete);
    CHECK(reader.take().body.size() == much);

    // Many that came at once, taken one by one.
    std::string many;
    for (int i = 0; i < 500'000; ++i) many += "GET / HTTP/1.1\r\n" + host + "\r\n";
    reader.feed(many);
    int taken = 0;
    for (; reader.state() == State::head_ready; ++taken) {
      reader.read_body();
      reader.take();
    }
    CHECK(taken == 500'000);
  }

  TEST_CASE("damage never does worse than a refusal, and never depends on the split") {
    const std::string text =
        "POST /a?b=c HTTP/1.1\r\n" + host +
        "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nT: x\r\n\r\n"
        "PUT / HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabcGET / HTTP/1.1\r\n" +
        host + "\r\n";
    std::mt19937_64 random(11);
    const std::string_view alphabet("\r\n :;,0159aA\t/?#\"\\\x7f\xc3\0", 21);
    std::size_t differing = 0;
    for (int i = 0; i < 5000; ++i) {
      auto damaged = text;
      for (auto n = 1 + random() % 3; n > 0; --n) {
        const auto at = random() % damaged.size();
        switch (random() % 3) {
          case 0: damaged[at] = alphabet[random() % alphabet.size()]; break;
          case 1: damaged.erase(at, 1 + random() % 4); break;
          case 2: damaged.insert(at, 1, alphabet[random() % alphabet.size()]); break;
        }
      }
      const std::string_view all = damaged;
      const auto cut = random() % (all.size() + 1);
      const auto whole = to_text(read_pieces({all}));
      if (to_text(read_pieces({all.substr(0, cut), all.substr(cut)})) != whole) ++differing;
      if (to_text(read_pieces(by_byte(all))) != whole) ++differing;
    }
    CHECK(differing == 0);
  }
}
