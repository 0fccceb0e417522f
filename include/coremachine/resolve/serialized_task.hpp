#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>

namespace coremachine {

namespace json = boost::json;

/// How a task travels to another process.
enum class TaskStrategy : std::uint8_t {
  reference,  ///< payload `{module, name}`: the name of a task that is registered there too
  pickle,     ///< payload `{name, state}`: a registered callable type, and the members of one object of it
  source,     ///< payload `{interpreter, source}`: code for an interpreter
};

/// "reference", "pickle", "source".
COREMACHINE_API std::string_view to_string(TaskStrategy strategy);
COREMACHINE_API std::optional<TaskStrategy> task_strategy_from(std::string_view text);

/// A task as it travels: all that is needed to make something callable of it elsewhere.
struct COREMACHINE_API SerializedTask {
  std::string strategy;
  json::object payload = {};

  /// A task by its name; `module` is empty for what is linked in.
  static SerializedTask reference(std::string_view name, std::string_view module = {});
  static SerializedTask pickle(std::string_view name, json::object state);
  /// Runs only where the interpreter is allowed. It gets the params as JSON on its standard input, and what it prints
  /// is the result, as JSON.
  static SerializedTask source(std::string_view interpreter, std::string_view source);

  friend bool operator==(const SerializedTask&, const SerializedTask&) = default;
};

/// What is wrong with it wherever it goes (unresolvable): a strategy that there is not, by name; a payload that is not
/// the one of its strategy, member by member. Nothing: some resolver may make a task of it.
COREMACHINE_API std::optional<Error> fault_of(const SerializedTask& task);

/// `{"strategy": …, "payload": {…}}`.
COREMACHINE_API json::object to_json(const SerializedTask& task);
/// Fails (unresolvable) as `fault_of` does, and where there is no such object.
COREMACHINE_API Result<SerializedTask> serialized_task_from(const json::value& json);

}  // namespace coremachine
