#include <string>

#include "core/model/json_text.hpp"
#include "core/schedule/cron.hpp"
#include "core/schedule/posix_rule.hpp"
#include "core/schedule/schedule_codec.hpp"
#include "core/schedule/time_zone.hpp"
#include "core/schedule/timetable.hpp"
#include "tests/fuzz/targets.hpp"

namespace coremachine::fuzz {
namespace {

using namespace coremachine::schedule;

constexpr Timestamp some_time{Milliseconds{1'769'860'800'000}};

void check_span(const Span& span, Instant time) {
  require(span.begin <= time && time < span.end, "a span has the time that it was asked for in it");
}

void posix_rule(std::string_view text) {
  const auto rule = PosixRule::parse(text);
  if (!rule) return;
  for (int day = 0; day < 400; day += 7) {
    const auto time = std::chrono::floor<Seconds>(some_time) + std::chrono::days{day};
    check_span(rule->span_at(time), time);
  }
}

template <class T>
void check_reading(const Reading<T>& reading, Reading<T> (*read)(const json::value&)) {
  require(reading.value.has_value() == reading.faults.empty(), "there is a value or a fault");
  for (const auto& fault : reading.faults) require(fault.pointer.starts_with('#') && !fault.detail.empty(), "faults");
  if (!reading.value) return;
  // By way of text, as stores do.
  std::string text;
  require(!append_json(text, to_json(*reading.value)).has_value(), "what was read can be written");
  const auto again = read(parse_stored(text));
  require(again.value == reading.value, "what is written and read again is the same");
}

}  // namespace

void cron(std::string_view bytes) {
  const auto expression = CronExpression::parse(bytes);
  if (!expression) {
    require(!expression.error().message.empty(), "a refusal says why");
    return;
  }
  const auto same = CronExpression::parse(expression->text());
  require(same.has_value() && same->text() == expression->text(), "an expression comes back");
  auto time = some_time;
  for (int i = 0; i < 3; ++i) {
    const auto next = expression->next(time, TimeZone::utc());
    require(next == same->next(time, TimeZone::utc()), "the same expression is due at the same time");
    if (!next) break;
    require(*next > time, "what is next is later");
    require(expression->next(*next - Milliseconds{1}, TimeZone::utc()) == next, "nothing is between");
    time = *next;
  }
}

void schedule_spec(std::string_view bytes) {
  const auto document = parse_strict(bytes);
  if (!document) return;
  const auto reading = read_spec(*document);
  check_reading(reading, read_spec);
  check_reading(read_state(*document), read_state);
  if (!reading.value) return;
  require(spec_faults(*reading.value).empty(), "a spec that was read has no fault");
  // Without the database of zones, which differs from machine to machine.
  const auto zones = [](std::string_view) { return Result<TimeZone>(TimeZone::utc()); };
  const auto timetable = Timetable::make(*reading.value, zones);
  require(timetable.has_value(), "a spec without faults has a timetable");
  if (const auto next = timetable->next(some_time)) {
    require(*next > some_time && timetable->due_at(*next) >= *next, "what is next is later");
  }
}

void time_zone(std::string_view bytes) {
  posix_rule(bytes);
  const auto zone = TimeZone::parse("Test/Zone", bytes);
  if (!zone) {
    require(!zone.error().message.empty(), "a refusal says why");
    return;
  }
  for (int year = -300; year < 300; year += 7) {
    const auto time = some_time + std::chrono::days{365 * year};
    check_span(zone->span_at(std::chrono::floor<Seconds>(time)), std::chrono::floor<Seconds>(time));
    const auto instants = zone->to_instants(zone->to_local(time).civil);
    require(instants.count != Instants::Count::none, "a time that the clocks show is not one that they skip");
    require(instants.first == time || instants.second == time, "and it is when they show it");
  }
}

}  // namespace coremachine::fuzz
