#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "core/model/json_text.hpp"
#include "triggers/http/api/openapi.hpp"
#include "triggers/http/api/route.hpp"

using namespace coremachine;
using namespace coremachine::http;

namespace {

const std::string docs = std::string(COREMACHINE_TESTS_DIR) + "/../docs/";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void for_each_member(const json::value& value, const std::function<void(std::string_view, const json::value&)>& look) {
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) {
      look(member.key(), member.value());
      for_each_member(member.value(), look);
    }
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array) for_each_member(element, look);
  }
}

/// One member a line, so that a change can be reviewed.
std::string indented(const json::value& value, std::size_t depth) {
  const auto* object = value.if_object();
  const auto* array = value.if_array();
  if ((!object || object->empty()) && (!array || array->empty() || !array->at(0).is_structured())) {
    return json::serialize(value);
  }
  std::string text = object ? "{" : "[";
  const auto line = "\n" + std::string(depth + 1, ' ');
  const auto separate = [&] { text.append(text.size() > 1 ? "," : "").append(line); };
  if (object) {
    for (const auto& member : *object) {
      separate();
      text.append(json::serialize(json::value(member.key()))).append(": ").append(indented(member.value(), depth + 1));
    }
  } else {
    for (const auto& element : *array) {
      separate();
      text.append(indented(element, depth + 1));
    }
  }
  return text.append("\n" + std::string(depth, ' ')).append(object ? "}" : "]");
}

}  // namespace

TEST_SUITE("http: the OpenAPI document") {
  TEST_CASE("it has every route, and no other") {
    const auto document = make_openapi("1");
    std::set<std::string> in_document;
    for (const auto& path : document.at("paths").as_object()) {
      for (const auto& operation : path.value().as_object()) {
        in_document.insert(std::string(path.key()) + " " + std::string(operation.key()) + " " +
                           std::string(operation.value().at("operationId").as_string()));
      }
    }
    std::set<std::string> in_table;
    for (const auto& route : routes()) {
      std::string method(route.method);
      for (auto& c : method) c = static_cast<char>(c - 'A' + 'a');
      in_table.insert(std::string(route.path) + " " + method + " " + std::string(route.operation));
    }
    CHECK(in_document == in_table);
  }

  TEST_CASE("every reference leads somewhere, and every component is used") {
    const json::value document = make_openapi("1");
    std::set<std::string> used;
    for_each_member(document, [&](std::string_view name, const json::value& value) {
      if (name != "$ref") return;
      const std::string target(value.as_string());
      CAPTURE(target);
      REQUIRE(target.starts_with("#/"));
      boost::system::error_code missing;
      CHECK(document.find_pointer(target.substr(1), missing) != nullptr);
      used.insert(target);
    });
    for (const auto* section : {"schemas", "responses", "headers"}) {
      for (const auto& component : document.at("components").at(section).as_object()) {
        const auto target = "#/components/" + std::string(section) + "/" + std::string(component.key());
        CAPTURE(target);
        CHECK(used.contains(target));
      }
    }
  }

  TEST_CASE("operations have what OpenAPI asks for: path parameters, responses, no parameter twice") {
    const auto document = make_openapi("1");
    for (const auto& path : document.at("paths").as_object()) {
      for (const auto& [method, operation] : path.value().as_object()) {
        CAPTURE(path.key());
        std::set<std::string> names;
        std::set<std::string> in_path;
        if (const auto* parameters = operation.as_object().if_contains("parameters")) {
          for (const auto& parameter : parameters->as_array()) {
            const std::string name(parameter.at("name").as_string());
            CHECK(names.insert(std::string(parameter.at("in").as_string()) + name).second);
            if (parameter.at("in") == "path") in_path.insert(name);
          }
        }
        std::set<std::string> in_pattern;
        for (const auto name : path_variables(path.key())) in_pattern.emplace(name);
        CHECK(in_path == in_pattern);
        CHECK_FALSE(operation.at("responses").as_object().empty());
        for (const auto& response : operation.at("responses").as_object()) CHECK(response.key().size() == 3);
      }
    }
  }

  TEST_CASE("the reference in docs has the tables of the code") {
    const auto page = read_file(docs + "http-api.md");
    const std::string begin = "<!-- routes: made from the code -->\n";
    const std::string end = "<!-- end of routes -->\n";
    const auto from = page.find(begin);
    const auto to = page.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    const auto in_docs = page.substr(from + begin.size(), to - from - begin.size());
    if (in_docs != route_tables() && std::getenv("COREMACHINE_WRITE_DOCS")) {
      std::ofstream(docs + "http-api.md", std::ios::binary)
          << page.substr(0, from + begin.size()) << route_tables() << page.substr(to);
    }
    // COREMACHINE_WRITE_DOCS=1 writes what the code says.
    CHECK(in_docs == route_tables());
  }

  TEST_CASE("docs/openapi.json is the document of the code") {
    const auto in_docs = read_file(docs + "openapi.json");
    const json::value document = make_openapi("0");
    if (std::getenv("COREMACHINE_WRITE_DOCS")) {
      std::ofstream(docs + "openapi.json", std::ios::binary) << indented(document, 0) << "\n";
    }
    boost::system::error_code not_json;
    CHECK(json::parse(in_docs, not_json) == document);
  }
}
