#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace coremachine::cli {

/// A path below /api/v1 with its query, escaped as it has to be.
class Target {
 public:
  /// `{"jobs", id, "events"}` is /api/v1/jobs/ID/events. A segment that begins with `$` is a verb.
  Target(std::initializer_list<std::string_view> segments);

  /// Adds `name=value` to the query; nothing where the value is empty.
  Target& with(std::string_view name, std::string_view value);

  const std::string& text() const { return text_; }

 private:
  std::string text_ = "/api/v1";
  bool has_query_ = false;
};

}  // namespace coremachine::cli
