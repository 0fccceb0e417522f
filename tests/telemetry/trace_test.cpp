#include <random>
#include <string>

#include <doctest/doctest.h>

#include <coremachine/telemetry/trace.hpp>

namespace {

using namespace coremachine;

const std::string id = "0af7651916cd43dd8448eb211c80319c";
const std::string parent = "b7ad6b7169203331";

std::string header(const std::string& version = "00", const std::string& trace_id = id,
                   const std::string& parent_id = parent, const std::string& flags = "01") {
  return version + "-" + trace_id + "-" + parent_id + "-" + flags;
}

}  // namespace

TEST_SUITE("telemetry: traceparent") {
  TEST_CASE("what the specification takes, and what is passed on of it") {
    struct Row {
      std::string header;
      std::string passed_on;
    };
    for (const auto& [given, passed_on] : std::initializer_list<Row>{
             {header(), header()},
             {header("00", id, parent, "00"), header("00", id, parent, "00")},
             {header("00", id, parent, "ff"), header()},  // flags that are not known are not passed on
             {header("00", id, parent, "02"), header("00", id, parent, "00")},
             {header("01"), header()},
             {header("cc") + "-what-comes-after-is-not-known-yet", header()},
             {header("fe") + "-", header()},
             {header("00", std::string(31, '0') + "1", std::string(15, '0') + "1"),
              header("00", std::string(31, '0') + "1", std::string(15, '0') + "1")},
         }) {
      CAPTURE(given);
      const auto trace = TraceParent::parse(given);
      REQUIRE(trace.has_value());
      CHECK(trace->str() == passed_on);
      CHECK(TraceParent::parse(trace->str()) == trace);
    }
  }

  TEST_CASE("what it tells to ignore") {
    auto upper = header();
    upper[5] = 'F';
    for (const auto& bad : {std::string(),
                            std::string("00"),
                            header("ff"),
                            header("FF"),
                            header("0g"),
                            header("00", std::string(32, '0')),
                            header("00", id, std::string(16, '0')),
                            header("00", id, parent, "0G"),
                            header("00", id, parent, "1"),
                            header("00", id.substr(1)),
                            header("00", id, parent + "0"),
                            header() + "-",
                            header() + "-00",
                            header() + "0",
                            header("cc") + ".later",
                            header("cc") + "0",
                            " " + header(),
                            header() + " ",
                            header() + "," + header(),
                            upper}) {
      CAPTURE(bad);
      CHECK_FALSE(TraceParent::parse(bad).has_value());
    }
  }

  TEST_CASE("one character that is wrong makes it another one or none, and never breaks anything") {
    std::mt19937 dice(3);
    const auto good = header();
    for (int i = 0; i < 20'000; ++i) {
      auto text = good;
      text[dice() % text.size()] = static_cast<char>(dice() % 256);
      text.resize(dice() % 8 == 0 ? dice() % 70 : text.size(), 'a');
      if (const auto trace = TraceParent::parse(text)) {
        REQUIRE(trace->str().size() == good.size());
        REQUIRE(TraceParent::parse(trace->str()) == trace);
        REQUIRE(text.substr(3, 49) == trace->str().substr(3, 49));
      }
    }
  }
}
