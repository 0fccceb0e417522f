#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>

#include <coremachine/model/error.hpp>
#include <coremachine/model/time.hpp>

#include "core/model/suggest.hpp"

namespace coremachine::queue {

namespace json = boost::json;

/// Reads the members of an object one by one. What is wrong first is kept, with the place; what is read after that is
/// the fallback.
class Members {
 public:
  Members(const json::object& object, std::string place) : object_(object), place_(std::move(place)) {}

  const json::value* find(std::string_view name) const { return object_.if_contains(name); }
  bool has(std::string_view name) const { return find(name) != nullptr; }

  /// Without a fallback the member has to be there.
  std::string text(std::string_view name, std::optional<std::string> fallback = {}) {
    const auto* value = wanted(name, fallback.has_value());
    if (value && value->is_string()) return std::string(value->get_string());
    if (value) refuse(name, "should be a string");
    return fallback.value_or("");
  }
  std::uint64_t number(std::string_view name, std::uint64_t least, std::uint64_t most,
                       std::optional<std::uint64_t> fallback = {}) {
    const auto* value = wanted(name, fallback.has_value());
    if (!value) return fallback.value_or(least);
    const auto found = value->is_uint64()                             ? std::optional(value->get_uint64())
                       : value->is_int64() && value->get_int64() >= 0 ? std::optional(std::uint64_t(value->get_int64()))
                                                                      : std::nullopt;
    if (found && *found >= least && *found <= most) return *found;
    refuse(name, "should be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return least;
  }
  Milliseconds duration(std::string_view name) {
    constexpr std::uint64_t century = 3'155'760'000'000;
    return Milliseconds{static_cast<std::int64_t>(number(name, 0, century, 0))};
  }
  bool toggle(std::string_view name) {
    const auto* value = wanted(name, true);
    if (value && !value->is_bool()) refuse(name, "should be true or false");
    return value && value->is_bool() && value->get_bool();
  }
  /// A number of seconds since 1970.
  Timestamp time(std::string_view name, bool may_be_missing) {
    constexpr double last = 253'402'300'799.999;  // of the year 9999
    const auto* value = wanted(name, may_be_missing);
    if (!value) return Timestamp{};
    const double seconds = value->is_number() ? value->to_number<double>() : -1;
    if (seconds >= 0 && seconds <= last) return Timestamp{Milliseconds{std::llround(seconds * 1000)}};
    refuse(name, "should be a number of seconds since 1970");
    return Timestamp{};
  }
  json::object object(std::string_view name, bool may_be_missing) {
    const auto* value = wanted(name, may_be_missing);
    if (value && value->is_object()) return value->get_object();
    if (value) refuse(name, "should be an object");
    return {};
  }

  void refuse(std::string_view name, const std::string& why) { refuse("`" + std::string(name) + "` " + why); }
  void refuse(const std::string& why) {
    if (!fault_) fault_ = Error{ErrorCode::invalid_argument, place_ + ": " + why};
  }
  const std::optional<Error>& fault() const { return fault_; }

 private:
  /// null counts as missing where that may be.
  const json::value* wanted(std::string_view name, bool may_be_missing) {
    const auto* value = find(name);
    if (value && !(may_be_missing && value->is_null())) return value;
    if (!may_be_missing) refuse(name, "is missing");
    return nullptr;
  }

  const json::object& object_;
  std::string place_;
  std::optional<Error> fault_ = {};
};

}  // namespace coremachine::queue
