#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include <coremachine/model/error.hpp>

#include "triggers/http/api/parameter.hpp"
#include "triggers/http/wire/message.hpp"

namespace coremachine::http {

/// Why a request was not done: what becomes an `application/problem+json` (RFC 9457).
struct Problem {
  int status = 500;
  std::string code;                             ///< `unknown_job`; the end of `type`
  std::string detail;                           ///< what is wrong and what would be right
  std::vector<ParamFault> faults = {};          ///< of the body, by pointer
  std::vector<ParameterFault> parameters = {};  ///< of the query and of header fields, by name
  std::vector<Field> fields = {};               ///< for the reply
  json::object more = {};                       ///< further members of the document
};

/// One mapping for all errors of the engine. `under` goes before the pointers of faults: `/params`.
Problem problem_of(const Error& error, std::string_view under = {});
/// The problem that a status by itself says; for what the server refuses.
Problem problem_of(int status, std::string detail);

/// 503: what it needs will be there again in about so long.
Problem unavailable(std::string detail, std::chrono::seconds again_in);

Response to_response(const Problem& problem, std::string_view request_id);

/// A pointer as RFC 9457 has it, a URI fragment: `#/message`.
std::string fragment(std::string_view pointer);

/// Reads the body of a request. Broken JSON is a problem of status 400. Integers beyond 64 bits with sign come back as
/// the nearest number and are noted in `beyond`. It may nest so many `levels` deeper than values elsewhere.
Result<json::value> read_body(std::string_view body, std::vector<ParamFault>& beyond, std::size_t levels = 0);

inline constexpr std::string_view problem_type = "urn:coremachine:problem:";
inline constexpr std::string_view problem_media_type = "application/problem+json";
inline constexpr std::string_view json_media_type = "application/json";

}  // namespace coremachine::http
