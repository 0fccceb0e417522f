#include "triggers/http/wire/authority.hpp"

#include <doctest/doctest.h>

using namespace coremachine::http;

TEST_SUITE("http wire: authority") {
  TEST_CASE("a host, and a port if there is one") {
    struct Row {
      const char* text;
      Authority authority;
    };
    const Row rows[] = {
        {"localhost", {"localhost"}},
        {"LocalHost:8080", {"localhost", 8080}},
        {"127.0.0.1:1", {"127.0.0.1", 1}},
        {"[::1]", {"[::1]"}},
        {"[2001:DB8::1]:65535", {"[2001:db8::1]", 65535}},
        {"[::ffff:127.0.0.1]", {"[::ffff:127.0.0.1]"}},
        {"a_b-c.example.", {"a_b-c.example."}},
        {"a:0", {"a", 0}},
        {"localhost:", {"localhost"}},
        {"[::1]:", {"[::1]"}},
    };
    for (const auto& row : rows) {
      CAPTURE(row.text);
      CHECK(Authority::parse(row.text) == row.authority);
    }
  }

  TEST_CASE("what is none") {
    for (const std::string text :
         {"",          ":",          ":80",         "a::",      "a:b",  "a:-1",        "a:+1", "a:1 ",    " a",
          "a b",       "a:65536",    "a:1:2",       "::1",      "[::1", "[]",          "[a]",  "[::1]80", "[::1]::",
          "[::1]x:80", "[::1%eth0]", "[127.0.0.1]", "u@a",      "a/b",  "a?b",         "a#b",  "a\\b",    "a%41",
          "a,b",       "a\tb",       "\xc3\xa9",    "http://a", "*",    "[::1]:65536", "]",    "["}) {
      CAPTURE(text);
      CHECK_FALSE(Authority::parse(text).has_value());
    }
    CHECK_FALSE(Authority::parse(std::string("a\0b", 3)).has_value());
    CHECK_FALSE(Authority::parse(std::string("[::1\0]", 6)).has_value());
    CHECK_FALSE(Authority::parse(std::string(256, 'a')).has_value());
  }
}
