#pragma once

#include <concepts>
#include <functional>
#include <typeinfo>
#include <utility>
#include <vector>

#include <boost/core/demangle.hpp>
#include <boost/describe/bases.hpp>
#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>

#include <coremachine/model/error.hpp>
#include <coremachine/params/faults.hpp>
#include <coremachine/params/fields.hpp>

/// Params as a struct. One declaration says what fits, what is taken for what is missing, and how it is documented:
///
///   struct ResizeParams {
///     std::string path;
///     std::int64_t width = 800;
///     std::optional<std::string> format;
///
///     static void rules(coremachine::params::Fields<ResizeParams>& fields) {
///       fields[&ResizeParams::path].doc("the file").min_length(1);
///       fields[&ResizeParams::width].doc("in pixels").range(1, 10000).by_default();
///       fields[&ResizeParams::format].one_of({"png", "jpeg"});
///     }
///   };
///   BOOST_DESCRIBE_STRUCT(ResizeParams, (), (path, width, format))
///
/// A member has to be named, unless it is a std::optional or its rules say `by_default()`. What is missing has what its
/// member initializer says. A member that nobody described does not exist for JSON, and one that JSON names and the
/// struct does not have is a fault. Integers are integers: 1.0 is none. Docs: docs/guide/parameters.md.
///
/// All functions may be called from any thread. The rules are asked for once, when T is first used; a declaration that
/// cannot be meant (an initializer that breaks its member's rules, a pattern that is no regular expression) throws
/// Failure (invalid_argument) then: for handlers, when they are registered.
namespace coremachine::params {

/// The rules for T: its own static function `rules`, if there is one. For a struct that cannot be changed, specialise
/// this with a `static void declare(Fields<T>& fields)`.
template <class T>
struct Rules {
  static void declare(Fields<T>& fields) {
    if constexpr (requires { T::rules(fields); }) {
      // What a base says for itself is asked of the base.
      struct Other {};
      static_assert(
          !requires(Fields<Other> & others) { T::rules(others); },
          "`rules` takes the Fields<T>& of its own struct, not any");
      T::rules(fields);
    }
  }
};

/// A struct that can be params: described, and with a value when nothing is named.
template <class T>
concept Params = detail::DescribedStruct<T> && std::default_initializable<T> && std::movable<T>;

namespace detail {

template <class T>
void declare_rules(Draft& draft, const T& fresh) {
  boost::mp11::mp_for_each<boost::describe::describe_bases<T, boost::describe::mod_public>>(
      [&](auto row) { declare_rules<typename decltype(row)::type>(draft, fresh); });
  draft.record.doc.clear();  // a base describes itself
  Fields<T> fields(draft, fresh);
  Rules<T>::declare(fields);
}

template <class T>
Record make_record() {
  const T fresh{};
  Draft draft{.record = {.type_name = boost::core::demangle(typeid(T).name())}};
  auto& members = draft.record.members;
  boost::mp11::mp_for_each<Members<T>>([&](auto row) {
    const auto& member = fresh.*row.pointer;
    using M = std::remove_cvref_t<decltype(member)>;
    members.push_back({.name = row.name, .shape = Convert<M>::shape(), .is_required = !is_optional<M>});
    draft.places.push_back(&member);
  });
  declare_rules(draft, fresh);
  std::size_t i = 0;
  boost::mp11::mp_for_each<Members<T>>([&](auto row) {
    const auto& member = fresh.*row.pointer;
    using M = std::remove_cvref_t<decltype(member)>;
    if (!members[i].is_required) members[i].initial = Convert<M>::write(member);
    ++i;
  });
  require_initials_fit(draft.record);
  return std::move(draft.record);
}

}  // namespace detail

template <class T>
const Record& record_of() {
  // Never destroyed: registries ask until the process ends.
  static const auto* const record = new Record(detail::make_record<T>());
  return *record;
}

/// The struct that an object says, or invalid_params with every fault.
template <Params T>
Result<T> parse(const json::object& object) {
  if (auto faults = find_faults(record_of<T>(), object); !faults.empty()) return invalid_params(std::move(faults));
  T value{};
  detail::read_members(object, value);
  return value;
}

/// The object that says this struct: `parse` makes an equal one of it, if the struct keeps its own rules. An empty
/// std::optional is left out where that says the same.
template <Params T>
json::object to_json(const T& value) {
  return detail::write_members(value);
}

/// JSON Schema 2020-12 for what `parse<T>` takes. What only a check knows is not in it, unless the rules say it.
template <Params T>
json::object schema() {
  return make_schema(record_of<T>());
}

/// Everything that is wrong with an object; empty if `parse<T>` takes it.
template <Params T>
std::function<std::vector<ParamFault>(const json::object&)> validator() {
  record_of<T>();
  return [](const json::object& object) { return find_faults(record_of<T>(), object); };
}

}  // namespace coremachine::params
