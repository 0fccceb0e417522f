#pragma once

#include <concepts>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <coremachine/params/convert.hpp>

namespace coremachine::params {

namespace detail {

/// What a rule for a member is about: the T in std::optional<T>, else the type itself.
template <class M>
struct Bare {
  using Type = M;
};
template <class T>
struct Bare<std::optional<T>> {
  using Type = T;
};

template <class M>
struct ItemOf {};
template <class T, class A>
struct ItemOf<std::vector<T, A>> {
  using Type = T;
};
template <class T, class C, class A>
struct ItemOf<std::map<std::string, T, C, A>> {
  using Type = T;
};
template <class M>
concept Numeric = Integer<M> || Floating<M>;
template <class M>
concept Scalar = Numeric<M> || DescribedEnum<M> || std::same_as<M, std::string>;
template <class M>
concept Container = requires {
  typename ItemOf<M>::Type;
};

/// A record in the making; `places` has the address of each member in `fresh`, a T as its initializers make it.
struct Draft {
  Record record;
  std::vector<const void*> places = {};
};

}  // namespace detail

/// The rules for one member, or for each item of one. A rule about a value holds for the value inside a
/// std::optional; null is not asked. Rules that make no sense for the type do not compile.
template <class M, bool is_member = true>
class Field {
 public:
  using Value = typename detail::Bare<M>::Type;

  explicit Field(Shape& shape) requires(!is_member) : shape_(&shape) {}
  explicit Field(Member& member) requires(is_member) : shape_(&member.shape), is_required_(&member.is_required) {}

  /// For people, and for the schema.
  Field doc(std::string text) {
    shape_->doc = std::move(text);
    return *this;
  }
  /// It has to be named. So has every member without rules, except a std::optional, which may then still be null.
  Field required() requires(is_member) {
    *is_required_ = true;
    return *this;
  }
  /// When it is missing it has what its member initializer says.
  Field by_default() requires(is_member) {
    *is_required_ = false;
    return *this;
  }

  /// Both ends fit.
  Field range(Value lowest, Value highest) requires detail::Numeric<Value> { return at_least(lowest).at_most(highest); }
  Field at_least(Value lowest) requires detail::Numeric<Value> {
    shape_->lowest = detail::Convert<Value>::write(lowest);
    return *this;
  }
  Field at_most(Value highest) requires detail::Numeric<Value> {
    shape_->highest = detail::Convert<Value>::write(highest);
    return *this;
  }

  /// In Unicode code points.
  Field min_length(std::size_t fewest) requires std::same_as<Value, std::string> {
    shape_->fewest = fewest;
    return *this;
  }
  Field max_length(std::size_t most) requires std::same_as<Value, std::string> {
    shape_->most = most;
    return *this;
  }
  /// A regular expression as in ECMAScript, to be found anywhere in the text: `^…$` is about all of it.
  Field pattern(std::string_view expression) requires std::same_as<Value, std::string> {
    shape_->pattern = make_pattern(expression);
    return *this;
  }

  Field min_items(std::size_t fewest) requires detail::Container<Value> {
    shape_->fewest = fewest;
    return *this;
  }
  Field max_items(std::size_t most) requires detail::Container<Value> {
    shape_->most = most;
    return *this;
  }
  /// The rules for each item of a vector, or each value of a map.
  auto each() requires detail::Container<Value> {
    return Field<typename detail::ItemOf<Value>::Type, false>(*shape_->each);
  }

  /// Nothing but these.
  Field one_of(std::vector<Value> values) requires detail::Scalar<Value> {
    shape_->allowed.clear();
    for (const auto& value : values) shape_->allowed.push_back(detail::Convert<Value>::write(value));
    return *this;
  }

  /// A rule of one's own, asked only of values that fit all else. `fits` is given the value and says whether it fits;
  /// `due` says what it should be, as in "an even number".
  template <std::predicate<const Value&> F>
  Field check(F fits, std::string due) {
    auto find_fault = [fits = std::move(fits)](const json::value& from) -> std::optional<std::string> {
      Value value{};
      detail::Convert<Value>::read(from, value);
      if (fits(std::as_const(value))) return std::nullopt;
      return std::string();
    };
    shape_->checks.push_back({std::move(find_fault), std::move(due)});
    return *this;
  }
  /// The same, for what has more to say: `find_fault` returns what is wrong, or nothing.
  template <class F>
  requires std::is_invocable_r_v<std::optional<std::string>, F&, const Value&> Field check(F find_fault) {
    shape_->checks.push_back({[ask = std::move(find_fault)](const json::value& from) -> std::optional<std::string> {
      Value value{};
      detail::Convert<Value>::read(from, value);
      return ask(std::as_const(value));
    }});
    return *this;
  }

  /// Keywords for the JSON Schema, beside or in place of those that follow from the rules: what a check asks for.
  Field schema(json::object keywords) {
    shape_->schema = std::move(keywords);
    return *this;
  }

 private:
  Shape* shape_;
  bool* is_required_ = nullptr;
};

/// The rules for a struct, while they are declared.
template <class T>
class Fields {
 public:
  Fields(detail::Draft& draft, const T& fresh) : draft_(draft), fresh_(fresh) {}

  Fields& doc(std::string text) {
    draft_.record.doc = std::move(text);
    return *this;
  }
  /// Every member has what its initializer says when it is missing; `required()` on a member takes that back.
  Fields& by_default() {
    for (auto& member : draft_.record.members) member.is_required = false;
    return *this;
  }
  /// A rule for members together, asked once each of them fits: returns what is wrong, or nothing.
  template <class F>
  requires std::is_invocable_r_v<std::optional<std::string>, F&, const T&> Fields& check(F find_fault) {
    auto find = [ask = std::move(find_fault)](const json::value& from) -> std::optional<std::string> {
      T value{};
      detail::read_members(from.get_object(), value);
      return ask(std::as_const(value));
    };
    draft_.record.checks.push_back({std::move(find)});
    return *this;
  }

  /// The rules for a member of T or of a base of it. Throws Failure (invalid_argument) if it is not described.
  template <class M, class C>
  requires(std::derived_from<T, C>&& std::is_object_v<M>) Field<M>
  operator[](M C::*member) {
    const void* place = &(fresh_.*member);
    for (std::size_t i = 0; i < draft_.places.size(); ++i) {
      if (draft_.places[i] == place) return Field<M>(draft_.record.members[i]);
    }
    refuse_declaration(draft_.record.type_name, "there is a rule for a member that is not described");
  }

 private:
  detail::Draft& draft_;
  const T& fresh_;
};

}  // namespace coremachine::params
