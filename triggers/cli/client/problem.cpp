#include "triggers/cli/client/problem.hpp"

#include <algorithm>
#include <array>

#include "core/model/value_parser.hpp"

namespace coremachine::cli {
namespace {

namespace json = boost::json;

std::string text_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value ? value->if_string() : nullptr;
  return text ? std::string(*text) : std::string();
}

/// The problem that a reply describes; nothing: it is no answer of a server of ours.
std::optional<json::object> problem_of(const HttpReply& reply) {
  const auto* type = reply.head.find("content-type");
  if (!type || !type->starts_with("application/problem+json")) return std::nullopt;
  boost::system::error_code error;
  auto value = parse_value(reply.body, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

/// A schedule's job type is a fault in its body, for the server; for whoever typed it, it is not there.
bool misses_a_job_type(const json::object& problem) {
  const auto* errors = problem.if_contains("errors");
  if (!errors || !errors->is_array()) return false;
  const auto& all = errors->get_array();
  return std::any_of(all.begin(), all.end(), [](const json::value& each) {
    const auto* fault = each.if_object();
    return fault && text_at(*fault, "pointer") == "#/job_type" &&
           text_at(*fault, "detail").starts_with("unknown job type");
  });
}

ExitCode code_of(int status, const json::object& problem) {
  // The params of it are sound; the key is taken.
  if (text_at(problem, "code") == "key_conflict") return ExitCode::not_allowed;
  if (misses_a_job_type(problem)) return ExitCode::not_found;
  switch (status) {
    case 404:
    case 410: return ExitCode::not_found;
    case 401:
    case 403:
    case 405:
    case 409: return ExitCode::not_allowed;
    default: break;
  }
  // Too many requests, and whatever the server itself is the reason of.
  return status == 408 || status == 429 || status >= 500 ? ExitCode::unreachable : ExitCode::usage;
}

struct Lookup {
  std::string_view path;
  std::string_view hint;
};
constexpr std::array lookups{
    Lookup{"/api/v1/job-types", "`coremachine types` lists the job types of the server"},
    Lookup{"/api/v1/tasks", "`coremachine tasks list` lists the task types of the server"},
    Lookup{"/api/v1/schedules", "`coremachine schedules list` lists the schedules"},
    Lookup{"/api/v1/queues", "`coremachine queues` lists the queues"},
    Lookup{"/api/v1/jobs", "`coremachine jobs list` lists the jobs, `coremachine types` the job types"},
};

/// The first path segment after the collection, which is what was not found or not allowed.
std::string subject_of(std::string_view target) {
  constexpr std::string_view jobs = "/api/v1/jobs/";
  if (!target.starts_with(jobs)) return {};
  const auto rest = target.substr(jobs.size());
  return std::string(rest.substr(0, rest.find_first_of("/?")));
}

std::string hint_for(int status, const HttpReply& reply, std::string_view target, const Correspondent& server) {
  const auto* retry_after = reply.head.find("retry-after");
  switch (status) {
    case 401:
      return server.token_from.empty() ? "give a token: --token-file FILE, or COREMACHINE_TOKEN in the environment"
                                       : "the token from " + server.token_from + " is not one that the server knows";
    case 403: return "the server takes this from others only, or under another name: see its --allow-host and tokens";
    case 404:
      for (const auto& [path, hint] : lookups) {
        if (target.starts_with(path)) return std::string(hint);
      }
      return {};
    case 409:
      if (const auto job = subject_of(target); !job.empty() && !job.starts_with('$'))
        return "`coremachine jobs show " + job + "` shows where it is";
      return {};
    case 413: return "large values go into a file that a task reads, with its path in the params";
    case 429:
    case 503: return retry_after ? "try again in " + *retry_after + " s" : "try again later";
    default: return {};
  }
}

/// Of a fault: the parameter, or the pointer into the body.
std::string place_of(const json::object& fault) {
  if (auto parameter = text_at(fault, "parameter"); !parameter.empty()) return parameter;
  auto pointer = text_at(fault, "pointer");
  return pointer.empty() || pointer == "#" ? "the whole" : pointer;
}

}  // namespace

CommandFailure failure_of(const TransportError& error, const Correspondent& server) {
  using Kind = TransportError::Kind;
  const auto named = server.url_from == "default" ? "; --server URL or COREMACHINE_SERVER names another"
                                                  : "; the address comes from " + server.url_from;
  switch (error.kind) {
    case Kind::unresolved:
    case Kind::refused:
      return {ExitCode::unreachable,
              "cannot reach " + server.url + ": " + error.what,
              {"is a server running there? `coremachine serve` starts one" + named}};
    case Kind::not_secure:
      return {ExitCode::unreachable,
              "no safe connection to " + server.url + ": " + error.what,
              {"--ca-file FILE names the certificates to trust; https:// is for servers that have one"}};
    case Kind::timed_out:
      return {ExitCode::unreachable,
              server.url + " does not answer: " + error.what,
              {"COREMACHINE_REQUEST_TIMEOUT, as 2m, gives it longer" + named}};
    case Kind::closed: return {ExitCode::unreachable, server.url + " went away: " + error.what, {"try again"}};
    case Kind::malformed:
      return {ExitCode::unreachable,
              server.url + " does not speak HTTP: " + error.what,
              {"is it https:// in place of http://, or another port?" + named}};
  }
  return {ExitCode::unreachable, error.what};
}

CommandFailure failure_of(const HttpReply& reply, std::string_view target, const Correspondent& server) {
  const auto status = reply.head.status;
  const auto problem = problem_of(reply);
  if (!problem)
    return {status == 401 || status == 403 ? ExitCode::not_allowed : ExitCode::unreachable,
            server.url + " answers " + std::to_string(status) + ", but not as a CoreMachine server does",
            {"is there another program behind this address, or https:// due? It comes from " + server.url_from}};

  auto what = text_at(*problem, "detail");
  if (what.empty()) what = text_at(*problem, "title");
  if (what.empty()) what = "the server answers " + std::to_string(status);
  std::vector<std::string> faults;
  if (const auto* errors = problem->if_contains("errors"); errors && errors->is_array()) {
    for (const auto& each : errors->get_array()) {
      if (const auto* fault = each.if_object()) {
        auto line = place_of(*fault) + " " + text_at(*fault, "detail");
        if (line != what) faults.push_back(std::move(line));
      }
    }
  }
  std::vector<std::string> hints;
  if (status >= 500 && status != 503) {
    if (const auto id = text_at(*problem, "request_id"); !id.empty())
      hints.push_back("the server's log has more on request " + id);
  }
  if (auto hint = hint_for(status, reply, target, server); !hint.empty()) hints.push_back(std::move(hint));
  if (misses_a_job_type(*problem)) hints.emplace_back(lookups.front().hint);
  return {code_of(status, *problem), std::move(what), std::move(hints), std::move(faults)};
}

}  // namespace coremachine::cli
