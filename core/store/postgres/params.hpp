#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/model/time.hpp>

#include "core/model/text.hpp"
#include "core/store/null_if_zero.hpp"

namespace coremachine::postgres {

/// Numbers of PostgreSQL's own types, which never change.
enum class TypeNumber : unsigned { boolean = 16, bytes = 17, number = 20, text = 25 };

/// Bytes that are no text: what a user gave, whatever it is.
struct Bytes {
  std::string_view value;
};

/// One column of many rows: an array in PostgreSQL's binary form.
class ArrayParam {
 public:
  void put(std::int64_t value);
  void put(std::string_view value) { put(TypeNumber::text, value); }
  void put(Bytes value) { put(TypeNumber::bytes, value.value); }
  void put(bool value) { put(TypeNumber::boolean, std::string_view(value ? "\1" : "\0", 1)); }
  void put_null(TypeNumber type);

  template <std::integral Number>
  requires(!std::same_as<Number, bool>) void put(Number value) { put(static_cast<std::int64_t>(value)); }
  void put(const char* value) = delete;
  void put(const std::string& value) { put(std::string_view(value)); }
  void put(Timestamp time) { put(time.time_since_epoch().count()); }
  void put(const Text& text) { text ? put(std::string_view(*text)) : put_null(TypeNumber::text); }
  void put(const std::optional<Timestamp>& time) { time ? put(*time) : put_null(TypeNumber::number); }
  void put(tables::NullIfZero number) { number.value != 0 ? put(number.value) : put_null(TypeNumber::number); }
  void put(const std::optional<std::string>& text) { text ? put(*text) : put_null(TypeNumber::text); }

  std::size_t size() const { return count_; }
  std::size_t bytes() const { return data_.size(); }
  unsigned type() const;
  /// The finished value; good as long as this is.
  std::string_view value();

 private:
  void put(TypeNumber type, std::string_view value);

  std::string data_ = {};
  std::size_t count_ = 0;
  bool has_null_ = false;
  TypeNumber element_ = TypeNumber::text;
};

/// The parameters of one statement, in binary form. Texts are not copied: they must live until the statement is sent.
class Params {
 public:
  void add(std::int64_t value);
  void add(std::string_view value) { add(TypeNumber::text, value); }
  void add(Bytes value) { add(TypeNumber::bytes, value.value); }
  void add(bool value) { add(TypeNumber::boolean, std::string_view(value ? "\1" : "\0", 1)); }
  void add(ArrayParam& array);
  template <std::integral Number>
  requires(!std::same_as<Number, bool>) void add(Number value) { add(static_cast<std::int64_t>(value)); }
  void add(const char* value) = delete;
  void add(const std::string& value) { add(std::string_view(value)); }

  int size() const { return static_cast<int>(values_.size()); }
  const unsigned* types() const { return types_.data(); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  void add(TypeNumber type, std::string_view value);
  void add(unsigned type, std::string_view value);

  std::vector<unsigned> types_ = {};
  std::vector<const char*> values_ = {};
  std::vector<int> lengths_ = {};
  std::vector<int> formats_ = {};
  std::deque<std::array<char, 8>> numbers_ = {};
};

/// Rows on their way into a table, column by column: one statement inserts them all.
class Columns {
 public:
  template <class... Values>
  void row(const Values&... values) {
    if (columns_.size() < sizeof...(values)) columns_.resize(sizeof...(values));
    std::size_t at = 0;
    (columns_[at++].put(values), ...);
    ++rows_;
  }
  std::size_t rows() const { return rows_; }
  std::size_t bytes() const;
  /// Good as long as this stays as it is.
  Params params();
  void clear();

 private:
  std::vector<ArrayParam> columns_ = {};
  std::size_t rows_ = 0;
};

/// The array of a list; empty ones too.
template <class List>
ArrayParam texts_of(const List& list) {
  ArrayParam array;
  for (const auto& each : list) array.put(std::string_view(each));
  return array;
}

}  // namespace coremachine::postgres
