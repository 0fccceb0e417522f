#include "triggers/http/api/call.hpp"

#include <algorithm>
#include <utility>

#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "triggers/http/api/answers.hpp"

namespace coremachine::http {
namespace {

Error no_json(const std::string& fault) {
  return Error{ErrorCode::store_damaged, "the answer is not valid JSON: " + fault};
}

}  // namespace

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
  if (answered_.exchange(true)) return;
  sign(response);
  outlet_->send(std::move(response));
}

void Call::send(int status, const json::value& body, std::vector<Field> fields) {
  std::string text;
  if (const auto fault = append_json(text, body)) return refuse(no_json(*fault));
  send_text(status, std::move(text), std::move(fields));
}

void Call::send(int status, const JobView& job) {
  std::string text;
  if (const auto fault = append_json(text, job)) return refuse(no_json(*fault));
  send_text(status, std::move(text), {});
}

void Call::send(int status, const ToldJob& job, std::vector<Field> fields, bool existing) {
  auto text = job.text();
  if (existing) text.replace(text.size() - 1, 1, R"(,"deduplicated":true})");
  send_text(status, std::move(text), std::move(fields));
}

void Call::send_text(int status, std::string text, std::vector<Field> fields) {
  send(json_response(status, std::move(text), std::move(fields)));
}

void Call::sign(Response& response) {
  response.route = parts_.route->path;
  if (subject_.empty() && response.route.starts_with("/api/v1/jobs/{id}")) subject_ = path("id");
  response.subject = std::move(subject_);
}

void Call::refuse(const Problem& problem) {
  send(to_response(problem, parts_.request.id));
}

void Call::refuse(const Error& error, std::string_view under) {
  refuse(problem_of(error, under));
}

std::shared_ptr<Outflow> Call::stream(Response head) {
  if (answered_.exchange(true)) return nullptr;
  sign(head);
  return outlet_->stream(std::move(head));
}

}  // namespace coremachine::http
