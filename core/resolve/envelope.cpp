#include <utility>
#include <vector>

#include <coremachine/resolve/task_spec.hpp>

#include "core/model/suggest.hpp"
#include "core/resolve/refusal.hpp"

namespace coremachine {

using resolve::unresolvable;

namespace {

constexpr std::string_view prefix = "coremachine.";

TaskFailure dead(const Error& error) {
  return {.type = std::string(to_string(error.code)), .message = error.message, .kind = TaskFailure::Kind::dead};
}

std::vector<ParamFault> faults_of(TaskStrategy strategy, const std::string& resolver_id, const json::object& params) {
  const auto envelope = envelope_from(params);
  if (!envelope) return {{"", envelope.error().message}};
  if (envelope->task.strategy != to_string(strategy)) {
    return {{"/serialized_task/strategy", "is \"" + envelope->task.strategy + "\", and this task type is for \"" +
                                              std::string(to_string(strategy)) + "\""}};
  }
  if (envelope->resolver_id != resolver_id) {
    return {{"/resolver_id",
             "is " + quoted_name(envelope->resolver_id) + ", and this task type is for \"" + resolver_id + "\""}};
  }
  return {};
}

/// Runs what an envelope carries by the resolver that it names.
class RunEnvelope {
 public:
  RunEnvelope(TaskStrategy strategy, std::string resolver_id, std::shared_ptr<const TaskResolver> resolver)
      : strategy_(strategy), resolver_id_(std::move(resolver_id)), resolver_(std::move(resolver)) {}

  TaskResult operator()(const json::object& params, TaskContext& context) const {
    const auto faults = faults_of(strategy_, resolver_id_, params);
    if (!faults.empty()) return dead(unresolvable(faults.front().pointer + " " + faults.front().detail));
    const auto envelope = envelope_from(params);
    const auto executable = resolver_->resolve(envelope->task);
    if (!executable) return dead(executable.error());
    return (*executable)(envelope->params, context);
  }

 private:
  TaskStrategy strategy_;
  std::string resolver_id_;
  std::shared_ptr<const TaskResolver> resolver_;
};

json::object schema_of(TaskStrategy strategy) {
  const json::object text{{"type", "string"}, {"minLength", 1}};
  json::object payload;
  json::array required;
  if (strategy == TaskStrategy::source) {
    payload = {{"interpreter", text}, {"source", text}};
    required = {"interpreter", "source"};
  } else {
    payload = {{"name", text}, {"state", {{"type", "object"}}}};
    required = {"name", "state"};
  }
  const json::object task{{"type", "object"},
                          {"required", {"strategy", "payload"}},
                          {"additionalProperties", false},
                          {"properties",
                           {{"strategy", {{"const", std::string(to_string(strategy))}}},
                            {"payload",
                             {{"type", "object"},
                              {"required", std::move(required)},
                              {"additionalProperties", false},
                              {"properties", std::move(payload)}}}}}};
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"type", "object"},
          {"required", {"serialized_task"}},
          {"additionalProperties", false},
          {"properties",
           {{"serialized_task", task},
            {"resolver_id", {{"type", "string"}, {"default", "default"}}},
            {"params", {{"type", "object"}, {"default", json::object()}}}}}};
}

TaskInfo info_of(TaskStrategy strategy, const std::string& resolver_id) {
  TaskInfo info;
  info.name = envelope_task_type(strategy, resolver_id);
  info.description = strategy == TaskStrategy::source ? "Runs source by an interpreter that is allowed"
                                                      : "Runs an object of a registered callable type";
  info.tags = {"builtin", "resolver", std::string(to_string(strategy))};
  info.resolver_id = resolver_id;
  info.params_schema = schema_of(strategy);
  info.validate_params = [strategy, resolver_id](const json::object& params) {
    return faults_of(strategy, resolver_id, params);
  };
  return info;
}

}  // namespace

json::object to_json(const Envelope& envelope) {
  return {{"serialized_task", to_json(envelope.task)},
          {"resolver_id", json::string(envelope.resolver_id.data(), envelope.resolver_id.size())},
          {"params", envelope.params}};
}

Result<Envelope> envelope_from(const json::object& params) {
  for (const auto& [name, value] : params) {
    if (name == "serialized_task" || name == "resolver_id" || name == "params") continue;
    return unresolvable("there is no member " + quoted_name(name) +
                        "; there are `serialized_task`, `resolver_id` and `params`");
  }
  const auto* serialized = params.if_contains("serialized_task");
  if (!serialized) return unresolvable("`serialized_task` is missing");
  auto task = serialized_task_from(*serialized);
  if (!task) return task.error();
  Envelope envelope{std::move(*task)};
  if (const auto* id = params.if_contains("resolver_id")) {
    if (!id->is_string() || !is_valid_name(id->get_string())) {
      return unresolvable("`resolver_id` should be a name: " + std::string(name_rule));
    }
    envelope.resolver_id = std::string(id->get_string());
  }
  if (const auto* inner = params.if_contains("params")) {
    if (!inner->is_object()) return unresolvable("`params` should be an object");
    envelope.params = inner->get_object();
  }
  return envelope;
}

std::string envelope_task_type(TaskStrategy strategy, std::string_view resolver_id) {
  auto type = std::string(prefix) + std::string(to_string(strategy));
  if (resolver_id != TaskResolverRegistry::default_id) type.append(".").append(resolver_id);
  return type;
}

std::optional<TaskStrategy> envelope_strategy(std::string_view task_type) {
  if (!task_type.starts_with(prefix)) return std::nullopt;
  auto rest = task_type.substr(prefix.size());
  rest = rest.substr(0, rest.find('.'));
  const auto strategy = task_strategy_from(rest);
  return strategy == TaskStrategy::reference ? std::nullopt : strategy;
}

void register_envelope_tasks(TaskRegistry& tasks, const TaskResolverRegistry& resolvers, Elsewhere elsewhere) {
  for (const auto& id : resolvers.ids()) {
    const std::shared_ptr<const TaskResolver> resolver = resolvers.get(id).value();
    for (const auto strategy : {TaskStrategy::pickle, TaskStrategy::source}) {
      const bool here =
          strategy == TaskStrategy::pickle ? resolver->has_callable_types() : resolver->source_runner() != nullptr;
      auto info = info_of(strategy, id);
      if (here || elsewhere == Elsewhere::nowhere) {
        auto name = info.name;
        tasks.add(std::move(name), RunEnvelope(strategy, id, resolver), std::move(info));
      } else {
        tasks.declare(std::move(info));
      }
    }
  }
}

}  // namespace coremachine
