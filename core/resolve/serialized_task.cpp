#include <coremachine/resolve/serialized_task.hpp>

#include <array>
#include <utility>
#include <vector>

#include "core/model/suggest.hpp"
#include "core/resolve/refusal.hpp"

namespace coremachine {
namespace {

constexpr std::array<std::pair<TaskStrategy, std::string_view>, 3> strategies{{
    {TaskStrategy::reference, "reference"},
    {TaskStrategy::pickle, "pickle"},
    {TaskStrategy::source, "source"},
}};

enum class Kind : std::uint8_t { name, text, module, object };

/// What is wrong with a member of a payload.
std::optional<std::string> fault_of_member(const json::object& payload, std::string_view member, Kind kind) {
  const auto* value = payload.if_contains(member);
  const auto named = "`" + std::string(member) + "`";
  if (!value) return named + " is missing";
  if (kind == Kind::object) return value->is_object() ? std::nullopt : std::optional(named + " should be an object");
  if (!value->is_string()) return named + " should be a string";
  const std::string_view text(value->get_string());
  if (kind == Kind::module && text.empty()) return std::nullopt;
  if (kind != Kind::text && !is_valid_name(text)) {
    return named + " is " + quoted_name(text) + ", and a name is " + std::string(name_rule);
  }
  return text.empty() ? std::optional(named + " is empty") : std::nullopt;
}

struct Member {
  std::string_view name;
  Kind kind;
};

std::array<Member, 2> members_of(TaskStrategy strategy) {
  switch (strategy) {
    case TaskStrategy::reference: return {{{"module", Kind::module}, {"name", Kind::name}}};
    case TaskStrategy::pickle: return {{{"name", Kind::name}, {"state", Kind::object}}};
    case TaskStrategy::source: return {{{"interpreter", Kind::text}, {"source", Kind::text}}};
  }
  return {};
}

json::string to_json_text(std::string_view text) {
  return json::string(text.data(), text.size());
}

}  // namespace

std::string_view to_string(TaskStrategy strategy) {
  return strategies[static_cast<std::size_t>(strategy)].second;
}

std::optional<TaskStrategy> task_strategy_from(std::string_view text) {
  for (const auto& [strategy, name] : strategies) {
    if (name == text) return strategy;
  }
  return std::nullopt;
}

SerializedTask SerializedTask::reference(std::string_view name, std::string_view module) {
  return {"reference", {{"module", to_json_text(module)}, {"name", to_json_text(name)}}};
}

SerializedTask SerializedTask::pickle(std::string_view name, json::object state) {
  return {"pickle", {{"name", to_json_text(name)}, {"state", std::move(state)}}};
}

SerializedTask SerializedTask::source(std::string_view interpreter, std::string_view source) {
  return {"source", {{"interpreter", to_json_text(interpreter)}, {"source", to_json_text(source)}}};
}

std::optional<Error> fault_of(const SerializedTask& task) {
  const auto strategy = task_strategy_from(task.strategy);
  if (!strategy) {
    return resolve::unresolvable("unknown strategy " + quoted_name(task.strategy) +
                                 "; there are reference, pickle and source");
  }
  const auto members = members_of(*strategy);
  const auto in_payload = [&](const std::string& what) {
    return resolve::unresolvable("the payload of a task of the strategy " + task.strategy + ": " + what);
  };
  for (const auto& member : members) {
    if (auto fault = fault_of_member(task.payload, member.name, member.kind)) return in_payload(*fault);
  }
  for (const auto& [name, value] : task.payload) {
    if (name != members[0].name && name != members[1].name) {
      return in_payload("there is no member " + quoted_name(name) + "; it has `" + std::string(members[0].name) +
                        "` and `" + std::string(members[1].name) + "`");
    }
  }
  return std::nullopt;
}

json::object to_json(const SerializedTask& task) {
  return {{"strategy", to_json_text(task.strategy)}, {"payload", task.payload}};
}

Result<SerializedTask> serialized_task_from(const json::value& json) {
  const auto* object = json.if_object();
  if (!object) return resolve::unresolvable("a serialised task should be an object with `strategy` and `payload`");
  const auto* strategy = object->if_contains("strategy");
  const auto* payload = object->if_contains("payload");
  if (!strategy || !strategy->is_string()) return resolve::unresolvable("a serialised task without a `strategy`");
  if (!payload || !payload->is_object()) {
    return resolve::unresolvable("a serialised task whose `payload` is no object");
  }
  SerializedTask task{std::string(strategy->get_string()), payload->get_object()};
  if (auto fault = fault_of(task)) return *fault;
  return task;
}

}  // namespace coremachine
