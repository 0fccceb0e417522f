#include "handlers/greet.hpp"

namespace coremachine::builtin {

TaskResult greet(const GreetParams& params) {
  return json::object{{"output", params.message}};
}

TaskInfo greet_info() {
  return {.description = "Says its message", .tags = {"builtin", "greeting"}, .pure = true};
}

}  // namespace coremachine::builtin
