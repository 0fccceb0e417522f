// The routes for people: the tables of docs/http-api.md.

#include <string>

#include "triggers/http/api/openapi.hpp"
#include "triggers/http/api/problem.hpp"
#include "triggers/http/api/route.hpp"

namespace coremachine::http {
namespace {

std::string answers_of(const Route& route) {
  std::string text;
  for (const auto& answer : route.answers) text.append(text.empty() ? "" : ", ").append(std::to_string(answer.status));
  for (const int status : route.problems) text.append(", ").append(std::to_string(status));
  return text;
}

std::string rules_of(const Parameter& parameter) {
  auto text = in_words(parameter);
  if (!parameter.initial.empty()) text.append("; ").append(parameter.initial);
  return text;
}

}  // namespace

std::string route_tables() {
  std::string out = "| method and path | does | role | answers |\n|---|---|---|---|\n";
  for (const auto& route : routes()) {
    out.append("| `").append(route.method).append(" ").append(route.path).append("` | ").append(route.summary);
    out.append(" | ").append(role_in_words(route)).append(" | ").append(answers_of(route)).append(" |\n");
  }
  out.append("\n| operation | parameter | is | says |\n|---|---|---|---|\n");
  for (const auto& route : routes()) {
    for (const auto& parameter : route.parameters) {
      out.append("| `").append(route.operation).append("` | `").append(parameter.name).append("`");
      if (parameter.in == Parameter::In::header) out.append(" (header)");
      out.append(" | ").append(rules_of(parameter)).append(" | ").append(parameter.doc).append(" |\n");
    }
  }
  return out;
}

}  // namespace coremachine::http
