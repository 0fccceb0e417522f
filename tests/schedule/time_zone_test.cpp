#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>

#include "core/schedule/time_zone.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/zone_file.hpp"

namespace coremachine::schedule {
namespace {

using support::at;
using support::bytes_of_file;
using support::civil;
using support::shown;
using support::zone_of;
using support::ZoneFile;
using Count = Instants::Count;

/// $TZDIR for as long as it lives.
class Database {
 public:
  explicit Database(const std::string& folder) {
    if (const char* old = std::getenv("TZDIR")) old_ = old;
    ::setenv("TZDIR", folder.c_str(), 1);
  }
  ~Database() { old_ ? ::setenv("TZDIR", old_->c_str(), 1) : ::unsetenv("TZDIR"); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

 private:
  std::optional<std::string> old_;
};

std::string refusal(std::string_view name) {
  const auto zone = TimeZone::load(name);
  return zone ? "" : zone.error().message;
}

const std::vector<std::string> some_zones{
    "UTC",          "Europe/Berlin",       "Europe/Dublin", "America/New_York",  "America/Santiago",
    "America/Nuuk", "America/St_Johns",    "Africa/Cairo",  "Africa/Casablanca", "Asia/Kathmandu",
    "Asia/Tehran",  "Australia/Lord_Howe", "Pacific/Apia",  "Pacific/Chatham"};

/// Every question that there is, at this time.
void ask(const TimeZone& zone, Instant time) {
  const auto span = zone.span_at(time);
  REQUIRE(span.begin <= time);
  REQUIRE((span.end > time || span.end == end_of_time));
  zone.to_local(time);
  zone.to_instants(CivilTime{time.time_since_epoch()});
}

}  // namespace

TEST_SUITE("schedule: time zones") {
  TEST_CASE("what the clocks show") {
    struct Row {
      const char* zone;
      const char* time;
      const char* shown;
    };
    const Row rows[] = {
        {"UTC", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00+00:00"},
        {"Europe/Berlin", "2024-03-31T00:59:59Z", "2024-03-31T01:59:59+01:00"},
        {"Europe/Berlin", "2024-03-31T01:00:00Z", "2024-03-31T03:00:00+02:00"},
        {"Europe/Berlin", "2024-10-27T00:59:59Z", "2024-10-27T02:59:59+02:00"},
        {"Europe/Berlin", "2024-10-27T01:00:00Z", "2024-10-27T02:00:00+01:00"},
        {"Europe/Berlin", "2087-07-01T00:00:00Z", "2087-07-01T02:00:00+02:00"},
        {"America/New_York", "2023-03-12T07:00:00Z", "2023-03-12T03:00:00-04:00"},
        {"America/New_York", "2023-11-05T06:00:00Z", "2023-11-05T01:00:00-05:00"},
        {"America/New_York", "1918-06-01T00:00:00Z", "1918-05-31T20:00:00-04:00"},
        {"Australia/Lord_Howe", "2023-09-30T15:30:00Z", "2023-10-01T02:30:00+11:00"},
        {"Australia/Lord_Howe", "2024-04-06T15:00:00Z", "2024-04-07T01:30:00+10:30"},
        {"America/Santiago", "2023-09-03T03:59:59Z", "2023-09-02T23:59:59-04:00"},
        {"America/Santiago", "2023-09-03T04:00:00Z", "2023-09-03T01:00:00-03:00"},
        {"Asia/Kathmandu", "2024-01-01T00:00:00Z", "2024-01-01T05:45:00+05:45"},
        {"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T23:59:59-10:00"},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00+14:00"},
        {"Europe/Dublin", "2022-01-01T00:00:00Z", "2022-01-01T00:00:00+00:00"},
        {"Europe/Dublin", "2050-07-01T00:00:00Z", "2050-07-01T01:00:00+01:00"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.zone);
      CHECK(shown(at(row.time), TimeZone::load(row.zone).value()) == row.shown);
    }
  }

  TEST_CASE("when a civil time is: skipped, once or twice") {
    struct Row {
      const char* zone;
      const char* civil;
      Count count;
      const char* first;
      const char* second;
    };
    const Row rows[] = {
        {"UTC", "2024-03-31T02:30:00", Count::one, "2024-03-31T02:30:00Z", ""},
        {"Europe/Berlin", "2024-03-31T01:59:59", Count::one, "2024-03-31T00:59:59Z", ""},
        {"Europe/Berlin", "2024-03-31T02:00:00", Count::none, "2024-03-31T01:00:00Z", ""},
        {"Europe/Berlin", "2024-03-31T02:59:59", Count::none, "2024-03-31T01:00:00Z", ""},
        {"Europe/Berlin", "2024-03-31T03:00:00", Count::one, "2024-03-31T01:00:00Z", ""},
        {"Europe/Berlin", "2024-10-27T01:59:59", Count::one, "2024-10-26T23:59:59Z", ""},
        {"Europe/Berlin", "2024-10-27T02:00:00", Count::two, "2024-10-27T00:00:00Z", "2024-10-27T01:00:00Z"},
        {"Europe/Berlin", "2024-10-27T02:59:59", Count::two, "2024-10-27T00:59:59Z", "2024-10-27T01:59:59Z"},
        {"Europe/Berlin", "2024-10-27T03:00:00", Count::one, "2024-10-27T02:00:00Z", ""},
        {"Europe/Berlin", "2090-03-26T02:30:00", Count::none, "2090-03-26T01:00:00Z", ""},
        {"Australia/Lord_Howe", "2023-10-01T02:15:00", Count::none, "2023-09-30T15:30:00Z", ""},
        {"Australia/Lord_Howe", "2024-04-07T01:45:00", Count::two, "2024-04-06T14:45:00Z", "2024-04-06T15:15:00Z"},
        {"America/Santiago", "2023-09-03T00:00:00", Count::none, "2023-09-03T04:00:00Z", ""},
        {"America/Santiago", "2024-04-06T23:30:00", Count::two, "2024-04-07T02:30:00Z", "2024-04-07T03:30:00Z"},
        {"Pacific/Apia", "2011-12-30T12:00:00", Count::none, "2011-12-30T10:00:00Z", ""},
    };
    for (const auto& row : rows) {
      CAPTURE(row.zone);
      CAPTURE(row.civil);
      const auto found = TimeZone::load(row.zone).value().to_instants(civil(row.civil));
      CHECK(found.count == row.count);
      CHECK(to_rfc3339(found.first) == to_rfc3339(at(row.first)));
      if (row.count == Count::two) CHECK(to_rfc3339(found.second) == to_rfc3339(at(row.second)));
    }
  }

  TEST_CASE("both ways agree at any time of any zone") {
    std::mt19937_64 dice(11);
    for (const auto& name : some_zones) {
      CAPTURE(name);
      const auto zone = TimeZone::load(name).value();
      for (int i = 0; i < 3000; ++i) {
        // 1850 to 2180, a third of it near a change.
        Instant time{Seconds{std::uniform_int_distribution<std::int64_t>(-3'800'000'000, 6'600'000'000)(dice)}};
        if (i % 3 == 0) {
          const auto change = zone.span_at(time).end;
          if (change < end_of_time) time = change + Seconds{std::uniform_int_distribution<int>(-9000, 9000)(dice)};
        }
        const auto local = zone.to_local(time);
        const auto back = zone.to_instants(local.civil);
        REQUIRE(back.count != Count::none);
        REQUIRE((back.first == time || (back.count == Count::two && back.second == time)));
        REQUIRE((back.count == Count::one || back.first < back.second));
        const auto other = zone.to_instants(CivilTime{time.time_since_epoch()});
        const auto again = zone.to_local(other.first).civil;
        if (other.count == Count::none) {
          // The first instant after the gap shows a later time, the one before an earlier one.
          REQUIRE(again > CivilTime{time.time_since_epoch()});
          REQUIRE(zone.to_local(other.first - Milliseconds{1}).civil < CivilTime{time.time_since_epoch()});
        } else {
          REQUIRE(again == CivilTime{time.time_since_epoch()});
        }
      }
    }
  }

  TEST_CASE("the rule at the end says the same as a table of the same years") {
    for (const auto& name : some_zones) {
      CAPTURE(name);
      const auto zone = TimeZone::load(name).value();
      if (name == "UTC" || name == "Africa/Casablanca") continue;  // no table, and one that the rule does not follow
      const auto bytes = bytes_of_file("/usr/share/zoneinfo/" + name);
      const auto begin = bytes.rfind('\n', bytes.size() - 2) + 1;
      ZoneFile rule;
      rule.footer = bytes.substr(begin, bytes.size() - 1 - begin);
      CAPTURE(rule.footer);
      const auto by_rule = zone_of(rule);
      for (auto time = at("2024-06-01T00:00:00Z"); time < at("2037-12-31T00:00:00Z");
           time += std::chrono::minutes{601}) {
        const auto instant = std::chrono::floor<Seconds>(time);
        REQUIRE(zone.span_at(instant).offset == by_rule.span_at(instant).offset);
      }
    }
  }

  TEST_CASE("rules of every form") {
    struct Row {
      const char* rule;
      const char* time;
      const char* shown;
    };
    const Row rows[] = {
        {"<+0330>-3:30", "2024-01-01T00:00:00Z", "2024-01-01T03:30:00+03:30"},
        {"AAA-24:59:59", "2024-01-01T00:00:00Z", "2024-01-02T00:59:59+24:59"},
        // Day 60 without 29 February is 1 March in any year; day 59 with it is 29 February in a leap year.
        {"AAA0BBB,J60/0,J300", "2024-02-29T23:59:59Z", "2024-02-29T23:59:59+00:00"},
        {"AAA0BBB,J60/0,J300", "2024-03-01T00:00:00Z", "2024-03-01T01:00:00+01:00"},
        {"AAA0BBB,J60/0,J300", "2023-03-01T00:00:00Z", "2023-03-01T01:00:00+01:00"},
        {"AAA0BBB,59/0,300", "2024-02-29T00:00:00Z", "2024-02-29T01:00:00+01:00"},
        {"AAA0BBB,59/0,300", "2023-02-28T23:59:59Z", "2023-02-28T23:59:59+00:00"},
        {"AAA0BBB-2,M3.2.0,M11.1.0/-30", "2024-03-10T02:00:00Z", "2024-03-10T04:00:00+02:00"},
        {"AAA0BBB-2,M3.2.0,M11.1.0/-30", "2024-11-01T15:59:59Z", "2024-11-01T17:59:59+02:00"},
        {"AAA0BBB-2,M3.2.0,M11.1.0/-30", "2024-11-01T16:00:00Z", "2024-11-01T16:00:00+00:00"},
        // South of the equator, and over the end of the year by the hours.
        {"AAA0BBB,M12.5.0/167,M3.1.0", "2024-01-05T22:59:59Z", "2024-01-05T22:59:59+00:00"},
        {"AAA0BBB,M12.5.0/167,M3.1.0", "2024-01-07T00:00:00Z", "2024-01-07T01:00:00+01:00"},
        {"AAA0BBB,M12.5.0/167,M3.1.0", "2024-12-31T00:00:00Z", "2024-12-31T00:00:00+00:00"},
        // Daylight time all year round.
        {"XXX3EDT4,0/0,J365/23", "2024-01-01T02:59:59Z", "2023-12-31T22:59:59-04:00"},
        {"XXX3EDT4,0/0,J365/23", "2024-07-01T00:00:00Z", "2024-06-30T20:00:00-04:00"},
        {"XXX3EDT4,0/0,J365/23", "2025-01-01T04:00:00Z", "2025-01-01T00:00:00-04:00"},
    };
    for (const auto& row : rows) {
      CAPTURE(row.rule);
      CAPTURE(row.time);
      ZoneFile file;
      file.footer = row.rule;
      CHECK(shown(at(row.time), zone_of(file)) == row.shown);
    }
  }

  TEST_CASE("what is no rule") {
    for (const std::string rule : {"",
                                   "CE-1",
                                   "CET",
                                   "CET-",
                                   "CET-25",
                                   "CET-1CEST",
                                   "CET-1CE",
                                   "<CET-1",
                                   "<+1>-1",
                                   "CET-1:60",
                                   "CET-1CEST,",
                                   "CET-1CEST,M3.5.0",
                                   "CET-1CEST,M3.5.0,",
                                   "CET-1CEST,M13.5.0,M10.5.0",
                                   "CET-1CEST,M3.6.0,M10.5.0",
                                   "CET-1CEST,M3.5.7,M10.5.0",
                                   "CET-1CEST,M3.5.0/168,M10.5.0",
                                   "CET-1CEST,M3.5.0,M10.5.0/3x",
                                   "CET-1CEST,J0,J365",
                                   "CET-1CEST,J366,J365",
                                   "CET-1CEST,366,1",
                                   "CET-1CEST,M3.5,M10.5.0",
                                   "CET-1CEST,M3.5.0/,M10.5.0",
                                   "CET 1",
                                   "\xC3\xA4\xC3\xA4-1",
                                   "CET-1CEST-2-3,M3.5.0,M10.5.0",
                                   "CET99999999999999999999"}) {
      CAPTURE(rule);
      CHECK_FALSE(PosixRule::parse(rule).has_value());
    }
  }

  TEST_CASE("a file that ends too early is refused, wherever it ends") {
    for (const auto& name : {"Europe/Berlin", "America/New_York", "Asia/Kathmandu"}) {
      CAPTURE(name);
      const auto bytes = bytes_of_file(std::string("/usr/share/zoneinfo/") + name);
      REQUIRE(TimeZone::parse(name, bytes).has_value());
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        // A copy of its own, so that a sanitizer sees what is read beyond it.
        const std::vector<char> prefix(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
        CAPTURE(size);
        REQUIRE_FALSE(TimeZone::parse(name, {prefix.data(), prefix.size()}).has_value());
      }
      REQUIRE_FALSE(TimeZone::parse(name, bytes + "\n").has_value());
    }
  }

  TEST_CASE("garbled bytes are refused, or give a zone that can be asked") {
    std::mt19937_64 dice(3);
    const auto whole = bytes_of_file("/usr/share/zoneinfo/Australia/Lord_Howe");
    int accepted = 0;
    for (int i = 0; i < 20'000; ++i) {
      auto bytes = whole;
      for (auto changes = 1 + dice() % 4; changes > 0; --changes) {
        // Half of them where the counts are.
        const auto place = dice() % 2 == 0 ? dice() % bytes.size() : dice() % 64 + (dice() % 2 == 0 ? 0 : 870);
        bytes[place] = static_cast<char>(dice() % 3 == 0 ? dice() % 256 : bytes[place] ^ (1 << dice() % 8));
      }
      const auto zone = TimeZone::parse("Test/Zone", bytes);
      if (!zone) continue;
      ++accepted;
      for (const std::int64_t second : {-100'000'000'000'000, -99'999'999'999'999, -2'147'483'648L, 0L, 1'711'846'800L,
                                        4'102'444'800L, 900'000'000'000L, 99'000'000'000'000}) {
        ask(*zone, Instant{Seconds{second}});
      }
    }
    CHECK(accepted > 1000);
  }

  TEST_CASE("what a file must not be") {
    const auto refused = [](const ZoneFile& file) {
      const auto zone = TimeZone::parse("Test/Zone", file.bytes());
      REQUIRE_FALSE(zone.has_value());
      CHECK(zone.error().code == ErrorCode::invalid_argument);
      return zone.error().message.substr(zone.error().message.rfind(": ") + 2);
    };
    CHECK(zone_of(ZoneFile{}).to_local(Timestamp{}).offset == Seconds{0});
    ZoneFile file;
    file.version = '\0';
    CHECK(refused(file) == "it is of version 1, which ends in 2038; 2 or later is needed");
    file = {{{0, 0}, {0, 0}}, {0}, "UTC0"};
    CHECK(refused(file) == "its changes are not in order");
    file = {{{0, 1}}, {0}, "UTC0"};
    CHECK(refused(file) == "a change names no type");
    file = {{{0, 0}}, {100'000}, "UTC0"};
    CHECK(refused(file) == "an offset is more than a day");
    file = {{{0, 0}}, {0}, "UTC"};
    CHECK(refused(file) == "the rule at its end is malformed");
    file = {{}, {}, "UTC0"};
    CHECK(refused(file) == "the number of its types is wrong");
    file = {{}, {0}, "UTC0\nUTC0"};
    CHECK(refused(file) == "the rule at its end is missing or cut off");
    CHECK_FALSE(TimeZone::parse("right/UTC", ZoneFile{{}, {0}, "UTC0", '2', 1}.bytes()).has_value());
  }

  TEST_CASE("without a rule the last offset stays; before the table there is the first") {
    const auto zone = zone_of({{{0, 1}, {1000, 2}}, {600, 1200, 1800}, ""});
    CHECK(zone.span_at(Instant{Seconds{-1}}).offset == Seconds{600});
    CHECK(zone.span_at(Instant{Seconds{0}}).offset == Seconds{1200});
    CHECK(zone.span_at(Instant{Seconds{999}}).end == Instant{Seconds{1000}});
    CHECK(zone.span_at(Instant{Seconds{5'000'000'000}}).offset == Seconds{1800});
    CHECK(zone.span_at(Instant{Seconds{5'000'000'000}}).end == end_of_time);
  }

  TEST_CASE("any time that there is may be asked for") {
    for (const auto& name : some_zones) {
      const auto zone = TimeZone::load(name).value();
      for (const auto time : {Timestamp::min(), Timestamp{}, Timestamp::max()}) zone.to_local(time);
      for (const auto time : {beginning_of_time, Instant{}, end_of_time}) ask(zone, time);
    }
  }

  TEST_CASE("names") {
    for (const std::string name :
         {"UTC", "Etc/GMT+12", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "EST5EDT"}) {
      CAPTURE(name);
      CHECK(is_valid_zone_name(name));
      CHECK(TimeZone::load(name).value().name() == name);
    }
    for (const std::string name :
         {"", "/", "/etc/passwd", "..", "../Europe/Berlin", "Europe/../UTC", "Europe/", "/UTC", "Europe//Berlin",
          "Europe/Berlin.tab", "zone.tab", ".", "a\\b", "New York", "\xC3\xA4", "UTC\n", ":UTC"}) {
      CAPTURE(name);
      CHECK_FALSE(is_valid_zone_name(name));
      CHECK(refusal(name).find("is no name of a time zone") != std::string::npos);
    }
    CHECK_FALSE(is_valid_zone_name(std::string("UTC\0", 4)));
    CHECK_FALSE(is_valid_zone_name(std::string(129, 'a')));
  }

  TEST_CASE("an unknown name is answered with near ones") {
    CHECK(refusal("europe/berln") == R"(unknown time zone "europe/berln"; nearest: Europe/Berlin)");
    CHECK(refusal("Berlin") == R"(unknown time zone "Berlin"; nearest: Europe/Berlin)");
    CHECK(refusal("America/NewYork") == R"(unknown time zone "America/NewYork"; nearest: America/New_York)");
    CHECK(refusal("Europe").find("unknown time zone \"Europe\"; nearest: ") == 0);
  }

  TEST_CASE("the database is where TZDIR says; UTC needs none") {
    support::TemporaryDirectory folder;
    const Database here(folder.path());
    CHECK(TimeZone::load("UTC").value().to_local(at("2024-01-01T00:00:00Z")).offset == Seconds{0});
    CHECK(refusal("Europe/Berlin").find("there is no time zone database in " + std::string(folder.path())) !=
          std::string::npos);

    std::filesystem::create_directories(std::string(folder.path()) + "/Moon");
    std::ofstream(std::string(folder.path()) + "/Moon/Copernicus", std::ios::binary)
        << ZoneFile{{}, {0}, "<+07>-7"}.bytes();
    std::ofstream(std::string(folder.path()) + "/Moon/Tycho", std::ios::binary) << "TZif";
    CHECK(TimeZone::load("Moon/Copernicus").value().to_local(Timestamp{}).offset == Seconds{7 * 3600});
    CHECK(refusal("Moon/Tycho") == "the file of the time zone Moon/Tycho cannot be used: it ends too early");
    CHECK(refusal("Moon/Copernikus") == R"(unknown time zone "Moon/Copernikus"; nearest: Moon/Copernicus)");
  }
}

}  // namespace coremachine::schedule
