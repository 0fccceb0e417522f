#pragma once

#include <coremachine/params/params.hpp>
#include <coremachine/resolve/task_resolver.hpp>

namespace coremachine {

template <class T>
TaskResolver& TaskResolver::register_type(std::string name, std::source_location where) {
  static_assert(params::Params<T>,
                "objects of a callable type travel as their members: a default-constructible struct with "
                "BOOST_DESCRIBE_STRUCT");
  CallableType how;
  how.state_of = [](const void* object) { return params::to_json(*static_cast<const T*>(object)); };
  how.make = [](const json::object& state) -> Result<TaskFunction> {
    auto made = params::parse<T>(state);
    if (!made) return made.error();
    return Executable(std::move(*made)).function();
  };
  register_type(std::move(name), typeid(T), std::move(how), where);
  return *this;
}

}  // namespace coremachine
