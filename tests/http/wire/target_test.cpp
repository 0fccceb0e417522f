#include "triggers/http/wire/target.hpp"

#include <random>

#include <doctest/doctest.h>

#include "core/model/percent.hpp"

using namespace coremachine;
using namespace coremachine::http;

namespace {

using Segments = std::vector<std::string>;
using Parameters = std::vector<QueryParameter>;

Target parsed(std::string_view text) {
  CAPTURE(text);
  auto target = Target::parse(text);
  REQUIRE(target.has_value());
  return *target;
}

}  // namespace

TEST_SUITE("http wire: target") {
  TEST_CASE("a path becomes segments") {
    struct Row {
      const char* text;
      Segments segments;
    };
    const Row rows[] = {
        {"/", {}},
        {"*", {}},
        {"/?a=b", {}},
        {"/api/v1/jobs", {"api", "v1", "jobs"}},
        {"/jobs/", {"jobs", ""}},
        {"//", {"", ""}},
        {"/a//b", {"a", "", "b"}},
        {"/a+b", {"a+b"}},
        {"/%41%62%2B", {"Ab+"}},
        {"/a%20b/%E2%82%AC", {"a b", "€"}},
        {"/%e2%82%ac", {"€"}},
        {"/jobs/$cancel", {"jobs", "$cancel"}},
        {"/jobs/%24cancel", {"jobs", "$cancel"}},
        {"/a%3Fb%23c", {"a?b#c"}},
        {"/...", {"..."}},
        {"/a%2525", {"a%25"}},
    };
    for (const auto& row : rows) {
      CAPTURE(row.text);
      CHECK(parsed(row.text).segments == row.segments);
    }
  }

  TEST_CASE("a query becomes parameters in their order") {
    struct Row {
      const char* text;
      Parameters parameters;
    };
    const Row rows[] = {
        {"/", {}},
        {"/?", {}},
        {"/?&&", {}},
        {"/?a=1&b=2", {{"a", "1"}, {"b", "2"}}},
        {"/?b=2&a=1&b=3", {{"b", "2"}, {"a", "1"}, {"b", "3"}}},
        {"/?a", {{"a", ""}}},
        {"/?a=&b", {{"a", ""}, {"b", ""}}},
        {"/?a=b=c", {{"a", "b=c"}}},
        {"/?a+b=c+d%2B", {{"a b", "c d+"}}},
        {"/?q=%C3%A9&u=/a?b", {{"q", "é"}, {"u", "/a?b"}}},
        {"/?a%3Db=c%26d", {{"a=b", "c&d"}}},
        {"/?a=1;b=2", {{"a", "1;b=2"}}},
        {"/?t=a,b", {{"t", "a,b"}}},
    };
    for (const auto& row : rows) {
      CAPTURE(row.text);
      CHECK(parsed(row.text).query.parameters() == row.parameters);
    }
  }

  TEST_CASE("parameters are found by name, and repeated ones noticed") {
    const auto query = Query::parse("a=1&b=2&c=3&b=4").value();
    REQUIRE(query.find("b") != nullptr);
    CHECK(*query.find("b") == "2");
    CHECK(query.find("d") == nullptr);
    REQUIRE(query.repeated() != nullptr);
    CHECK(*query.repeated() == "b");
    CHECK(Query::parse("a=1&A=2").value().repeated() == nullptr);
    CHECK(Query::parse("%61=1&a=2").value().repeated() != nullptr);
  }

  TEST_CASE("what cannot be read is refused, saying what it is") {
    struct Row {
      std::string text;
      const char* says;
    };
    const Row rows[] = {
        {"", "begin with '/'"},
        {"a", "begin with '/'"},
        {"**", "begin with '/'"},
        {"/%", "two hexadecimal digits"},
        {"/%4", "two hexadecimal digits"},
        {"/%4g", "two hexadecimal digits"},
        {"/%%41", "two hexadecimal digits"},
        {"/%u0041", "two hexadecimal digits"},
        {"/%+1", "two hexadecimal digits"},
        {"/%2", "two hexadecimal digits"},
        {"/a%2/b", "two hexadecimal digits"},
        {"/a?b=%", "the query has a '%'"},
        {"/a?%zz", "the query has a '%'"},
        {"/a%2Fb", "slash"},
        {"/a%2fb", "slash"},
        {"/a%00", "the path has a control character"},
        {"/%0d%0a", "control character"},
        {"/%7F", "control character"},
        {"/?a=%00", "the query has a control character"},
        {"/?%0a=1", "control character"},
        {"/%ff", "the path is not valid UTF-8"},
        {"/%c3/%a9", "not valid UTF-8"},
        {"/%ed%a0%80", "not valid UTF-8"},
        {"/%c0%af", "not valid UTF-8"},
        {"/?a=%c3&b=%a9", "the query is not valid UTF-8"},
        {"/.", "'.' or '..'"},
        {"/a/../b", "'.' or '..'"},
        {"/a/%2e%2E/b", "'.' or '..'"},
        {"/a/.%2e", "'.' or '..'"},
        {"/?=1", "without a name"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.text);
      const auto target = Target::parse(row.text);
      REQUIRE_FALSE(target.has_value());
      CHECK(target.error().code == ErrorCode::invalid_argument);
      CAPTURE(target.error().message);
      CHECK(target.error().message.find(row.says) != std::string::npos);
    }
  }

  TEST_CASE("a hundred parameters and no more") {
    std::string text = "a";
    for (int i = 1; i < 100; ++i) text += "&a";
    CHECK(Query::parse(text).has_value());
    CHECK_FALSE(Query::parse(text + "&a").has_value());
    CHECK(Query::parse(text + "&&&").has_value());
  }

  TEST_CASE("what is encoded comes back") {
    CHECK(percent_encoded("a b/c+é~") == "a%20b%2Fc%2B%C3%A9~");
    std::mt19937_64 random(13);
    for (int i = 0; i < 2000; ++i) {
      std::string value;
      for (auto n = random() % 20; n > 0; --n) {
        const auto kind = random() % 8;
        if (kind == 0) value += "€";
        if (kind > 0) value += static_cast<char>(' ' + random() % 95);
      }
      const auto query = Query::parse("v=" + percent_encoded(value)).value();
      CHECK(*query.find("v") == value);
      if (value.empty() || value == "." || value == ".." || value.find('/') != std::string::npos) continue;
      CHECK(parsed("/" + percent_encoded(value)).segments == Segments{value});
    }
  }
}
