#include "triggers/http/api/problem.hpp"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "core/model/json_depth.hpp"
#include "core/model/json_text.hpp"
#include "core/model/percent.hpp"
#include "triggers/http/wire/response_writer.hpp"

namespace coremachine::http {
namespace {

/// What a problem is called that only its status tells of.
std::string_view code_of(int status) {
  switch (status) {
    case 400: return "bad_request";
    case 401: return "unauthorized";
    case 403: return "forbidden";
    case 404: return "not_found";
    case 405: return "method_not_allowed";
    case 408: return "request_timeout";
    case 409: return "conflict";
    case 412: return "precondition_failed";
    case 413: return "content_too_large";
    case 414: return "target_too_long";
    case 415: return "unsupported_media_type";
    case 416: return "range_not_satisfiable";
    case 417: return "expectation_failed";
    case 421: return "misdirected_request";
    case 422: return "unprocessable_content";
    case 429: return "too_many_requests";
    case 431: return "header_too_large";
    case 500: return "internal_error";
    case 501: return "unknown_method";
    case 503: return "unavailable";
    case 505: return "unknown_version";
    default: return status < 500 ? "bad_request" : "internal_error";
  }
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::unknown_job_type:
    case ErrorCode::unknown_job:
    case ErrorCode::unknown_task:
    case ErrorCode::unknown_schedule:
    case ErrorCode::store_missing: return 404;
    case ErrorCode::invalid_argument: return 400;
    case ErrorCode::invalid_name:
    case ErrorCode::invalid_params:
    case ErrorCode::unresolvable:
    case ErrorCode::key_conflict: return 422;
    case ErrorCode::wrong_state:
    case ErrorCode::not_finished: return 409;
    case ErrorCode::overloaded: return 429;
    case ErrorCode::draining:
    case ErrorCode::timed_out:
    case ErrorCode::store_full:
    case ErrorCode::store_failed:
    case ErrorCode::store_locked: return 503;
    // What ended a job refuses no request; that it came here is a bug.
    case ErrorCode::task_failed:
    case ErrorCode::too_many_failures:
    case ErrorCode::handler_threw:
    case ErrorCode::handler_contract:
    case ErrorCode::poison:
    case ErrorCode::boundary_timeout:
    case ErrorCode::job_timeout:
    case ErrorCode::stage_deadline:
    case ErrorCode::gate_timeout:
    case ErrorCode::cancelled:
    case ErrorCode::store_damaged: return 500;
  }
  return 500;
}

/// When to come again, in seconds.
std::string_view retry_after(ErrorCode code) {
  if (code == ErrorCode::overloaded || code == ErrorCode::timed_out) return "1";
  if (code == ErrorCode::draining) return "5";
  return "30";
}

json::array errors_of(const Problem& problem) {
  json::array errors;
  for (const auto& fault : problem.faults) {
    errors.push_back(json::object{{"pointer", fragment(fault.pointer)}, {"detail", fault.detail}});
  }
  for (const auto& fault : problem.parameters) {
    errors.push_back(json::object{{"parameter", fault.parameter}, {"detail", fault.detail}});
  }
  return errors;
}

}  // namespace

std::string fragment(std::string_view pointer) {
  return "#" + percent_encoded(pointer, "!$&'()*+,;=:@/?");
}

Problem problem_of(const Error& error, std::string_view under) {
  Problem problem{.status = status_of(error.code), .code = std::string(to_string(error.code)), .detail = error.message};
  for (const auto& fault : error.faults) problem.faults.push_back({std::string(under) + fault.pointer, fault.detail});
  if (problem.status == 429 || problem.status == 503)
    problem.fields.push_back({"retry-after", std::string(retry_after(error.code))});
  return problem;
}

Problem problem_of(int status, std::string detail) {
  return Problem{.status = status, .code = std::string(code_of(status)), .detail = std::move(detail)};
}

Problem unavailable(std::string detail, std::chrono::seconds again_in) {
  auto problem = problem_of(503, std::move(detail));
  problem.fields.push_back({"retry-after", std::to_string(again_in.count())});
  return problem;
}

Response to_response(const Problem& problem, std::string_view request_id) {
  json::object body;
  body["type"] = std::string(problem_type) + problem.code;
  body["title"] = reason_phrase(problem.status);
  body["status"] = problem.status;
  body["detail"] = problem.detail;
  body["code"] = problem.code;
  body["request_id"] = request_id;
  if (auto errors = errors_of(problem); !errors.empty()) body["errors"] = std::move(errors);
  for (const auto& member : problem.more) body[member.key()] = member.value();
  Response response{problem.status, problem.fields, json::serialize(body)};
  response.fields.push_back({"content-type", std::string(problem_media_type)});
  response.fields.push_back({"cache-control", "no-store"});
  return response;
}

Result<json::value> read_body(std::string_view body, std::vector<ParamFault>& beyond, std::size_t levels) {
  auto value = parse_strict_to(max_parsed_depth + levels, body, beyond);
  if (value) return value;
  return Error{ErrorCode::invalid_argument, "the body: " + value.error().message};
}

}  // namespace coremachine::http
