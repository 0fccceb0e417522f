#include "core/machine/retry.hpp"

#include <algorithm>
#include <cmath>

namespace coremachine::machine {

Milliseconds retry_delay(const RetryPolicy& policy, std::uint32_t failures, std::uint64_t entropy) {
  const auto exponent = static_cast<double>(failures == 0 ? 0 : failures - 1);
  const auto limit = static_cast<double>(policy.max_delay.count());
  const auto raw = static_cast<double>(policy.first_delay.count()) * std::pow(std::max(policy.factor, 1.0), exponent);
  const auto delay = static_cast<Milliseconds::rep>(std::clamp(raw, 0.0, std::max(limit, 0.0)));
  if (!policy.jitter || delay < 2) return Milliseconds{delay};
  const auto half = delay / 2;
  return Milliseconds{half + static_cast<Milliseconds::rep>(entropy % static_cast<std::uint64_t>(delay - half + 1))};
}

std::uint64_t mix(std::uint64_t entropy, std::uint64_t salt) {
  auto x = entropy + 0x9E3779B97F4A7C15ULL * (salt + 1);
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace coremachine::machine
