#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "triggers/http/access/tokens.hpp"
#include "triggers/http/api/parameter.hpp"

namespace coremachine::http {

class Api;
class Call;

/// What a route may answer besides problems.
struct Answer {
  int status = 200;
  std::string_view doc;
  std::string_view schema = {};  ///< name of a component; empty: nothing, or any JSON
  std::string_view media_type = "application/json";
  std::vector<std::string_view> fields = {};  ///< that matter: Location, ETag
};

/// Answers the call, now or later; called on an I/O thread and must not block.
using Handler = void (*)(Api& api, std::shared_ptr<Call> call);

/// Makes who takes the body of such a request; called on an I/O thread and must not block.
using Receiver = std::shared_ptr<BodyTaker> (*)(Api& api, const Request& head);

/// One method of one path. All that the API is: requests are dispatched by these, and the OpenAPI document, `Allow` and
/// the tables of docs/http-api.md are made from them.
struct Route {
  std::string_view method;
  /// `{name}` stands for one segment. `$verb` after such a one is also met without its `$`.
  std::string_view path;
  std::optional<Role> role = Role::read;  ///< none: everybody may ask
  std::string_view group;                 ///< the tag in the OpenAPI document
  std::string_view operation;             ///< operationId
  std::string_view summary;
  std::vector<Parameter> parameters = {};
  std::string_view body = {};     ///< name of the component that the body is; empty: it takes none
  std::uint64_t body_limit = 0;   ///< bytes that it may have at least, whatever the server's limit is
  std::size_t values_inside = 0;  ///< levels around the values of authors in it: these may be as deep as elsewhere
  std::vector<Answer> answers = {};
  std::vector<int> problems = {};  ///< statuses that do not follow from the rest; see problem_statuses
  Handler handler = nullptr;
  Receiver receive = nullptr;  ///< takes a body of any type, as it comes; null: it is JSON, or there is none
};

/// All of them, in the order of the reference.
const std::vector<Route>& routes();

/// The role that a token has to have, or `anyone`.
std::string_view role_in_words(const Route& route);

/// Every status above 399 that the route may answer, ascending.
std::vector<int> problem_statuses(const Route& route);
/// The names in braces, in order.
std::vector<std::string_view> path_variables(std::string_view path);

// What the parts of the table are, each beside its handlers.
std::vector<Route> job_routes();
std::vector<Route> job_view_routes();
std::vector<Route> event_routes();
std::vector<Route> bulk_routes();
std::vector<Route> registry_routes();
std::vector<Route> execute_routes();
std::vector<Route> artifact_routes();
std::vector<Route> upload_routes();
std::vector<Route> limit_routes();
std::vector<Route> schedule_routes();
std::vector<Route> worker_routes();
std::vector<Route> worker_call_routes();
std::vector<Route> system_routes();
std::vector<Route> stats_routes();
std::vector<Route> page_routes();

// Parameters that several routes have.
Parameter limit_parameter(std::int64_t most = 200);
Parameter cursor_parameter();
Parameter wait_parameter(std::string_view doc);
Parameter expand_parameter();
/// priority, run_at, delay, tags, timeout, Idempotency-Key
std::vector<Parameter> submit_parameters();

}  // namespace coremachine::http
