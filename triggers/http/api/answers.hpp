#pragma once

#include <string>
#include <utility>
#include <vector>

#include "triggers/http/api/problem.hpp"

namespace coremachine::http {

/// Text of JSON, which nobody is to keep.
inline Response json_response(int status, std::string text, std::vector<Field> fields = {}) {
  fields.push_back({"content-type", std::string(json_media_type)});
  fields.push_back({"cache-control", "no-store"});
  return {status, std::move(fields), std::move(text)};
}

/// The head of server-sent events; proxies pass each one on at once.
inline Response event_stream_head() {
  return {200, {{"content-type", "text/event-stream"}, {"cache-control", "no-store"}, {"x-accel-buffering", "no"}}, {}};
}

}  // namespace coremachine::http
