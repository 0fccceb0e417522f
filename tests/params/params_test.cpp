#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <boost/json/parse.hpp>

#include "core/model/utf8.hpp"
#include "tests/params/every_type.hpp"

using namespace coremachine;
using namespace coremachine::tests;

namespace {

struct Resize {
  std::string path;
  std::int64_t width = 800;
  std::optional<std::string> format;
  std::vector<std::string> tags = {"new"};
  std::map<std::string, double> weights;
  Colour colour = Colour::green;
  int even = 2;
  Point from{0, 0};
  Point to{1, 1};

  static void rules(params::Fields<Resize>& fields) {
    fields.doc("What is resized, and how").by_default();
    fields[&Resize::path].min_length(2).max_length(4).pattern("^[^/]*$").required();
    fields[&Resize::width].range(1, 10000);
    fields[&Resize::format].one_of({"png", "jpeg"});
    fields[&Resize::tags].min_items(1).max_items(3).each().min_length(1);
    fields[&Resize::weights].max_items(2).each().at_least(0).at_most(1);
    fields[&Resize::colour].one_of({Colour::green, Colour::dark_blue});
    fields[&Resize::even].check([](int value) { return value % 2 == 0; }, "an even number");
    fields[&Resize::to].check([](const Point& to) -> std::optional<std::string> {
      if (to.x < 100 || to.y < 100) return std::nullopt;
      return "is outside";
    });
    fields.check([](const Resize& all) -> std::optional<std::string> {
      if (all.from.x <= all.to.x) return std::nullopt;
      return "goes from right to left";
    });
  }
};
BOOST_DESCRIBE_STRUCT(Resize, (), (path, width, format, tags, weights, colour, even, from, to))

/// What other people wrote.
struct Foreign {
  int a = 1;
  int b = 2;
};
BOOST_DESCRIBE_STRUCT(Foreign, (), (a, b))

struct Nothing {};
BOOST_DESCRIBE_STRUCT(Nothing, (), ())

struct Base {
  int low = 1;
  static void rules(params::Fields<Base>& fields) {
    fields.doc("of the base");
    fields[&Base::low].range(0, 9).by_default();
    fields.check([](const Base& base) { return base.low == 3 ? std::optional<std::string>("is 3") : std::nullopt; });
  }
};
BOOST_DESCRIBE_STRUCT(Base, (), (low))
struct Derived : Base {
  int high = 5;
};
BOOST_DESCRIBE_STRUCT(Derived, (Base), (high))
struct Stricter : Base {
  static void rules(params::Fields<Stricter>& fields) { fields[&Stricter::low].at_most(4).required(); }
};
BOOST_DESCRIBE_STRUCT(Stricter, (Base), ())

std::string faults_in_words(const std::vector<ParamFault>& faults) {
  std::string text;
  for (const auto& fault : faults) text += fault.pointer + "|" + fault.detail + "\n";
  return text;
}

template <class T>
std::string faults_of(const std::string& text) {
  const auto object = json::parse(text).as_object();
  const auto faults = params::validator<T>()(object);
  const auto parsed = params::parse<T>(object);
  CHECK(parsed.has_value() == faults.empty());
  if (!parsed) CHECK(parsed.error().faults == faults);
  return faults_in_words(faults);
}

struct Row {
  const char* params;
  std::string faults;  ///< "" is none
};

}  // namespace

template <>
struct coremachine::params::Rules<Foreign> {
  static void declare(Fields<Foreign>& fields) { fields[&Foreign::b].range(1, 3).by_default(); }
};

