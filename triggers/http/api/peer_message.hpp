#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

// What goes between servers: objects of JSON with the members `kind` and `id`, and `number` once they are sent. What
// reads them throws where one is missing.

std::string text_of_message(boost::json::object message, std::string_view kind, std::uint64_t id);

/// The same with its number.
std::string numbered(std::string_view message, std::uint64_t number);

boost::json::object message_of(const Request& request);
Request request_of(const boost::json::object& message);

/// Of a stream, its head.
boost::json::object message_of(const Response& response, bool streams);
Response response_of(const boost::json::object& message);

/// The member of this name; empty: there is none, or it is no text.
std::string text_of(const boost::json::object& message, std::string_view name);

}  // namespace coremachine::http
