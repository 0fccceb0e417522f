#include "core/model/value_parser.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value_stack.hpp>
#include <boost/system/system_error.hpp>

#include "core/model/exact_number.hpp"

namespace coremachine {
namespace {

namespace json = boost::json;

/// Puts the value together on a stack.
class Stacker {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  Stacker() : stack_(json::storage_ptr(), room_.data(), room_.size()) { begin({}); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t size, json::error_code&) { return stack_.push_object(size), true; }
  bool on_array_end(std::size_t size, json::error_code&) { return stack_.push_array(size), true; }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return stack_.push_chars(part), true; }
  bool on_key(json::string_view part, std::size_t, json::error_code&) { return stack_.push_key(part), true; }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return stack_.push_chars(part), true; }
  bool on_string(json::string_view part, std::size_t, json::error_code&) { return stack_.push_string(part), true; }

  bool on_number_part(json::string_view part, json::error_code&) {
    digits_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t number, json::string_view, json::error_code&) {
    digits_.clear();
    return stack_.push_int64(number), true;
  }
  bool on_uint64(std::uint64_t number, json::string_view, json::error_code&) {
    digits_.clear();
    return stack_.push_uint64(number), true;
  }
  bool on_double(double approximate, json::string_view part, json::error_code&) {
    if (digits_.empty()) return stack_.push_double(exact_number({part.data(), part.size()}, approximate)), true;
    digits_.append(part.data(), part.size());
    stack_.push_double(exact_number(digits_, approximate));
    digits_.clear();
    return true;
  }
  bool on_bool(bool value, json::error_code&) { return stack_.push_bool(value), true; }
  bool on_null(json::error_code&) { return stack_.push_null(), true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

  /// Another value, in this memory.
  void begin(json::storage_ptr memory) {
    digits_.clear();
    stack_.reset(std::move(memory));
  }
  json::value release() { return stack_.release(); }

 private:
  std::array<unsigned char, 4096> room_;
  json::value_stack stack_;
  std::string digits_ = {};  ///< of a number whose text came in pieces, but for the last one
};

json::parse_options options(std::size_t max_depth = 1024) {
  json::parse_options options;
  options.max_depth = max_depth;
  return options;
}

using Parser = json::basic_parser<Stacker>;

void write_to(Parser& parser, bool more, std::string_view text, json::error_code& error) {
  const auto used = parser.write_some(more, text.data(), text.size(), error);
  if (!error && used < text.size()) error = json::error::extra_data;
}

json::value finish(Parser& parser, std::string_view last, json::error_code& error) {
  write_to(parser, false, last, error);
  return error ? json::value() : parser.handler().release();
}

json::value finish(Parser& parser, std::string_view last) {
  json::error_code error;
  auto value = finish(parser, last, error);
  if (error) throw boost::system::system_error(error);
  return value;
}

}  // namespace

json::value parse_value(std::string_view text, json::error_code& error, std::size_t max_depth) {
  Parser parser(options(max_depth));
  return finish(parser, text, error);
}

json::value parse_value(std::string_view text) {
  Parser parser(options());
  return finish(parser, text);
}

struct ValueParser::State {
  State() : parser(options()) {}  // so that its room is not filled with zeros first
  Parser parser;
};

ValueParser::ValueParser() : state_(std::make_unique<State>()) {}
ValueParser::~ValueParser() = default;

json::value ValueParser::parse(std::string_view text, json::storage_ptr memory) {
  state_->parser.reset();
  state_->parser.handler().begin(std::move(memory));
  return coremachine::finish(state_->parser, text);
}

void ValueParser::write(std::string_view piece, json::error_code& error) {
  write_to(state_->parser, true, piece, error);
}

json::value ValueParser::finish(json::error_code& error) {
  return coremachine::finish(state_->parser, {}, error);
}

}  // namespace coremachine
