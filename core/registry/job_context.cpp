#include <stdexcept>
#include <utility>

#include <coremachine/registry/job_handler.hpp>

#include "core/model/json_text.hpp"

namespace coremachine {

namespace {

json::object object_from(const std::shared_ptr<const std::string>& text, const std::string& what,
                         Artifacts* artifacts) {
  if (!text) return {};
  auto value = parse_stored(*text);
  const auto reference = parse_automatic_reference(value);
  if (reference && artifacts) value = artifacts->load(*reference);
  if (!value.is_object()) throw Failure(Error{ErrorCode::store_damaged, what + " are not a JSON object"});
  return std::move(value.get_object());
}

}  // namespace

JobContext::JobContext(State state) : ArtifactUser(state.artifacts), state_(std::move(state)) {}
JobContext::~JobContext() = default;

const json::object& JobContext::job_params() const {
  if (!params_)
    params_ = object_from(state_.params, "the stored params of job " + state_.job_id.str(), state_.artifacts);
  return *params_;
}

const json::object& JobContext::stage_result(int stage) const {
  if (const auto known = parsed_.find(stage); known != parsed_.end()) return known->second;
  const auto stored = state_.stage_results.find(stage);
  if (stored == state_.stage_results.end()) {
    throw std::out_of_range("stage " + std::to_string(stage) + " of job " + state_.job_id.str() +
                            " has no result: it is not closed");
  }
  auto result = object_from(stored->second, "the stored results of stage " + std::to_string(stage), state_.artifacts);
  return parsed_.emplace(stage, std::move(result)).first->second;
}

std::optional<ArtifactReference> JobContext::stage_result_reference(int stage) const {
  const auto stored = state_.stage_results.find(stage);
  if (stored == state_.stage_results.end() || !stored->second) return std::nullopt;
  constexpr std::size_t longest_reference = 1024;
  if (stored->second->size() > longest_reference) return std::nullopt;
  return parse_automatic_reference(parse_stored(*stored->second));
}

json::object JobContext::seal_output(std::string_view name, std::optional<int> stage) const {
  const auto of = stage.value_or(state_.stage);
  const auto round = state_.defined_in.find(of);
  if (round == state_.defined_in.end()) {
    throw std::out_of_range("stage " + std::to_string(of) + " of job " + state_.job_id.str() +
                            " has not ended: its output cannot be sealed");
  }
  return artifacts().seal(round->second, name);
}

JobHandler::~JobHandler() = default;

StagePolicy JobHandler::stage_policy(int, const JobContext&) const {
  return {};
}

std::optional<int> JobHandler::next_stage(int stage, const JobContext& context) const {
  return should_advance_stage(stage, context) ? std::optional(stage + 1) : std::nullopt;
}

std::optional<json::value> JobHandler::pull_stage_tasks(int stage, const JobContext&, const json::value&,
                                                        TaskSink&) const {
  throw std::logic_error("the policy of stage " + std::to_string(stage) +
                         " says that it is lazy, and pull_stage_tasks is not overridden");
}

std::unique_ptr<StageFold> JobHandler::make_fold(int) const {
  return nullptr;
}

}  // namespace coremachine
