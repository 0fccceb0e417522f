#include "handlers/greet.hpp"

#include "handlers/params_reader.hpp"
#include "handlers/schema.hpp"

namespace coremachine::builtin {

TaskResult greet(const json::object& params) {
  ParamsReader reader(params);
  const auto message = reader.text("message", "Hello");
  require_fit(reader, "greet");
  return json::object{{"output", message}};
}

TaskInfo greet_info() {
  return {.description = "Says its message",
          .tags = {"builtin", "greeting"},
          .pure = true,
          .params_schema = params_schema({{"message", {{"type", "string"}, {"default", "Hello"}}}})};
}

}  // namespace coremachine::builtin
