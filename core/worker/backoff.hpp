#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include <coremachine/model/time.hpp>

namespace coremachine::worker {

/// Pauses between tries: anything up to a limit that doubles each time, so that many workers which have lost the same
/// machine do not all come back at once.
class Backoff {
 public:
  Backoff(Milliseconds first, Milliseconds most, std::uint64_t seed) : first_(first), most_(most), random_(seed) {}

  Milliseconds next() {
    limit_ = tries_++ == 0 ? first_ : std::min(limit_ * 2, most_);
    return Milliseconds(std::uniform_int_distribution<Milliseconds::rep>(0, limit_.count())(random_));
  }
  void reset() { tries_ = 0; }
  /// Pauses since it was last reset.
  unsigned tries() const { return tries_; }

 private:
  const Milliseconds first_;
  const Milliseconds most_;
  Milliseconds limit_{0};
  unsigned tries_ = 0;
  std::mt19937_64 random_;
};

}  // namespace coremachine::worker
