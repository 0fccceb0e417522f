#include "triggers/http/wire/response_writer.hpp"

#include <random>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "triggers/http/wire/chunk_decoder.hpp"

using namespace coremachine::http;

namespace {

std::string written(const Response& response, const Delivery& delivery = {}) {
  std::string out = "before";
  CHECK(append_response(out, response, delivery));
  REQUIRE(out.starts_with("before"));
  return out.substr(6);
}

}  // namespace

TEST_SUITE("http wire: response writer") {
  TEST_CASE("a response is written with all that belongs to it") {
    const Response response{202, {{"content-type", "application/json"}, {"location", "/api/v1/jobs/1"}}, "{}\n"};
    CHECK(written(response, {1, true, false, "id-1", "Sat, 31 Jan 2026 12:00:00 GMT"}) ==
          "HTTP/1.1 202 Accepted\r\n"
          "Content-Type: application/json\r\n"
          "Location: /api/v1/jobs/1\r\n"
          "Date: Sat, 31 Jan 2026 12:00:00 GMT\r\n"
          "X-Request-Id: id-1\r\n"
          "Content-Length: 3\r\n\r\n{}\n");
  }

  TEST_CASE("the connection is spoken of where the version does not say it") {
    const auto connection = [](int minor_version, bool keep_alive) {
      Delivery delivery;
      delivery.minor_version = minor_version;
      delivery.keep_alive = keep_alive;
      return written({}, delivery);
    };
    CHECK(connection(1, true) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(connection(1, false) == "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    CHECK(connection(0, true) == "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    CHECK(connection(0, false) == "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  }

  TEST_CASE("the reply to HEAD counts the body and leaves it out") {
    Delivery delivery;
    delivery.head_only = true;
    CHECK(written({200, {}, "12345"}, delivery) == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    std::string out;
    CHECK(append_stream_head(out, {200, {}, "12345"}, delivery));
    CHECK(out == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  }

  TEST_CASE("204 and 304 have neither body nor length") {
    CHECK(written({204, {}, "x"}) == "HTTP/1.1 204 No Content\r\n\r\n");
    CHECK(written({304, {{"etag", "\"a\""}}, "x"}) == "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n");
  }

  TEST_CASE("names of fields look as they usually do") {
    CHECK(written({401, {{"www-authenticate", "Bearer"}, {"retry-after", "1"}, {"x-a-b-", ""}}}) ==
          "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nRetry-After: 1\r\nX-A-B-: \r\nContent-Length: "
          "0\r\n\r\n");
  }

  TEST_CASE("every status that this server may send has its words") {
    for (const int status : {200, 201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409,
                             413, 414, 415, 416, 417, 422, 429, 431, 500, 501, 503, 505, 507}) {
      CAPTURE(status);
      CHECK_FALSE(reason_phrase(status).empty());
    }
    CHECK(reason_phrase(299).empty());
    CHECK(written({299}).starts_with("HTTP/1.1 299 \r\n"));
  }

  TEST_CASE("a stream goes in chunks, or until the connection closes") {
    const Response head{200, {{"content-type", "text/event-stream"}}, "first"};
    const auto stream = [&](const Delivery& delivery) {
      std::string out;
      CHECK(append_stream_head(out, head, delivery));
      append_piece(out, "", delivery.minor_version);
      append_piece(out, std::string(26, 'x'), delivery.minor_version);
      append_stream_end(out, delivery.minor_version);
      return out;
    };
    CHECK(stream({}) ==
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
          "5\r\nfirst\r\n1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n");
    Delivery old;
    old.minor_version = 0;
    CHECK(stream(old) ==
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
          "firstxxxxxxxxxxxxxxxxxxxxxxxxxx");
  }

  TEST_CASE("pieces come back through the decoder") {
    std::mt19937_64 random(17);
    for (int i = 0; i < 200; ++i) {
      std::string out;
      std::string sent;
      for (auto n = random() % 5; n > 0; --n) {
        const std::string piece(random() % 400, static_cast<char>(random()));
        append_piece(out, piece, 1);
        sent += piece;
      }
      append_stream_end(out, 1);
      std::string body;
      std::size_t used = 0;
      ChunkDecoder decoder(sent.size());
      CHECK(decoder.decode(out, used, &body) == ChunkDecoder::Verdict::done);
      CHECK(used == out.size());
      CHECK(body == sent);
    }
  }

  TEST_CASE("nothing that a program puts into a response can add to it") {
    const std::string failed = "HTTP/1.1 500 Internal Server Error\r\nX-Request-Id: i\r\nContent-Length: 0\r\n\r\n";
    Delivery delivery;
    delivery.request_id = "i";
    const auto nul = std::string(1, '\0');
    const Response bad[] = {
        {200, {{"location", "/a\r\nSet-Cookie: b"}}, "secret"},
        {200, {{"location", "/a\nb"}}, "secret"},
        {200, {{"location", "/a\rb"}}, "secret"},
        {200, {{"location", "/a" + nul}}, "secret"},
        {200, {{"a\r\nb", "c"}}, "secret"},
        {200, {{"a: b\r\nc", "d"}}, "secret"},
        {200, {{"", "a"}}, "secret"},
        {200, {{"a b", "c"}}, "secret"},
        {200, {{"Content-Type", "text/plain"}}, "secret"},
        {200, {{"content-length", "1"}}, "secret"},
        {200, {{"transfer-encoding", "chunked"}}, "secret"},
        {200, {{"connection", "close"}}, "secret"},
        {200, {{"date", "today"}}, "secret"},
        {200, {{"x-request-id", "j"}}, "secret"},
        {100, {}, "secret"},
        {0, {}, "secret"},
        {-1, {}, "secret"},
        {600, {}, "secret"},
    };
    for (const auto& response : bad) {
      CAPTURE(response.status);
      CHECK_FALSE(is_writable(response));
      std::string out;
      CHECK_FALSE(append_response(out, response, delivery));
      CHECK(out == failed);
      out.clear();
      // Of a stream it may be said beforehand how long it is.
      if (says_length(response)) continue;
      CHECK_FALSE(append_stream_head(out, response, delivery));
      CHECK(out == failed);
    }
    std::string out;
    CHECK_FALSE(append_stream_head(out, {204}, delivery));
    out.clear();
    delivery.keep_alive = true;
    CHECK(append_stream_head(out, {200, {{"content-length", "7"}}, "abc"}, delivery));
    CHECK(out.find("Content-Length: 7\r\n") != std::string::npos);
    CHECK(out.find("Transfer-Encoding") == std::string::npos);
    CHECK(out.ends_with("\r\n\r\nabc"));
  }

  TEST_CASE("the date is that of the second") {
    struct Row {
      long seconds;
      const char* text;
    };
    const Row rows[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784'111'777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {784'111'777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {1'709'251'199, "Thu, 29 Feb 2024 23:59:59 GMT"},
        {1'709'251'200, "Fri, 01 Mar 2024 00:00:00 GMT"},
        {1'769'860'800, "Sat, 31 Jan 2026 12:00:00 GMT"},
    };
    DateText date;
    for (const auto& row : rows)
      CHECK(date.at(std::chrono::sys_seconds{std::chrono::seconds{row.seconds}}) == row.text);
  }

  TEST_CASE("no two ids of requests are alike, whichever thread makes them") {
    std::vector<std::vector<std::string>> made(4);
    {
      std::vector<std::jthread> threads;
      for (auto& ids : made) {
        threads.emplace_back([&ids] {
          for (int i = 0; i < 5000; ++i) ids.push_back(make_request_id());
        });
      }
    }
    std::set<std::string> all;
    for (const auto& ids : made) {
      for (const auto& id : ids) {
        CHECK(all.insert(id).second);
        CHECK(id.size() == 26);
      }
    }
  }
}