TEST_SUITE("params: faults") {
  TEST_CASE("every rule has its fault, with a pointer to where it is") {
    const Row rows[] = {
        {R"({"path": "ab"})", ""},
        {R"({})", "/path|is missing, should be a string of 2 to 4 characters that matches ^[^/]*$\n"},
        {R"({"path": null})", "/path|is null, should be a string of 2 to 4 characters that matches ^[^/]*$\n"},
        {R"({"path": "a"})", "/path|is \"a\", should be a string of 2 to 4 characters that matches ^[^/]*$\n"},
        {R"({"path": "a/b"})", "/path|is \"a/b\", should be a string of 2 to 4 characters that matches ^[^/]*$\n"},
        {R"({"path": "ab", "width": 0})", "/width|is 0, should be an integer from 1 to 10000\n"},
        {R"({"path": "ab", "width": 10000})", ""},
        {R"({"path": "ab", "width": 10001})", "/width|is 10001, should be an integer from 1 to 10000\n"},
        {R"({"path": "ab", "width": null})", "/width|is null, should be an integer from 1 to 10000\n"},
        {R"({"path": "ab", "format": "gif"})", "/format|is \"gif\", should be one of \"png\", \"jpeg\" or null\n"},
        {R"({"path": "ab", "format": null})", ""},
        {R"({"path": "ab", "format": 1})", "/format|is 1, should be one of \"png\", \"jpeg\" or null\n"},
        {R"({"path": "ab", "tags": []})", "/tags|has 0 items, should be an array of 1 to 3 items\n"},
        {R"({"path": "ab", "tags": ["a", "", 3, "b"]})",
         "/tags|has 4 items, should be an array of 1 to 3 items\n"
         "/tags/1|is \"\", should be a string that is not empty\n"
         "/tags/2|is 3, should be a string that is not empty\n"},
        {R"({"path": "ab", "tags": "a"})", "/tags|is \"a\", should be an array of 1 to 3 items\n"},
        {R"({"path": "ab", "weights": {"a": 1, "b": 0.5}})", ""},
        {R"({"path": "ab", "weights": {"a/b~c": 1.5, "": -1}})",
         "/weights/a~1b~0c|is 1.5, should be a finite number from 0 to 1\n"
         "/weights/|is -1, should be a finite number from 0 to 1\n"},
        {R"({"path": "ab", "weights": {"a": 1, "b": 1, "c": 1}})",
         "/weights|has 3 members, should be an object of at most 2 members\n"},
        {R"({"path": "ab", "weights": [1]})", "/weights|is [1], should be an object of at most 2 members\n"},
        {R"({"path": "ab", "colour": "red"})", "/colour|is \"red\", should be one of \"green\", \"dark_blue\"\n"},
        {R"({"path": "ab", "colour": 1})", "/colour|is 1, should be one of \"green\", \"dark_blue\"\n"},
        {R"({"path": "ab", "even": 3})", "/even|is 3, should be an even number\n"},
        {R"({"path": "ab", "even": "3"})", "/even|is \"3\", should be an integer from -2147483648 to 2147483647\n"},
        {R"({"path": "ab", "to": {"x": 100, "y": 100}})", "/to|is outside\n"},
        {R"({"path": "ab", "to": {"x": "a"}})",
         "/to/x|is \"a\", should be a finite number\n/to/y|is missing, should be a finite number\n"},
        {R"({"path": "ab", "to": [1, 2]})", "/to|is [1,2], should be an object\n"},
        {R"({"path": "ab", "from": {"x": 3, "y": 0}})", "|goes from right to left\n"},
        // What holds for all of it is asked only when each part fits.
        {R"({"path": "ab", "from": {"x": 3, "y": 0}, "even": 1})", "/even|is 1, should be an even number\n"},
        {R"({"path": "ab", "widht": 1, "TAGS": []})",
         "/widht|is not known; nearest: width, weights\n/TAGS|is not known; nearest: tags\n"},
        {R"({"path": "ab", "from": {"x": 0, "y": 0, "z~": 0}})", "/from/z~0|is not known; nearest: x, y\n"},
        {R"({"width": "1", "colour": "blue", "x": 1})",
         "/path|is missing, should be a string of 2 to 4 characters that matches ^[^/]*$\n"
         "/width|is \"1\", should be an integer from 1 to 10000\n"
         "/colour|is \"blue\", should be one of \"green\", \"dark_blue\"\n"
         "/x|is not known; nearest: to, even, from\n"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.params);
      CHECK(faults_of<Resize>(row.params) == row.faults);
    }
  }

  TEST_CASE("integers stay integers, and within their type") {
    const Row rows[] = {
        {R"({"tiny": -128, "byte": 255, "small": 32767, "medium": 4294967295})", ""},
        {R"({"tiny": -129})", "/tiny|is -129, should be an integer from -128 to 127\n"},
        {R"({"tiny": 128})", "/tiny|is 128, should be an integer from -128 to 127\n"},
        {R"({"byte": -1})", "/byte|is -1, should be an integer from 0 to 255\n"},
        {R"({"byte": 256})", "/byte|is 256, should be an integer from 0 to 255\n"},
        {R"({"medium": 4294967296})", "/medium|is 4294967296, should be an integer from 0 to 4294967295\n"},
        {R"({"large": -9223372036854775808})", ""},
        {R"({"large": 9223372036854775807})", ""},
        {R"({"large": 9223372036854775808})",
         "/large|is 9223372036854775808, should be an integer from -9223372036854775808 to 9223372036854775807\n"},
        {R"({"large": -9223372036854775809})",
         "/large|is -9223372036854775808.0, should be an integer from -9223372036854775808 to 9223372036854775807\n"},
        {R"({"large": 1.0})", "/large|is 1.0, should be an integer\n"},
        {R"({"large": 1e3})", "/large|is 1000.0, should be an integer\n"},
        {R"({"large": true})", "/large|is true, should be an integer\n"},
        {R"({"large": "1"})", "/large|is \"1\", should be an integer\n"},
        {R"({"huge": 18446744073709551615})", ""},
        {R"({"huge": 9223372036854775808})", ""},
        {R"({"huge": -1})", "/huge|is -1, should be an integer of at least 0\n"},
        {R"({"huge": 18446744073709551616})",
         "/huge|is 18446744073709551616.0, should be an integer from 0 to 18446744073709551615\n"},
        {R"({"flag": 1})", "/flag|is 1, should be true or false\n"},
        {R"({"flag": "true"})", "/flag|is \"true\", should be true or false\n"},
        {R"({"number": 1, "single": 16777216})", ""},
        {R"({"number": true})", "/number|is true, should be a finite number\n"},
        {R"({"number": "1"})", "/number|is \"1\", should be a finite number\n"},
        {R"({"perhaps": 2147483648})",
         "/perhaps|is 2147483648, should be an integer from -2147483648 to 2147483647 or null\n"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.params);
      auto object = params::to_json(EveryType());
      const auto changed = json::parse(row.params);
      for (const auto& member : changed.as_object()) object[member.key()] = member.value();
      CHECK(faults_in_words(params::validator<EveryType>()(object)) == row.faults);
    }
    // A program can say what JSON text cannot.
    auto object = params::to_json(EveryType());
    object["number"] = std::numeric_limits<double>::infinity();
    object["single"] = 1e39;
    object["small"] = std::uint64_t{5};
    const auto faults = params::validator<EveryType>()(object);
    REQUIRE(faults.size() == 2);
    CHECK(faults[0].pointer == "/single");
    CHECK(faults[1] == ParamFault{"/number", "is Infinity, should be a finite number"});
    object["number"] = std::numeric_limits<double>::quiet_NaN();
    CHECK(params::validator<EveryType>()(object)[1].detail == "is NaN, should be a finite number");
  }

  TEST_CASE("a text is as long as it has code points, and a pattern matches those") {
    const Row rows[] = {
        {R"({"path": "éé"})", ""},
        {R"({"path": "\ud83d\ude42\ud83d\ude42\ud83d\ude42\ud83d\ude42"})", ""},
        {R"({"path": "\ud83d\ude42"})",
         "/path|is \"\xF0\x9F\x99\x82\", should be a string of 2 to 4 characters that matches ^[^/]*$\n"},
        {R"({"path": "ééééé"})", "/path|is \"ééééé\", should be a string of 2 to 4 characters that matches ^[^/]*$\n"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.params);
      CHECK(faults_of<Resize>(row.params) == row.faults);
    }
  }

  TEST_CASE("at most a hundred faults are told, and that there are more") {
    EveryType made;
    auto object = params::to_json(made);
    const auto faults_with_items = [&](std::size_t n) {
      object["flags"] = json::array(n, 0);
      return params::validator<EveryType>()(object);
    };
    CHECK(faults_with_items(99).size() == 99);
    CHECK(faults_with_items(100).size() == 100);
    CHECK(faults_with_items(100).back() == ParamFault{"/flags/99", "is 0, should be true or false"});
    for (const std::size_t n : {101, 100'000}) {
      const auto faults = faults_with_items(n);
      REQUIRE(faults.size() == 101);
      CHECK(faults[99].pointer == "/flags/99");
      CHECK(faults[100] == ParamFault{"", "there are more faults than these 100"});
    }
    json::object unknown;
    for (int i = 0; i < 1000; ++i) unknown.emplace("u" + std::to_string(i), i);
    CHECK(params::validator<Nothing>()(unknown).size() == 101);
    CHECK(params::validator<Nothing>()(unknown)[0] == ParamFault{"/u0", "is not known: there are no params"});
  }

  TEST_CASE("a message is short and valid whatever the value") {
    const auto detail_of = [](json::value value) {
      const auto faults = params::validator<Named>()({{"name", std::move(value)}});
      REQUIRE(faults.size() == 1);
      return faults[0].detail;
    };
    CHECK(detail_of(json::array(1'000'000, 1)).size() < 100);
    CHECK(detail_of(json::array(5, json::value(std::string(1'000'000, 'x')))).size() < 100);
    CHECK(detail_of({{"a", {1, 2.5}}, {"b", nullptr}}) == "is {\"a\":[1,2.5],\"b\":null}, should be a string");
    for (std::size_t i = 0; i < 4; ++i) {  // wherever it is cut
      const auto detail =
          detail_of({std::string(i, 'a') + "éééééééééé\xF0\x9F\x99\x82\xF0\x9F\x99\x82", json::array(50, "é")});
      CHECK(find_invalid_utf8(detail) == std::string::npos);
      CHECK(detail.find("…") != std::string::npos);
    }
    CHECK(detail_of(json::array{"\xff"}) == "is [\"\xEF\xBF\xBD\"], should be a string");
    CHECK(faults_in_words(params::validator<Named>()({{"name", ""}, {"\xff", 1}})) ==
          "/\xEF\xBF\xBD|is not known; nearest: name\n");
    const auto error = params::parse<Named>({{"name", ""}, {std::string(100'000, 'k'), 1}}).error();
    CHECK(error.message.size() < 400);
    CHECK(error.faults.front().pointer.size() == 100'001);
  }

  TEST_CASE("the error has the first fault in its message, and all of them") {
    const auto one = params::parse<Named>({}).error();
    CHECK(one.code == ErrorCode::invalid_params);
    CHECK(one.message == "the params do not fit: /name is missing, should be a string");
    const auto three = params::parse<Named>({{"a", 1}, {"b", 2}}).error();
    CHECK(three.message == "the params do not fit: /name is missing, should be a string; and 2 other faults");
    CHECK(three.faults.size() == 3);
    CHECK(params::describe_faults(three.faults) ==
          "the params do not fit: /name is missing, should be a string; /a is not known; nearest: name; "
          "/b is not known; nearest: name");
    CHECK(
        params::parse<Resize>(json::parse(R"({"path": "ab", "from": {"x": 9, "y": 0}})").as_object()).error().message ==
        "the params do not fit: goes from right to left");
  }
}

TEST_SUITE("params: values") {
  TEST_CASE("what is missing has what its initializer says") {
    const auto parsed = params::parse<Resize>({{"path", "ab"}}).value();
    CHECK(parsed.width == 800);
    CHECK_FALSE(parsed.format.has_value());
    CHECK(parsed.tags == std::vector<std::string>{"new"});
    CHECK(parsed.colour == Colour::green);
    CHECK(parsed.to == Point{1, 1});
  }

  TEST_CASE("what is named takes the place of the initializer, and is not mixed with it") {
    const auto parsed = params::parse<Resize>(
        json::parse(R"({"path": "ab", "tags": ["x", "y"], "weights": {}, "to": {"x": 5, "y": 6}})").as_object());
    CHECK(parsed->tags == std::vector<std::string>{"x", "y"});
    CHECK(parsed->weights.empty());
    CHECK(parsed->to == Point{5, 6});
  }

  TEST_CASE("without rules every member is required, except the optional ones") {
    CHECK(faults_of<Point>("{}") ==
          "/x|is missing, should be a finite number\n/y|is missing, should be a finite number\n");
    const auto faults = params::validator<EveryType>()({});
    std::string missing;
    for (const auto& fault : faults) missing += fault.pointer;
    CHECK(missing ==
          "/name/flag/tiny/byte/small/medium/large/huge/single/number/colour/flags/colours/points/deep/point"
          "/tree/anything/any_object");
  }

  TEST_CASE("rules can be given to a struct of someone else's") {
    CHECK(faults_of<Foreign>(R"({"a": 1})").empty());
    CHECK(faults_of<Foreign>(R"({"b": 4})") ==
          "/a|is missing, should be an integer from -2147483648 to 2147483647\n"
          "/b|is 4, should be an integer from 1 to 3\n");
  }

  TEST_CASE("the rules of a base hold for what is derived from it") {
    CHECK(faults_of<Derived>(R"({"high": 1})").empty());
    CHECK(faults_of<Derived>(R"({"high": 1, "low": 10})") == "/low|is 10, should be an integer from 0 to 9\n");
    CHECK(faults_of<Derived>(R"({"high": 1, "low": 3})") == "|is 3\n");
    CHECK(faults_of<Stricter>(R"({})") == "/low|is missing, should be an integer from 0 to 4\n");
    CHECK(params::parse<Derived>({{"high", 2}, {"low", 4}})->low == 4);
    CHECK_FALSE(params::schema<Derived>().contains("description"));
  }

  TEST_CASE("a tree may be as deep as it likes, and its faults say where") {
    CHECK(faults_of<Node>(R"({"value": 1, "children": [{"value": 2}, {"value": 3, "children": [{"valu": 1}]}]})") ==
          "/children/1/children/0/value|is missing, should be an integer from -2147483648 to 2147483647\n"
          "/children/1/children/0/valu|is not known; nearest: value\n");
  }

  TEST_CASE("a check that throws is a fault, not the end of whoever asks") {
    struct Throwing {
      static std::optional<std::string> find(const json::value&) { throw std::runtime_error("out of ideas"); }
    };
    params::Record record{.type_name = "T", .members = {{.name = "m", .shape = {.checks = {{Throwing::find}}}}}};
    CHECK(faults_in_words(params::find_faults(record, {{"m", 1}})) == "/m|cannot be checked: out of ideas\n");
  }
}

namespace {

struct BadInitial {
  int width = 0;
  static void rules(params::Fields<BadInitial>& fields) { fields[&BadInitial::width].range(1, 9).by_default(); }
};
BOOST_DESCRIBE_STRUCT(BadInitial, (), (width))
struct BadPattern {
  std::string word;
  static void rules(params::Fields<BadPattern>& fields) { fields[&BadPattern::word].pattern("(["); }
};
BOOST_DESCRIBE_STRUCT(BadPattern, (), (word))
struct NotDescribed {
  int known = 0;
  int other = 0;
  static void rules(params::Fields<NotDescribed>& fields) { fields[&NotDescribed::other].range(1, 9); }
};
BOOST_DESCRIBE_STRUCT(NotDescribed, (), (known))
struct Patterns {
  std::string text;
  static void rules(params::Fields<Patterns>& fields) { fields[&Patterns::text].pattern("^.é?$|^(a+)+$|x\\d\\d"); }
};
BOOST_DESCRIBE_STRUCT(Patterns, (), (text))

template <class T>
std::string refusal_of() {
  try {
    params::validator<T>();
  } catch (const Failure& failure) {
    CHECK(failure.error().code == ErrorCode::invalid_argument);
    return failure.error().message;
  }
  return "it was not refused";
}

}  // namespace

TEST_SUITE("params: declarations") {
  TEST_CASE("one that cannot be meant is refused when it is first used") {
    CHECK(refusal_of<BadInitial>().find("BadInitial: the initializer of width does not keep the rules: "
                                        "is 0, should be an integer from 1 to 9") != std::string::npos);
    CHECK(refusal_of<BadPattern>().find("the pattern ([ is no regular expression: ") == 0);
    CHECK(refusal_of<NotDescribed>().find("NotDescribed: there is a rule for a member that is not described") !=
          std::string::npos);
    CHECK(refusal_of<BadInitial>() == refusal_of<BadInitial>());  // and again
  }

  TEST_CASE("a pattern is found anywhere, by code points, and ends on any text") {
    const auto fits = [](const std::string& text) { return params::validator<Patterns>()({{"text", text}}).empty(); };
    CHECK(fits("a"));
    CHECK(fits("\xF0\x9F\x99\x82"));
    CHECK(fits("aé"));
    CHECK(fits("say x12 and go on"));
    CHECK_FALSE(fits("éa"));
    CHECK_FALSE(fits("\n"));
    CHECK_FALSE(fits("b\na"));
    CHECK_FALSE(fits(""));
    CHECK(fits("aaaa"));
    CHECK_FALSE(fits(std::string(40, 'a') + "!"));
    CHECK_FALSE(fits(std::string(3'000'000, 'b')));
  }
}
