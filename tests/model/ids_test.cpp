#include <coremachine/model/ids.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace coremachine;

TEST_SUITE("model: ids") {
  TEST_CASE("an id is made of its time, then of the entropy") {
    const auto id = JobId::make(Timestamp{Milliseconds{0x0123456789AB}}, 0xBEEF'1111'1111'1111, 0x42);
    CHECK(id.high == 0x0123456789ABBEEF);
    CHECK(id.low == 0x42);
  }

  TEST_CASE("a time before the epoch counts as the epoch") {
    CHECK(JobId::make(Timestamp{Milliseconds{-5}}, 0, 7) == JobId{0, 7});
  }

  TEST_CASE("known texts") {
    struct Row {
      JobId id;
      const char* text;
    };
    const Row rows[] = {
        {{0, 0}, "00000000000000000000000000"},         {{0, 31}, "0000000000000000000000000Z"},
        {{0, 32}, "00000000000000000000000010"},        {{1, 0}, "0000000000000G000000000000"},
        {{~0ULL, ~0ULL}, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"},
    };
    for (const auto& row : rows) {
      CHECK(row.id.str() == row.text);
      CHECK(JobId::parse(row.text) == row.id);
    }
  }

  TEST_CASE("every id reads back from its text, in either case, and texts sort as ids do") {
    std::mt19937_64 random(1);
    std::vector<JobId> ids;
    for (int i = 0; i < 2000; ++i) ids.push_back({random() >> (random() % 64), random() >> (random() % 64)});
    std::sort(ids.begin(), ids.end());
    std::string before;
    for (const auto& id : ids) {
      auto text = id.str();
      CHECK(text.size() == 26);
      CHECK(before <= text);
      before = text;
      CHECK(JobId::parse(text) == id);
      std::transform(text.begin(), text.end(), text.begin(),
                     [](char c) { return c >= 'A' ? static_cast<char>(c | 0x20) : c; });
      CHECK(JobId::parse(text) == id);
    }
  }

  TEST_CASE("what is no id is refused") {
    for (const std::string text :
         {"", "0", "0000000000000000000000000", "000000000000000000000000000", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
          "0000000000000000000000000I", "0000000000000000000000000L", "0000000000000000000000000O",
          "0000000000000000000000000U", "0000000000000-000000000000", "0000000000000000000000000 ",
          "0000000000000000000000000\xC3", "../../../../etc/passwd1234"}) {
      CAPTURE(text);
      CHECK_FALSE(JobId::parse(text).has_value());
    }
  }

  TEST_CASE("the next id is greater, also over the carry") {
    for (const auto id : {JobId{0, 0}, JobId{5, ~0ULL}, JobId{5, 9}}) CHECK(id < id.next());
    CHECK(JobId{5, ~0ULL}.next() == JobId{6, 0});
  }

  TEST_CASE("names") {
    for (const std::string name : {"a", "hello_world", "emails.send_welcome", "A-1.b_2.C", "0", "-", "_.-"}) {
      CAPTURE(name);
      CHECK(is_valid_name(name));
    }
    for (const std::string name : {"", ".", "a.", ".a", "a..b", "a b", "a/b", "ä", "a\n", "$a", "a:b"}) {
      CAPTURE(name);
      CHECK_FALSE(is_valid_name(name));
    }
    CHECK(is_valid_name(std::string(128, 'x')));
    CHECK_FALSE(is_valid_name(std::string(129, 'x')));
    CHECK_FALSE(is_valid_name(std::string_view("a\0b", 3)));
  }
}
