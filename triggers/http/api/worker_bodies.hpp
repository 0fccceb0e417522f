#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <coremachine/params/params.hpp>
#include <coremachine/runtime/remote.hpp>

#include "triggers/http/api/call.hpp"

namespace coremachine::http {

// What workers send, in any language.

/// Who it is, and what it runs: part of several bodies.
struct WorkerBody {
  std::string worker;
  std::vector<std::string> task_types;
  std::uint32_t concurrency = 1;
  std::string resolver_id = "default";

  static void rules(params::Fields<WorkerBody>& fields);
};
BOOST_DESCRIBE_STRUCT(WorkerBody, (), (worker, task_types, concurrency, resolver_id))

struct PollBody : WorkerBody {
  std::uint32_t max_tasks = 0;
  std::optional<std::string> wait;
  bool grouped = false;

  static void rules(params::Fields<PollBody>& fields);
};
BOOST_DESCRIBE_STRUCT(PollBody, (WorkerBody), (max_tasks, wait, grouped))

BOOST_DEFINE_ENUM_CLASS(OutcomeStatus, completed, failed, returned)

struct OutcomeErrorBody {
  std::string type = "error";
  std::string message;
  bool permanent = false;
  bool dead = false;
  std::optional<std::string> retry_after;

  static void rules(params::Fields<OutcomeErrorBody>& fields);
};
BOOST_DESCRIBE_STRUCT(OutcomeErrorBody, (), (type, message, permanent, dead, retry_after))

struct OutcomeBody {
  std::string lease;
  std::uint64_t index = 0;
  std::uint32_t attempt = 1;
  OutcomeStatus status = OutcomeStatus::completed;
  json::value result;
  std::optional<OutcomeErrorBody> error;
  json::value progress;
  double took_ms = 0;

  static void rules(params::Fields<OutcomeBody>& fields);
};
BOOST_DESCRIBE_STRUCT(OutcomeBody, (), (lease, index, attempt, status, result, error, progress, took_ms))

struct CompleteBody {
  std::string worker;
  std::vector<OutcomeBody> outcomes;

  static void rules(params::Fields<CompleteBody>& fields);
};
BOOST_DESCRIBE_STRUCT(CompleteBody, (), (worker, outcomes))

struct ProgressBody {
  std::string lease;
  std::uint64_t index = 0;
  std::uint32_t attempt = 1;
  json::value progress;

  static void rules(params::Fields<ProgressBody>& fields);
};
BOOST_DESCRIBE_STRUCT(ProgressBody, (), (lease, index, attempt, progress))

struct HeartbeatBody : WorkerBody {
  std::vector<std::string> leases;
  std::vector<ProgressBody> progress;

  static void rules(params::Fields<HeartbeatBody>& fields);
};
BOOST_DESCRIBE_STRUCT(HeartbeatBody, (WorkerBody), (leases, progress))

struct LeaveBody {
  std::string worker;

  static void rules(params::Fields<LeaveBody>& fields);
};
BOOST_DESCRIBE_STRUCT(LeaveBody, (), (worker))

/// How long a poll waits, if its body says so.
Milliseconds wait_of(const PollBody& body);

RemoteWorker worker_of(WorkerBody body);
/// The outcomes of one lease together, in the order in which leases first come.
std::vector<RemoteReport> reports_of(std::vector<OutcomeBody> outcomes, std::string_view request_body);
std::vector<LeaseRenewal> renewals_of(HeartbeatBody body);

/// The answers. `{tasks: […], hand_outs: […]}`: one of the two is there.
std::string tasks_text(const std::vector<HandOut>& hand_outs);
std::string hand_outs_text(const std::vector<HandOut>& hand_outs);
std::string news_text(const std::vector<LeaseNews>& news);

}  // namespace coremachine::http
