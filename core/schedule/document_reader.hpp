#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "core/schedule/schedule_codec.hpp"

namespace coremachine::schedule {

/// Reads the members of a JSON object and notes what is wrong with them, all of it. A member that is missing or null,
/// or is wrong, reads as nothing.
class DocumentReader {
 public:
  /// `document` and `faults` outlive the reader.
  DocumentReader(const json::value& document, std::string pointer, std::vector<Fault>& faults);

  /// Whether there is such a member, and it is not null; it may be wrong.
  bool has(std::string_view name);
  void require(std::string_view name);

  std::optional<std::string> string(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high);
  std::optional<Timestamp> time(std::string_view name);
  std::optional<Milliseconds> duration(std::string_view name);
  const json::object* object(std::string_view name);
  std::vector<std::string> strings(std::string_view name);
  /// Calls `take(reader)` for each element of an array.
  template <class Take>
  void objects(std::string_view name, const Take& take) {
    const auto* array = list(name);
    if (array == nullptr) return;
    for (std::size_t i = 0; i < array->size(); ++i) {
      DocumentReader element((*array)[i], pointer_to(name) + "/" + std::to_string(i), faults_);
      take(element);
    }
  }

  /// Every member that nobody asked for is a fault.
  void refuse_others();
  /// `name` may go on with `/0`; empty: the whole.
  void fault(std::string_view name, std::string detail);

 private:
  const json::value* find(std::string_view name);
  const json::array* list(std::string_view name);
  std::string pointer_to(std::string_view name) const;

  const json::object* members_;
  std::string pointer_;
  std::vector<Fault>& faults_;
  std::vector<std::string> asked_;
};

}  // namespace coremachine::schedule
