#include <algorithm>
#include <string>

#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/time.hpp>
#include <coremachine/schedule/schedule.hpp>

#include "core/model/suggest.hpp"
#include "core/schedule/schedule_codec.hpp"
#include "core/schedule/time_zone.hpp"
#include "tests/fuzz/targets.hpp"

namespace coremachine::fuzz {
namespace {

void duration(std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) return;
  require(*duration >= Milliseconds{0} && *duration <= std::chrono::days{36'525}, "a duration is within its bounds");
  require(parse_duration(schedule::duration_text(*duration)) == duration, "a duration comes back");
}

void time(std::string_view text) {
  const auto time = schedule::parse_rfc3339(text);
  if (!time) return;
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(*time));
  const bool has_four_digits = date.year() >= std::chrono::year{0} && date.year() <= std::chrono::year{9999};
  // An offset may take it out of the years that can be written.
  if (has_four_digits) require(schedule::parse_rfc3339(to_rfc3339(*time)) == time, "a time comes back");
}

void name(std::string_view text) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-' ||
           c == '.';
  };
  const bool expected = !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), fits) &&
                        text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos;
  require(is_valid_name(text) == expected, "names are what the rule says");
  const auto message = describe_unknown("job type", text, {"hello_world", "fan_out"});
  require(std::all_of(message.begin(), message.end(), [](char c) { return c >= ' ' && c != 0x7F; }),
          "a message has no control characters");
  if (schedule::is_valid_zone_name(text)) {
    require(!text.starts_with('/') && text.find("..") == std::string_view::npos, "a zone name stays in its folder");
  }
}

void id(std::string_view text) {
  const auto id = JobId::parse(text);
  if (!id) return;
  require(JobId::parse(id->str()) == id, "an id comes back");
  auto upper = std::string(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  require(id->str() == upper, "an id has one form, but for its case");
}

}  // namespace

void words(std::string_view bytes) {
  duration(bytes);
  time(bytes);
  name(bytes);
  id(bytes);
  if (const auto code = error_code_from(bytes)) require(to_string(*code) == bytes, "a code has one name");
  if (const auto policy = overlap_policy_from(bytes)) require(to_string(*policy) == bytes, "a policy has one name");
}

}  // namespace coremachine::fuzz
