#include "triggers/http/api/call.hpp"

#include <algorithm>
#include <utility>

#include "core/model/json_text.hpp"

namespace coremachine::http {

const std::string& Call::path(std::string_view name) const {
  const auto names = path_variables(parts_.route->path);
  const auto at = std::find(names.begin(), names.end(), name) - names.begin();
  return parts_.values.at(static_cast<std::size_t>(at));
}

std::optional<Milliseconds> Call::wait() const {
  const auto wait = parts_.parameters.duration("wait");
  return wait ? std::optional(std::min(*wait, longest_wait)) : std::nullopt;
}

void Call::send(Response response) {
  if (!answered_.exchange(true)) outlet_->send(std::move(response));
}

void Call::send(int status, const json::value& body, std::vector<Field> fields) {
  Response response{status, std::move(fields), {}};
  if (const auto fault = append_json(response.body, body)) {
    return refuse(Error{ErrorCode::store_damaged, "the answer is not valid JSON: " + *fault});
  }
  response.fields.push_back({"content-type", std::string(json_media_type)});
  response.fields.push_back({"cache-control", "no-store"});
  send(std::move(response));
}

void Call::refuse(const Problem& problem) {
  send(to_response(problem, parts_.request.id));
}

void Call::refuse(const Error& error, std::string_view under) {
  refuse(problem_of(error, under));
}

std::shared_ptr<Outflow> Call::stream(Response head) {
  if (answered_.exchange(true)) return nullptr;
  return outlet_->stream(std::move(head));
}

}  // namespace coremachine::http
