#include <coremachine/schedule/schedule.hpp>

#include <array>
#include <utility>

namespace coremachine {

namespace {

constexpr std::array<std::pair<OverlapPolicy, std::string_view>, 4> policies{{
    {OverlapPolicy::skip, "skip"},
    {OverlapPolicy::queue_one, "queue_one"},
    {OverlapPolicy::cancel_running, "cancel_running"},
    {OverlapPolicy::allow, "allow"},
}};

}  // namespace

std::string_view to_string(OverlapPolicy policy) {
  return policies[static_cast<std::size_t>(policy)].second;
}

std::optional<OverlapPolicy> overlap_policy_from(std::string_view text) {
  for (const auto& [policy, name] : policies) {
    if (name == text) return policy;
  }
  return std::nullopt;
}

std::string idempotency_key(std::string_view schedule, const Firing& firing) {
  std::string key = "schedule:";
  key.append(schedule).append(firing.kind == Firing::Kind::by_hand ? ":run:" : ":");
  return key.append(to_rfc3339(firing.scheduled_for));
}

}  // namespace coremachine
