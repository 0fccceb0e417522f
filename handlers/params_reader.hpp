#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/registry/task_handler.hpp>

namespace coremachine::builtin {

/// Both ends belong to it.
struct IntegerRange {
  std::int64_t lowest = 0;
  std::int64_t highest = INT64_MAX;
};

/// Reads the members of a params object and gathers everything that is wrong with them, not only the first fault.
/// A getter whose member does not fit returns its fallback, so that reading goes on; `fault` then tells.
class ParamsReader {
 public:
  explicit ParamsReader(const json::object& params) : params_(params) {}

  /// Without a fallback the member has to be there.
  std::string text(std::string_view name, std::optional<std::string> fallback = std::nullopt);
  std::string non_empty_text(std::string_view name);
  std::int64_t integer(std::string_view name, IntegerRange range, std::optional<std::int64_t> fallback = std::nullopt);
  /// The member as it is, or nothing: for what has a form of its own.
  const json::value* any(std::string_view name);

  /// `name: is VALUE, should be DUE`.
  void add_fault(std::string_view name, const json::value& value, std::string_view due);

  /// What is wrong in one line, members that nobody asked for included; nothing when all fits.
  std::optional<std::string> fault(std::string_view owner) const;

 private:
  void add_missing(std::string_view name, std::string_view due);

  const json::object& params_;
  std::vector<std::string> known_ = {};
  std::vector<std::string> faults_ = {};
};

/// How a task handler refuses params: no further attempt would help.
[[noreturn]] void refuse_params(std::string message);

/// Throws that refusal if something is wrong.
void require_fit(const ParamsReader& reader, std::string_view task_type);

/// JSON on one line, not longer than a message bears, and valid UTF-8 whatever the value holds.
std::string shortened(const json::value& value);
/// A path as it may stand in a message.
std::string quoted_path(const std::string& path);

}  // namespace coremachine::builtin
