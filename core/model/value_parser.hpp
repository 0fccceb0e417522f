#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <boost/json/error.hpp>
#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

namespace coremachine {

/// Boost's parser of values, with numbers to the bit: its own conversion of one that has a fraction may be off by a
/// unit in the last place, which shows as other digits when it is written again. For text that the machine wrote, and
/// for that of its peers; what comes from outside is for `parse_strict`.
boost::json::value parse_value(std::string_view text, boost::json::error_code& error, std::size_t max_depth = 1024);
/// The same; what is not JSON is thrown as boost::system::system_error.
boost::json::value parse_value(std::string_view text);

/// The same for many values, one after another, or one whose text comes in pieces.
class ValueParser {
 public:
  ValueParser();
  ~ValueParser();

  /// Made in this memory. Throws as above.
  boost::json::value parse(std::string_view text, boost::json::storage_ptr memory);

  /// Once there was an error, the rest is not looked at.
  void write(std::string_view piece, boost::json::error_code& error);
  boost::json::value finish(boost::json::error_code& error);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace coremachine
