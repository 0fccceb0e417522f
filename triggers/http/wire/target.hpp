#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/error.hpp>

namespace coremachine::http {

struct QueryParameter {
  std::string name;
  std::string value;

  friend bool operator==(const QueryParameter&, const QueryParameter&) = default;
};

/// What follows the `?`, decoded, in the order in which it was sent.
class Query {
 public:
  /// `a=1&b=x%20y`. A name without `=` has an empty value; nothing between two `&` is nothing; `+` is a space.
  /// Error, invalid_argument: a bad percent-encoding, a control character, what is not UTF-8, an empty name, more than
  /// 100 parameters.
  static Result<Query> parse(std::string_view text);

  const std::vector<QueryParameter>& parameters() const { return parameters_; }
  /// The value of the only or first parameter of this name, or null.
  const std::string* find(std::string_view name) const;
  /// A name that is there more than once, or null.
  const std::string* repeated() const;

 private:
  std::vector<QueryParameter> parameters_;
};

/// The target of a request, taken apart.
struct Target {
  /// Decoded; none of `/`. What ends in a slash has an empty one at its end, and `//` an empty one between.
  std::vector<std::string> segments;
  Query query;

  /// Of a target in origin form, or `*`, which has no segments. Error, invalid_argument: what Query::parse refuses, in
  /// the path too; a slash that is percent-encoded; a segment `.` or `..`, however it is encoded.
  static Result<Target> parse(std::string_view target);
};

}  // namespace coremachine::http
