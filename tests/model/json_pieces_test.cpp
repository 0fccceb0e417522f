// JSON text that is made up to a limit, and text that is made piece by piece.

#include <random>
#include <string>

#include <doctest/doctest.h>
#include <boost/json/serialize.hpp>

#include "core/model/json_text.hpp"

namespace {

using namespace coremachine;

json::value random_value(std::mt19937& dice, int depth) {
  switch (depth > 0 ? dice() % 8 : dice() % 6) {
    case 0: return nullptr;
    case 1: return dice() % 2 == 0;
    case 2: return static_cast<std::int64_t>(dice()) - 1'000'000;
    case 3: return static_cast<double>(dice()) / 7;
    case 4: return json::string(dice() % 50, 'a');
    case 5: return json::string(dice() % 9 == 0 ? 100'000 : dice() % 9, dice() % 2 == 0 ? '"' : '\x01');
    case 6: {
      json::array array;
      for (auto n = dice() % 6; n > 0; --n) array.push_back(random_value(dice, depth - 1));
      return array;
    }
    default: {
      json::object object;
      for (auto n = dice() % 6; n > 0; --n) object.emplace(std::to_string(dice() % 100), random_value(dice, depth - 1));
      return object;
    }
  }
}

std::string text_of(const json::value& value) {
  std::string text;
  REQUIRE_FALSE(append_json(text, value));
  return text;
}

}  // namespace

TEST_SUITE("model: JSON by pieces") {
  TEST_CASE("a text that has exactly the limit is made, and one byte less is too little") {
    std::mt19937 dice(20260101);
    for (int i = 0; i < 300; ++i) {
      const auto value = random_value(dice, 4);
      const auto whole = text_of(value);
      std::string out = "before";
      CHECK(append_json_within(out, value, whole.size()) == Appended::done);
      CHECK(out == "before" + whole);
      for (const auto limit : {whole.size() - 1, whole.size() / 2, std::size_t{0}}) {
        out = "before";
        CHECK(append_json_within(out, value, limit) == Appended::too_long);
        CHECK(out == "before");
      }
    }
  }

  TEST_CASE("the pieces are the text, and no piece is a copy of much of it") {
    std::mt19937 dice(20260102);
    for (int i = 0; i < 300; ++i) {
      const auto value = random_value(dice, 4);
      std::string all;
      CHECK(write_json(value, [&](std::string_view piece) {
        CHECK_FALSE(piece.empty());
        all.append(piece);
        return true;
      }));
      CHECK(all == text_of(value));
    }
    const json::value long_text(json::string(1'000'000, 'x'));
    std::vector<std::size_t> sizes;
    CHECK(write_json(long_text, [&](std::string_view piece) {
      sizes.push_back(piece.size());
      return true;
    }));
    CHECK(sizes == std::vector<std::size_t>{1, 1'000'000, 1});
    sizes.clear();
    const json::value many(json::array(100'000, 12345));
    CHECK(write_json(many, [&](std::string_view piece) {
      sizes.push_back(piece.size());
      return true;
    }));
    CHECK(sizes.size() > 5);
    CHECK(*std::max_element(sizes.begin(), sizes.end()) < 100'000);
  }

  TEST_CASE("whoever takes the pieces may have had enough") {
    int taken = 0;
    const json::value many(json::array(1'000'000, 12345));
    CHECK_FALSE(write_json(many, [&](std::string_view) { return ++taken < 3; }));
    CHECK(taken == 3);
    CHECK_FALSE(fault_of_json(many));
  }

  TEST_CASE("what JSON cannot say is told apart from what is too long") {
    const json::value bad{{"a", {1, std::numeric_limits<double>::infinity()}}};
    std::string out = "x";
    CHECK(append_json_within(out, bad, 1000) == Appended::not_json);
    CHECK(out == "x");
    CHECK_FALSE(write_json(bad, [](std::string_view) { return true; }));
    REQUIRE(fault_of_json(bad));
    CHECK(fault_of_json(bad)->find("#/a/1") == 0);
    std::string plain;
    CHECK(append_json(plain, bad) == fault_of_json(bad));
  }
}
