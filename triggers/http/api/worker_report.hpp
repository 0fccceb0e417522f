#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/runtime/remote.hpp>

#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

// The calls of workers as those see them who pass them on.

/// Levels around the values of authors in what it says.
inline constexpr std::size_t levels_around_values = 4;

/// What a worker said of leases, taken apart: values stay the text that they were.
struct WorkerReport {
  struct Item {
    std::string list;  ///< the name of the member that it is an element of: outcomes, leases or progress
    std::string text;
    LeaseId lease;
  };
  std::vector<std::pair<std::string, std::string>> about;  ///< everything but these lists
  std::vector<Item> items;

  /// Nothing: it is not what a worker says, and will be refused.
  static std::optional<WorkerReport> read(const std::string& body);
  /// The same with these items alone.
  std::string text(const std::vector<const Item*>& these) const;
};

/// The answer to a poll that brings tasks.
bool has_tasks(const Response& response);
/// A report that none of the tasks in such an answer was begun.
Request return_of(const Response& response);

}  // namespace coremachine::http
