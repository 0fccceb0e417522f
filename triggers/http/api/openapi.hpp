#pragma once

#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace coremachine::http {

namespace json = boost::json;

/// The OpenAPI 3.1 document of all routes.
json::object make_openapi(std::string_view version);

/// The components that routes name: bodies and answers.
json::object component_schemas();

/// The tables of docs/http-api.md, as Markdown: all routes, and their parameters.
std::string route_tables();

}  // namespace coremachine::http
