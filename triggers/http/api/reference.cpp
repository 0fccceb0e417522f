// The routes for people: the tables of docs/http-api.md, and the page at `/`.

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

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out.push_back(c);
    }
  }
  return out;
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

std::string index_page(std::string_view version) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>CoreMachine</title>\n"
      "<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
      "td{padding:.1rem .8rem .1rem 0;vertical-align:top}code{font-size:.9em}</style>\n<h1>CoreMachine ";
  out.append(escaped(version)).append("</h1>\n<p>The server runs. <a href=\"/openapi.json\">OpenAPI</a>, ");
  out.append("<a href=\"/readyz\">readiness</a>, <a href=\"/metrics\">metrics</a>.</p>\n<table>\n");
  for (const auto& route : routes()) {
    out.append("<tr><td><code>").append(route.method).append("</code><td><code>").append(escaped(route.path));
    out.append("</code><td>").append(escaped(route.summary)).append("\n");
  }
  return out.append("</table>\n</html>\n");
}

}  // namespace coremachine::http
