#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/json/array.hpp>
#include <boost/mp11/algorithm.hpp>

#include <coremachine/params/shape.hpp>

namespace coremachine::params {

/// What is known of T, made when it is first asked for.
template <class T>
const Record& record_of();

namespace detail {

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
                  !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;
template <class T>
concept Floating = std::same_as<T, float> || std::same_as<T, double>;
template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;
template <class T>
concept DescribedStruct = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;

/// The public members of a struct and of its bases, in the order in which they are described.
template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

/// How a type looks in JSON. `read` is only given values that fit the shape.
template <class T>
struct Convert {
  static_assert(!std::is_same_v<T, T>,
                "params have members of these types: bool, integers, float, double, std::string, enums with "
                "BOOST_DESCRIBE_ENUM, structs with BOOST_DESCRIBE_STRUCT, boost::json::value, boost::json::object, and "
                "std::optional, std::vector and std::map<std::string, …> of such");
};

template <>
struct Convert<bool> {
  static Shape shape() { return {.kind = Shape::Kind::boolean}; }
  static void read(const json::value& from, bool& to) { to = from.get_bool(); }
  static json::value write(bool from) { return from; }
};

template <Integer T>
struct Convert<T> {
  static Shape shape() {
    return {.kind = Shape::Kind::integer,
            .lowest = write(std::numeric_limits<T>::min()),
            .highest = write(std::numeric_limits<T>::max())};
  }
  static void read(const json::value& from, T& to) {
    to = from.is_int64() ? static_cast<T>(from.get_int64()) : static_cast<T>(from.get_uint64());
  }
  /// Of the two kinds of integers the one that the parser would choose.
  static json::value write(T from) {
    if (std::in_range<std::int64_t>(from)) return static_cast<std::int64_t>(from);
    return static_cast<std::uint64_t>(from);
  }
};

template <Floating T>
struct Convert<T> {
  static Shape shape() {
    Shape shape{.kind = Shape::Kind::number};
    if constexpr (std::same_as<T, float>) {
      shape.lowest = write(std::numeric_limits<float>::lowest());
      shape.highest = write(std::numeric_limits<float>::max());
    }
    return shape;
  }
  static void read(const json::value& from, T& to) { to = static_cast<T>(from.to_number<double>()); }
  static json::value write(T from) { return static_cast<double>(from); }
};

template <>
struct Convert<std::string> {
  static Shape shape() { return {.kind = Shape::Kind::text}; }
  static void read(const json::value& from, std::string& to) {
    const auto& text = from.get_string();
    to.assign(text.data(), text.size());
  }
  static json::value write(const std::string& from) { return json::value(json::string_view(from.data(), from.size())); }
};

template <DescribedEnum T>
struct Convert<T> {
  using Enumerators = boost::describe::describe_enumerators<T>;

  static Shape shape() {
    Shape shape{.kind = Shape::Kind::name};
    boost::mp11::mp_for_each<Enumerators>([&](auto row) { shape.allowed.emplace_back(row.name); });
    return shape;
  }
  static void read(const json::value& from, T& to) {
    const auto& name = from.get_string();
    boost::mp11::mp_for_each<Enumerators>([&](auto row) {
      if (name == row.name) to = row.value;
    });
  }
  static json::value write(T from) {
    const char* name = nullptr;
    boost::mp11::mp_for_each<Enumerators>([&](auto row) {
      if (from == row.value) name = row.name;
    });
    if (!name) {
      throw Failure(Error{ErrorCode::invalid_argument,
                          "an enumerator without a name: " +
                              std::to_string(static_cast<std::int64_t>(static_cast<std::underlying_type_t<T>>(from)))});
    }
    return name;
  }
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
struct Convert<std::optional<T>> {
  static_assert(!is_optional<T> && !std::same_as<T, json::value>, "null already says that there is nothing");

  static Shape shape() {
    auto shape = Convert<T>::shape();
    shape.nullable = true;
    return shape;
  }
  static void read(const json::value& from, std::optional<T>& to) {
    if (from.is_null()) {
      to.reset();
    } else {
      Convert<T>::read(from, to.emplace());
    }
  }
  static json::value write(const std::optional<T>& from) { return from ? Convert<T>::write(*from) : json::value(); }
};

template <class T, class Allocator>
struct Convert<std::vector<T, Allocator>> {
  static Shape shape() { return {.kind = Shape::Kind::list, .each = std::make_shared<Shape>(Convert<T>::shape())}; }
  static void read(const json::value& from, std::vector<T, Allocator>& to) {
    const auto& items = from.get_array();
    to.clear();
    to.reserve(items.size());
    for (const auto& item : items) {
      T value{};
      Convert<T>::read(item, value);
      to.push_back(std::move(value));
    }
  }
  static json::value write(const std::vector<T, Allocator>& from) {
    json::array items;
    items.reserve(from.size());
    for (auto&& item : from) items.push_back(Convert<T>::write(item));
    return items;
  }
};

template <class T, class Compare, class Allocator>
struct Convert<std::map<std::string, T, Compare, Allocator>> {
  static Shape shape() { return {.kind = Shape::Kind::map, .each = std::make_shared<Shape>(Convert<T>::shape())}; }
  static void read(const json::value& from, std::map<std::string, T, Compare, Allocator>& to) {
    to.clear();
    for (const auto& item : from.get_object()) {
      Convert<T>::read(item.value(), to[std::string(item.key().data(), item.key().size())]);
    }
  }
  static json::value write(const std::map<std::string, T, Compare, Allocator>& from) {
    json::object items;
    for (const auto& [key, item] : from) {
      items.emplace(json::string_view(key.data(), key.size()), Convert<T>::write(item));
    }
    return items;
  }
};

template <>
struct Convert<json::value> {
  static Shape shape() { return {}; }
  static void read(const json::value& from, json::value& to) { to = from; }
  static json::value write(const json::value& from) { return from; }
};

template <>
struct Convert<json::object> {
  static Shape shape() { return {.kind = Shape::Kind::any_object}; }
  static void read(const json::value& from, json::object& to) { to = from.get_object(); }
  static json::value write(const json::object& from) { return from; }
};

template <class T>
void read_members(const json::object& from, T& to) {
  boost::mp11::mp_for_each<Members<T>>([&](auto row) {
    auto& member = to.*row.pointer;
    if (const auto* value = from.if_contains(row.name)) {
      Convert<std::remove_cvref_t<decltype(member)>>::read(*value, member);
    }
  });
}

template <class T>
json::object write_members(const T& from) {
  const auto& members = record_of<T>().members;
  json::object to;
  to.reserve(members.size());
  std::size_t i = 0;
  boost::mp11::mp_for_each<Members<T>>([&](auto row) {
    const auto& member = from.*row.pointer;
    auto value = Convert<std::remove_cvref_t<decltype(member)>>::write(member);
    if (!value.is_null() || !members[i].is_left_out_as_null()) to.emplace(row.name, std::move(value));
    ++i;
  });
  return to;
}

template <DescribedStruct T>
struct Convert<T> {
  static Shape shape() { return {.kind = Shape::Kind::record, .record = &record_of<T>}; }
  /// What the object does not name has its own initializer, whatever held it before.
  static void read(const json::value& from, T& to) {
    to = T{};
    read_members(from.get_object(), to);
  }
  static json::value write(const T& from) { return write_members(from); }
};

}  // namespace detail

}  // namespace coremachine::params
