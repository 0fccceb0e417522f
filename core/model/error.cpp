#include <coremachine/model/error.hpp>

#include <array>
#include <utility>

namespace coremachine {

namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 29> codes{{
    {ErrorCode::task_failed, "task_failed"},
    {ErrorCode::too_many_failures, "too_many_failures"},
    {ErrorCode::handler_threw, "handler_threw"},
    {ErrorCode::handler_contract, "handler_contract"},
    {ErrorCode::unknown_task, "unknown_task"},
    {ErrorCode::unresolvable, "unresolvable"},
    {ErrorCode::poison, "poison"},
    {ErrorCode::boundary_timeout, "boundary_timeout"},
    {ErrorCode::job_timeout, "job_timeout"},
    {ErrorCode::stage_deadline, "stage_deadline"},
    {ErrorCode::gate_timeout, "gate_timeout"},
    {ErrorCode::cancelled, "cancelled"},
    {ErrorCode::unknown_job_type, "unknown_job_type"},
    {ErrorCode::unknown_job, "unknown_job"},
    {ErrorCode::unknown_schedule, "unknown_schedule"},
    {ErrorCode::invalid_name, "invalid_name"},
    {ErrorCode::invalid_params, "invalid_params"},
    {ErrorCode::invalid_argument, "invalid_argument"},
    {ErrorCode::wrong_state, "wrong_state"},
    {ErrorCode::not_finished, "not_finished"},
    {ErrorCode::key_conflict, "key_conflict"},
    {ErrorCode::overloaded, "overloaded"},
    {ErrorCode::draining, "draining"},
    {ErrorCode::timed_out, "timed_out"},
    {ErrorCode::store_full, "store_full"},
    {ErrorCode::store_failed, "store_failed"},
    {ErrorCode::store_locked, "store_locked"},
    {ErrorCode::store_damaged, "store_damaged"},
    {ErrorCode::store_missing, "store_missing"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (static_cast<std::size_t>(codes[i].first) != i) return false;
  }
  return static_cast<std::size_t>(ErrorCode::store_missing) + 1 == codes.size();
}
static_assert(in_order(), "one row for each code, in the order of the enumeration");

std::string headline(const Error& error) {
  std::string text(to_string(error.code));
  if (!error.message.empty()) text.append(": ").append(error.message);
  return text;
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  const auto row = static_cast<std::size_t>(code);
  return row < codes.size() ? codes[row].second : "?";
}

std::optional<ErrorCode> error_code_from(std::string_view text) {
  for (const auto& [code, name] : codes) {
    if (name == text) return code;
  }
  return std::nullopt;
}

Failure::Failure(Error error) : std::runtime_error(headline(error)), error_(std::move(error)) {}

void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw Failure(error);
}

}  // namespace coremachine
