#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <coremachine/model/ids.hpp>
#include <coremachine/model/policy.hpp>
#include <coremachine/model/time.hpp>

namespace coremachine::machine {

/// How many tasks of each type may start now, and which jobs wait until more may.
class Limits {
 public:
  void set(const std::string& type, const TypeLimit& limit, Timestamp now);
  const TypeLimit* find(const std::string& type) const;

  /// How many tasks of this type may start now.
  std::uint32_t allowance(const std::string& type, Timestamp now);
  void started(const std::string& type, std::uint32_t count, Timestamp now);
  void ended(const std::string& type, std::uint32_t count);

  /// The job has tasks of this type, and none may start.
  void wait(const std::string& type, int priority, JobId job);
  /// Jobs that may try again, those of higher priority first.
  std::vector<JobId> take_due(Timestamp now);
  /// When the rate of a type that somebody waits for allows one more.
  std::optional<Timestamp> next_due(Timestamp now) const;

 private:
  struct Type {
    TypeLimit limit = {};
    std::uint64_t running = 0;
    double tokens = 0;
    Timestamp refilled_at{};
    std::set<std::tuple<int, std::uint64_t, JobId>> waiting = {};  ///< by negated priority, then in order of arrival
    std::set<JobId> waits = {};
  };
  static double burst_of(const TypeLimit& limit);
  static void refill(Type& type, Timestamp now);
  static std::uint32_t allowance(Type& type, Timestamp now);

  std::map<std::string, Type, std::less<>> types_;
  std::set<std::string> crowded_;  ///< types that somebody waits for
  std::uint64_t arrivals_ = 0;
};

}  // namespace coremachine::machine
