#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <coremachine/model/status.hpp>
#include <coremachine/params/params.hpp>

#include "triggers/http/api/call.hpp"

namespace coremachine::http {

// The bodies of requests: one declaration is what they are read by, and what the OpenAPI document says of them.

struct SignalBody {
  std::string name;
  json::value data;

  static void rules(params::Fields<SignalBody>& fields);
};
BOOST_DESCRIBE_STRUCT(SignalBody, (), (name, data))

struct ExecuteBody {
  json::object params;

  static void rules(params::Fields<ExecuteBody>& fields);
};
BOOST_DESCRIBE_STRUCT(ExecuteBody, (), (params))

struct BulkFilterBody {
  json::value status;
  std::optional<std::string> type;
  std::vector<std::string> tags;
  std::optional<std::string> q;
  std::optional<std::string> since;
  std::optional<std::string> until;

  static void rules(params::Fields<BulkFilterBody>& fields);
};
BOOST_DESCRIBE_STRUCT(BulkFilterBody, (), (status, type, tags, q, since, until))

struct BulkBody {
  BulkFilterBody filter;
  bool dry_run = false;

  static void rules(params::Fields<BulkBody>& fields);
};
BOOST_DESCRIBE_STRUCT(BulkBody, (), (filter, dry_run))

struct LimitBody {
  std::uint32_t max_concurrency = 0;
  double rate = 0;
  std::uint32_t burst = 0;
  bool paused = false;

  static void rules(params::Fields<LimitBody>& fields);
};
BOOST_DESCRIBE_STRUCT(LimitBody, (), (max_concurrency, rate, burst, paused))

/// Of the task type that the path names, and the body may name too, as what GET shows does.
struct LimitOfPathBody : LimitBody {
  std::optional<std::string> task_type;

  static void rules(params::Fields<LimitOfPathBody>& fields);
};
BOOST_DESCRIBE_STRUCT(LimitOfPathBody, (LimitBody), (task_type))

struct NamedLimitBody : LimitBody {
  std::string task_type;

  static void rules(params::Fields<NamedLimitBody>& fields);
};
BOOST_DESCRIBE_STRUCT(NamedLimitBody, (LimitBody), (task_type))

struct LimitsBody {
  std::vector<NamedLimitBody> items;
  json::value next_cursor;  ///< as GET shows it, and nobody reads it

  static void rules(params::Fields<LimitsBody>& fields);
};
BOOST_DESCRIBE_STRUCT(LimitsBody, (), (items, next_cursor))

/// The statuses that `BulkFilterBody::status` names; nothing for what is neither one nor an array of some.
std::optional<std::vector<JobStatus>> statuses_from(const json::value& value);

/// All that is wrong with params: what the validator finds, and the integers that are beyond 64 bits.
std::vector<ParamFault> params_faults(const std::function<std::vector<ParamFault>(const json::object&)>& validate,
                                      const json::object& params, const std::vector<ParamFault>& beyond);

Problem refused_body(std::vector<ParamFault> faults);

/// The body as a struct. Nothing: the call was refused, with all that is wrong.
template <class Body>
std::optional<Body> body_of(Call& call) {
  const auto& object = call.body().get_object();
  if (auto faults = params_faults(params::validator<Body>(), object, call.beyond()); !faults.empty()) {
    call.refuse(refused_body(std::move(faults)));
    return std::nullopt;
  }
  return *params::parse<Body>(object);
}

}  // namespace coremachine::http
