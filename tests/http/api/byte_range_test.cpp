#include <string>

#include <doctest/doctest.h>

#include "triggers/http/api/byte_range.hpp"

using namespace coremachine::http;

namespace {
using Range = std::variant<ByteRange, Unsatisfiable>;
}

TEST_SUITE("http: ranges of bytes") {
  TEST_CASE("what is asked of ten bytes") {
    struct Row {
      const char* field;
      std::optional<Range> range;
    };
    const Row rows[] = {
        {"bytes=0-0", ByteRange{0, 1}},
        {"bytes=0-9", ByteRange{0, 10}},
        {"bytes=0-", ByteRange{0, 10}},
        {"bytes=3-5", ByteRange{3, 3}},
        {"Bytes=3-5", ByteRange{3, 3}},
        {"bytes= 3 - 5 ", ByteRange{3, 3}},
        {"bytes=9-99999999999999999999999", ByteRange{9, 1}},
        {"bytes=-3", ByteRange{7, 3}},
        {"bytes=-10", ByteRange{0, 10}},
        {"bytes=-99", ByteRange{0, 10}},
        {"bytes=10-", Unsatisfiable{}},
        {"bytes=99999999999999999999999-", Unsatisfiable{}},
        {"bytes=-0", Unsatisfiable{}},
        // Ignored: the whole is sent.
        {"bytes=5-3", std::nullopt},
        {"bytes=0-1,3-4", std::nullopt},
        {"bytes=", std::nullopt},
        {"bytes=-", std::nullopt},
        {"bytes=a-b", std::nullopt},
        {"bytes=0x1-2", std::nullopt},
        {"lines=1-2", std::nullopt},
        {"", std::nullopt},
    };
    for (const auto& row : rows) {
      CAPTURE(row.field);
      CHECK((range_of(row.field, 10) == row.range));
    }
    CHECK((range_of("bytes=0-", 0) == std::optional<Range>(Unsatisfiable{})));
    CHECK((range_of("bytes=-1", 0) == std::optional<Range>(Unsatisfiable{})));
  }

  TEST_CASE("a range lies within the content, whatever is asked for") {
    for (std::uint64_t size = 0; size < 6; ++size) {
      for (int first = -1; first < 8; ++first) {
        for (int last = -1; last < 8; ++last) {
          const auto text = [](int number) { return number < 0 ? std::string() : std::to_string(number); };
          const auto range = range_of("bytes=" + text(first) + "-" + text(last), size);
          if (!range || !std::holds_alternative<ByteRange>(*range)) continue;
          const auto& bytes = std::get<ByteRange>(*range);
          CHECK(bytes.count > 0);
          CHECK(bytes.first + bytes.count <= size);
        }
      }
    }
  }

  TEST_CASE("entity tags") {
    CHECK(names_tag("\"a\"", "\"a\""));
    CHECK(names_tag("W/\"a\"", "\"a\""));
    CHECK(names_tag("\"b\", \"a\"", "\"a\""));
    CHECK(names_tag("*", "\"a\""));
    CHECK_FALSE(names_tag("\"b\"", "\"a\""));
    CHECK_FALSE(names_tag("a", "\"a\""));
    CHECK_FALSE(names_tag("", "\"a\""));
  }
}
