#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/object.hpp>

#include <coremachine/model/time.hpp>

#include "triggers/http/wire/message.hpp"
#include "triggers/http/wire/target.hpp"

namespace coremachine::http {

namespace json = boost::json;

/// How the text of a parameter is read.
enum class ParameterKind : std::uint8_t {
  text,      ///< as it is; an empty one counts as missing
  key,       ///< 1 to 255 printable ASCII characters
  integer,   ///< from `low` to `high`
  flag,      ///< true or false
  duration,  ///< `30s`
  wait,      ///< a duration, however long
  time,      ///< RFC 3339
  words,     ///< separated by commas, also by giving the parameter again
  choice,    ///< one of `choices`
  choices,   ///< words, each one of `choices`
};

/// A parameter of a route: in the query, or a header field.
struct Parameter {
  enum class In : std::uint8_t { query, header };

  std::string_view name;
  ParameterKind kind = ParameterKind::text;
  std::string_view doc = {};
  std::int64_t low = INT64_MIN;
  std::int64_t high = INT64_MAX;
  std::string_view initial = {};  ///< what counts when it is missing, for people
  std::vector<std::string_view> choices = {};
  In in = In::query;
};

/// How long somebody would wait: what parse_duration reads, and what is longer than that knows is the longest there is.
std::optional<Milliseconds> parse_wait(std::string_view text);

/// JSON Schema of what the parameter may be.
json::object schema_of(const Parameter& parameter);
/// In words: `an integer from 1 to 200`.
std::string in_words(const Parameter& parameter);

/// One thing that is wrong with a parameter.
struct ParameterFault {
  std::string parameter;
  std::string detail;

  friend bool operator==(const ParameterFault&, const ParameterFault&) = default;
};

/// The parameters of one request, read as its route declares them.
class Parameters {
 public:
  /// Everything that is wrong goes to `faults`: a name that is not declared, one that comes twice, text that cannot be
  /// read.
  static Parameters read(const std::vector<Parameter>& declared, const Query& query, const Request& request,
                         std::vector<ParameterFault>& faults);

  bool has(std::string_view name) const { return values_.contains(name); }
  std::optional<std::string> text(std::string_view name) const;
  std::optional<std::int64_t> integer(std::string_view name) const;
  std::optional<Milliseconds> duration(std::string_view name) const;
  std::optional<Timestamp> time(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::vector<std::string> words(std::string_view name) const;
  /// Whether `words` of that name has the word.
  bool names(std::string_view name, std::string_view word) const;

 private:
  using Value = std::variant<std::string, std::int64_t, Milliseconds, Timestamp, bool, std::vector<std::string>>;
  template <class T>
  const T* find(std::string_view name) const;

  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace coremachine::http
