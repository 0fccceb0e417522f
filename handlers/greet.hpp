#pragma once

#include <string>

#include <coremachine/registry/typed.hpp>

namespace coremachine::builtin {

struct GreetParams {
  std::string message = "Hello";

  static void rules(params::Fields<GreetParams>& fields) { fields[&GreetParams::message].by_default(); }
};
BOOST_DESCRIBE_STRUCT(GreetParams, (), (message))

/// → `{"output": message}`.
TaskResult greet(const GreetParams& params);
TaskInfo greet_info();

}  // namespace coremachine::builtin
