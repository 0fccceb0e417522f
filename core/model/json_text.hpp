#pragma once

#include <cstdint>
#include <functional>
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

/// How deeply objects and arrays may nest in text that comes from outside.
inline constexpr std::size_t max_parsed_depth = 32;
/// The same for what handlers return: they may wrap what they were given a few times more.
inline constexpr std::size_t max_written_depth = 64;

/// Appends the compact text of a value. Numbers keep their kind: 1.0 is written `1.0`, and reads back to the bit.
/// Returns nothing when that is done; otherwise what JSON cannot say of the value and where (`#/a/0`): a number that
/// is not finite, a string that is not UTF-8, nesting beyond max_written_depth. Then `out` is as it was.
std::optional<std::string> append_json(std::string& out, const json::value& value);
std::optional<std::string> append_json(std::string& out, const json::object& object);

/// The same for a text of at most `limit` bytes. One that is longer, or no JSON, leaves `out` as it was.
enum class Appended : std::uint8_t { done, too_long, not_json };
Appended append_json_within(std::string& out, const json::value& value, std::size_t limit);
Appended append_json_within(std::string& out, const json::object& object, std::size_t limit);

/// Gives the same text to `take`, piece by piece, so that nobody needs to have it whole. Ends with false when `take`
/// returns false, and at what JSON cannot say; `fault_of_json` says which.
using TakeText = std::function<bool(std::string_view piece)>;
bool write_json(const json::value& value, const TakeText& take);
bool write_json(const json::object& object, const TakeText& take);

/// What JSON cannot say of the value, and where.
std::optional<std::string> fault_of_json(const json::value& value);
std::optional<std::string> fault_of_json(const json::object& object);

/// For the text of a JSON array, compact or spaced: the offset just past each of its elements.
/// The text is trusted; of one that is cut off, only the elements before the cut are found.
std::vector<std::uint32_t> element_ends(std::string_view json_array);
/// The text of element `i` of such an array, given these ends; `null` if it has no such element.
std::string_view element_at(std::string_view json_array, const std::vector<std::uint32_t>& ends, std::size_t i);

/// Reads text from outside: RFC 8259 and no more. Refused as invalid_argument, saying what is wrong and where: empty
/// text, a byte order mark, anything after the value, a key twice in one object, invalid UTF-8, a lone surrogate,
/// nesting beyond max_parsed_depth, numbers that are not finite, integers beyond 64 bits with sign.
Result<json::value> parse_strict(std::string_view text);

/// The same, but integers beyond 64 bits with sign come back as the nearest number that JSON values have, and `beyond`
/// says where they are: for those who have a schema to judge them by. Of more than 100, the first are told.
Result<json::value> parse_strict(std::string_view text, std::vector<ParamFault>& beyond);

/// Reads text that `append_json` or a store wrote; throws Failure (store_damaged) for anything else.
json::value parse_stored(std::string_view text);

}  // namespace coremachine
