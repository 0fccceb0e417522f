#include "core/store/postgres/params.hpp"

#include <boost/assert.hpp>

namespace coremachine::postgres {
namespace {

template <class Number>
void write_big_endian(char* to, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    to[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)) & 0xFF);
  }
}

void append(std::string& out, std::uint32_t value) {
  char bytes[4];
  write_big_endian(bytes, value);
  out.append(bytes, sizeof bytes);
}

/// Dimensions, whether there are NULLs, the type of the elements, how many, the first index.
constexpr std::size_t header_size = 20;

unsigned array_type_of(TypeNumber element) {
  switch (element) {
    case TypeNumber::boolean: return 1000;
    case TypeNumber::bytes: return 1001;
    case TypeNumber::number: return 1016;
    case TypeNumber::text: return 1009;
  }
  return 0;
}

}  // namespace

void ArrayParam::put(TypeNumber type, std::string_view value) {
  if (data_.empty()) data_.resize(header_size);
  element_ = type;
  ++count_;
  append(data_, static_cast<std::uint32_t>(value.size()));
  data_.append(value);
}

void ArrayParam::put(std::int64_t value) {
  char bytes[8];
  write_big_endian(bytes, static_cast<std::uint64_t>(value));
  put(TypeNumber::number, std::string_view(bytes, sizeof bytes));
}

void ArrayParam::put_null(TypeNumber type) {
  if (data_.empty()) data_.resize(header_size);
  element_ = type;
  has_null_ = true;
  ++count_;
  append(data_, UINT32_MAX);
}

unsigned ArrayParam::type() const {
  return array_type_of(element_);
}

std::string_view ArrayParam::value() {
  constexpr std::size_t empty_size = 12;
  if (data_.empty()) data_.resize(header_size);
  write_big_endian(data_.data(), std::uint32_t{count_ == 0 ? 0U : 1U});
  write_big_endian(data_.data() + 4, std::uint32_t{has_null_ ? 1U : 0U});
  write_big_endian(data_.data() + 8, static_cast<std::uint32_t>(element_));
  write_big_endian(data_.data() + 12, static_cast<std::uint32_t>(count_));
  write_big_endian(data_.data() + 16, std::uint32_t{1});
  return count_ == 0 ? std::string_view(data_).substr(0, empty_size) : std::string_view(data_);
}

void Params::add(unsigned type, std::string_view value) {
  types_.push_back(type);
  values_.push_back(value.data() ? value.data() : "");  // a null pointer would be NULL
  lengths_.push_back(static_cast<int>(value.size()));
  formats_.push_back(1);
}

void Params::add(TypeNumber type, std::string_view value) {
  add(static_cast<unsigned>(type), value);
}

void Params::add(std::int64_t value) {
  auto& bytes = numbers_.emplace_back();
  write_big_endian(bytes.data(), static_cast<std::uint64_t>(value));
  add(TypeNumber::number, std::string_view(bytes.data(), bytes.size()));
}

void Params::add(ArrayParam& array) {
  add(array.type(), array.value());
}

std::size_t Columns::bytes() const {
  std::size_t sum = 0;
  for (const auto& column : columns_) sum += column.bytes();
  return sum;
}

Params Columns::params() {
  Params params;
  for (auto& column : columns_) {
    BOOST_ASSERT(column.size() == rows_);
    params.add(column);
  }
  return params;
}

void Columns::clear() {
  columns_.clear();
  rows_ = 0;
}

}  // namespace coremachine::postgres
