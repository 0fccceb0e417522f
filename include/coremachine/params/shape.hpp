#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>

namespace coremachine {

namespace json = boost::json;

}  // namespace coremachine

// What the templates of params.hpp make of a struct, and what is done with it. Who only declares params needs none of
// this.

namespace coremachine::params {

struct Record;
class Pattern;

/// A rule of the author's own.
struct Check {
  /// Given a value of the right type: nothing if it fits, else what is wrong with it. An empty text: it is not `due`.
  std::function<std::optional<std::string>(const json::value&)> find_fault;
  std::string due = {};
};

/// What a JSON value has to be: a type and the rules for it.
struct Shape {
  enum class Kind : std::uint8_t { any, any_object, boolean, integer, number, text, name, list, map, record };
  static constexpr std::size_t no_limit = SIZE_MAX;

  Kind kind = Kind::any;
  bool nullable = false;  ///< null fits as well
  std::string doc = {};
  json::value lowest = {};  ///< of an integer or a number; null if there is none
  json::value highest = {};
  std::size_t fewest = 0;  ///< code points of a text, items of a list or map
  std::size_t most = no_limit;
  std::shared_ptr<const Pattern> pattern = {};  ///< of a text
  std::vector<json::value> allowed = {};        ///< if empty, all
  std::vector<Check> checks = {};
  json::object schema = {};             ///< what its JSON Schema says besides, or in place of the above
  std::shared_ptr<Shape> each = {};     ///< of the items of a list or map
  const Record& (*record)() = nullptr;  ///< of a record; a function, since a struct may hold its own kind
};

struct Member {
  std::string name;
  Shape shape;
  bool is_required = true;
  json::value initial = {};  ///< what it has when it is missing, if it is not required

  /// Null says the same as leaving it out.
  bool is_left_out_as_null() const { return shape.nullable && !is_required && initial.is_null(); }
};

/// A struct: its members and what holds for all of them together.
struct Record {
  std::string type_name;  ///< as C++ has it
  std::string doc = {};
  std::vector<Member> members = {};
  std::vector<Check> checks = {};  ///< asked once every member fits
};

/// Everything that is wrong with an object, in the order of the members, then what is unknown. At most `most_faults`
/// and one that says that there are more.
COREMACHINE_API std::vector<ParamFault> find_faults(const Record& record, const json::object& object);

/// JSON Schema 2020-12.
COREMACHINE_API json::object make_schema(const Record& record);

/// A regular expression as in JSON Schema (ECMAScript, found anywhere in the text), which matches code points.
/// Throws Failure (invalid_argument) if it is none.
COREMACHINE_API std::shared_ptr<const Pattern> make_pattern(std::string_view expression);

/// Throws Failure (invalid_argument) if what a member has when it is missing breaks the member's own rules.
COREMACHINE_API void require_initials_fit(const Record& record);

/// Throws Failure (invalid_argument): a declaration that cannot be meant.
[[noreturn]] COREMACHINE_API void refuse_declaration(const std::string& type_name, const std::string& why);

}  // namespace coremachine::params
