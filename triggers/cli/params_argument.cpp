#include "triggers/cli/params_argument.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "core/model/json_text.hpp"

namespace coremachine::cli {
namespace {

Error usage(std::string message) {
  return Error{ErrorCode::invalid_argument, std::move(message)};
}

Result<std::string> text_of(const std::string& argument) {
  if (argument == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  if (!argument.starts_with('@')) return argument;
  const auto path = argument.substr(1);
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) return usage("cannot read the params from " + path + ": " + std::strerror(errno));
  return std::move(text).str();
}

}  // namespace

Result<boost::json::value> value_from(const std::string& argument, const std::vector<std::string>& pairs) {
  if (!pairs.empty() || argument.empty()) {
    auto object = params_from(argument, pairs);
    if (!object) return object.error();
    return boost::json::value(std::move(*object));
  }
  const auto text = text_of(argument);
  if (!text) return text.error();
  auto value = parse_strict(*text);
  if (!value) return usage("this is not JSON: " + value.error().message);
  return value;
}

Result<boost::json::object> params_from(const std::string& argument, const std::vector<std::string>& pairs) {
  boost::json::object params;
  if (!argument.empty()) {
    const auto text = text_of(argument);
    if (!text) return text.error();
    auto value = parse_strict(*text);
    if (!value) return usage("the params are not JSON: " + value.error().message);
    if (!value->is_object()) return usage("the params have to be a JSON object, as in '{\"message\": \"Hello\"}'");
    params = std::move(value->as_object());
  }
  for (const auto& pair : pairs) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) return usage("-p takes key=value, and not \"" + pair + "\"");
    const auto text = pair.substr(equals + 1);
    auto value = parse_strict(text);
    params[pair.substr(0, equals)] = value ? std::move(*value) : boost::json::value(text);
  }
  return params;
}

}  // namespace coremachine::cli
