#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

namespace coremachine::cli {

/// How many tasks of a stage there are and what became of them, as the server tells it.
struct StageCounts {
  explicit StageCounts(const boost::json::object& tasks);

  std::uint64_t done() const { return completed + failed; }
  /// `990/1,000` and what else there is to say of them: `10 failed`, `588 cancelled`. What was cancelled was not done.
  /// `noun` comes behind the first.
  std::vector<std::string> words(std::string_view noun = {}) const;

  std::uint64_t total;
  std::uint64_t completed;
  std::uint64_t failed;  ///< those that are dead are among them
  std::uint64_t cancelled;
  std::uint64_t retrying;
};

/// With commas between them.
std::string listed(const std::vector<std::string>& words);

}  // namespace coremachine::cli
