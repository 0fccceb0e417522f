#include <algorithm>
#include <utility>

#include "core/model/json_text.hpp"
#include "core/model/utf8.hpp"
#include "core/schedule/cron.hpp"
#include "core/schedule/schedule_codec.hpp"
#include "core/schedule/time_zone.hpp"

namespace coremachine::schedule {

namespace {

constexpr int most_priority = 100;
constexpr std::size_t most_tags = 64;
constexpr std::size_t longest_tag = 256;
constexpr Milliseconds longest_interval{36'525LL * 24 * 3600 * 1000};
constexpr Timestamp first_time = std::chrono::sys_days{std::chrono::year{1} / 1 / 1};
constexpr Timestamp last_time = std::chrono::sys_days{std::chrono::year{10'000} / 1 / 1};

class Judge {
 public:
  std::vector<Fault> faults;

  void check(bool sound, const char* pointer, std::string detail) {
    if (!sound) faults.push_back({pointer, std::move(detail)});
  }
  void name(const std::string& text, const char* pointer) {
    check(is_valid_name(text), pointer, "it is no name; a name is " + std::string(name_rule));
  }
  void time(const std::optional<Timestamp>& time, const char* pointer) {
    check(!time || (*time >= first_time && *time < last_time), pointer, "it is not in the years 1 to 9999");
  }

  void timing(const Cron& cron) {
    const auto expression = CronExpression::parse(cron.expression);
    check(expression.has_value(), "#/cron", expression ? "" : expression.error().message);
    check(is_valid_zone_name(cron.time_zone), "#/time_zone",
          "it is no name of a time zone; Europe/Berlin or UTC would be one");
  }
  void timing(const Interval& interval) {
    check(interval.every >= shortest_interval, "#/every", "it is shorter than a second");
    check(interval.every <= longest_interval, "#/every", "it is longer than 100 years");
    time(interval.anchor, "#/anchor");
  }
};

constexpr std::size_t longest_param = 128;

bool is_utf8(const std::string& text) {
  return find_invalid_utf8(text) >= text.size();
}

void judge_params(Judge& judge, const ScheduleSpec& spec) {
  const auto params = parse_strict(spec.params);
  const bool is_object = params && params->is_object();
  judge.check(is_object, "#/params", "they are not the text of a JSON object");
  const auto& name = spec.time_param;
  judge.check(name.size() <= longest_param && is_utf8(name), "#/time_param",
              "it is longer than 128 bytes, or no UTF-8");
  judge.check(name.empty() || !is_object || !params->get_object().contains(name), "#/time_param",
              "there is such a param in params, and it cannot be both");
}

}  // namespace

std::vector<Fault> spec_faults(const ScheduleSpec& spec) {
  Judge judge;
  judge.name(spec.name, "#/name");
  judge.name(spec.job_type, "#/job_type");
  judge_params(judge, spec);
  judge.check(spec.priority >= -most_priority && spec.priority <= most_priority, "#/priority",
              "it is not from -100 to 100");
  judge.check(!spec.timeout || (spec.timeout->count() > 0 && *spec.timeout <= longest_interval), "#/timeout",
              "it is not longer than 0s, or longer than 100 years");
  judge.check(spec.tags.size() <= most_tags, "#/tags", "there are more than " + std::to_string(most_tags));
  for (std::size_t i = 0; i < spec.tags.size(); ++i) {
    const auto& tag = spec.tags[i];
    if (!tag.empty() && tag.size() <= longest_tag && is_utf8(tag)) continue;
    judge.faults.push_back({"#/tags/" + std::to_string(i), "it is empty, longer than 256 bytes, or no UTF-8"});
  }
  std::visit([&](const auto& timing) { judge.timing(timing); }, spec.timing);
  judge.check(spec.catch_up_limit <= max_catch_up, "#/catch_up_limit",
              "it is more than " + std::to_string(max_catch_up));
  judge.check(spec.jitter >= Milliseconds{0} && spec.jitter <= max_jitter, "#/jitter", "it is not from 0s to 1d");
  judge.time(spec.starts_at, "#/starts_at");
  judge.time(spec.ends_at, "#/ends_at");
  judge.check(!spec.starts_at || !spec.ends_at || *spec.starts_at < *spec.ends_at, "#/ends_at",
              "it is not after starts_at");
  return judge.faults;
}

}  // namespace coremachine::schedule
