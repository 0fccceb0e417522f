#include <random>
#include <string>

#include <doctest/doctest.h>

#include "core/model/percent.hpp"
#include "core/model/utf8.hpp"

using namespace coremachine;

TEST_SUITE("model: text") {
  TEST_CASE("text is cut between characters, and nowhere earlier than it has to be") {
    const std::string characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
      std::string text;
      while (text.size() < 20) text += characters[random() % 4];
      for (std::size_t most = 0; most <= text.size() + 1; ++most) {
        CAPTURE(text);
        CAPTURE(most);
        const auto size = whole_characters(text, most);
        CHECK(size <= most);
        CHECK(find_invalid_utf8(text.substr(0, size)) == std::string::npos);
        CHECK((size == text.size() || size + utf8_length(text, size) > most));
      }
    }
    CHECK(whole_characters("", 0) == 0);
    // What is no text goes on all the same.
    CHECK(whole_characters(std::string(10, '\x80'), 5) == 5);
  }

  TEST_CASE("what is not plain is percent-encoded, byte by byte") {
    CHECK(percent_encoded("a b/c+\xc3\xa9~") == "a%20b%2Fc%2B%C3%A9~");
    CHECK(percent_encoded("a b/c+", "/+") == "a%20b/c+");
    CHECK(percent_encoded("a b/ä?.txt", "/") == "a%20b/%C3%A4%3F.txt");
    CHECK(percent_encoded(std::string("\0%", 2)) == "%00%25");
    CHECK(percent_encoded("").empty());
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    std::size_t plain = 0;
    for (const char c : all) plain += percent_encoded(std::string(1, c)) == std::string(1, c) ? 1 : 0;
    CHECK(plain == 26 + 26 + 10 + 4);
    CHECK(percent_encoded(all).size() == plain + 3 * (all.size() - plain));
  }
}
