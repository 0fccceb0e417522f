#include "core/model/json_writer.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

using namespace coremachine;

TEST_SUITE("JSON writer") {
  TEST_CASE("names and words of any length") {
    for (std::size_t size = 0; size < 100; ++size) {
      const std::string name(size, 'n');
      std::string text;
      JsonWriter out(text);
      out.begin_object();
      out.key(name);
      out.word(name);
      out.key(name + "2");
      out.begin_array();
      out.word(name);
      out.word("w");
      out.end_array();
      out.end_object();
      CHECK(text == "{\"" + name + "\":\"" + name + "\",\"" + name + "2\":[\"" + name + "\",\"w\"]}");
    }
  }

  TEST_CASE("numbers, each with the comma that is due") {
    std::string text;
    JsonWriter out(text);
    out.begin_array();
    out.number(std::numeric_limits<std::int64_t>::min());
    out.number(std::numeric_limits<std::uint64_t>::max());
    out.number(std::int8_t{-1});
    out.begin_object();
    out.member("a", 0, 1);
    out.member("b", 1, 1);
    out.end_object();
    out.number(0.5);
    out.boolean(true);
    out.end_array();
    CHECK(text == "[-9223372036854775808,18446744073709551615,-1,{\"a\":0},0.5,true]");
  }
}
