#include <coremachine/resolve/source_runner.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include <unistd.h>

#include "core/model/json_text.hpp"
#include "core/model/suggest.hpp"
#include "core/resolve/process.hpp"

namespace coremachine {
namespace {

namespace fs = std::filesystem;

Error refused(std::string message) {
  return Error{ErrorCode::invalid_argument, std::move(message)};
}

bool can_run(const std::string& path) {
  std::error_code none;
  return fs::is_regular_file(path, none) && ::access(path.c_str(), X_OK) == 0;
}

std::optional<std::string> find_in_path(std::string_view name) {
  const char* said = std::getenv("PATH");
  std::string_view folders = said ? said : "/usr/local/bin:/usr/bin:/bin";
  for (std::size_t at = 0; at <= folders.size();) {
    const auto end = std::min(folders.find(':', at), folders.size());
    const auto folder = folders.substr(at, end - at);
    // An empty or relative folder would mean another program with every change of the working directory.
    auto path = std::string(folder) + "/" + std::string(name);
    if (folder.starts_with('/') && can_run(path)) return path;
    at = end + 1;
  }
  return std::nullopt;
}

bool is_interpreter_name(std::string_view name) {
  return is_valid_name(name) && !name.starts_with('-');
}

/// By which of its flags an interpreter takes a program from its arguments.
const char* flag_of(std::string_view interpreter) {
  constexpr std::array<std::string_view, 5> with_e{"node", "nodejs", "perl", "ruby", "lua"};
  const bool has_e =
      std::any_of(with_e.begin(), with_e.end(), [&](std::string_view name) { return interpreter.starts_with(name); });
  return has_e ? "-e" : "-c";
}

std::vector<std::string> environment_of(const TaskContext& context) {
  return {"PATH=/usr/local/bin:/usr/bin:/bin",
          "HOME=/",
          "LANG=C.UTF-8",
          "TMPDIR=/tmp",
          "PYTHONDONTWRITEBYTECODE=1",
          "COREMACHINE_JOB_ID=" + context.job_id().str(),
          "COREMACHINE_TASK_INDEX=" + std::to_string(context.index()),
          "COREMACHINE_ATTEMPT=" + std::to_string(context.attempt()),
          "COREMACHINE_IDEMPOTENCY_KEY=" + context.idempotency_key()};
}

TaskResult failure(const char* type, std::string message, const resolve::ProcessEnd& end,
                   TaskFailure::Kind kind = TaskFailure::Kind::retry) {
  if (!end.complaint.empty()) message += "; the end of its standard error:\n" + end.complaint;
  return TaskFailure{.type = type, .message = std::move(message), .kind = kind};
}

TaskResult result_of(const std::string& name, const resolve::ProcessEnd& end) {
  const auto blank = end.output.find_first_not_of(" \t\r\n") == std::string::npos;
  if (blank) return json::value();
  auto value = parse_strict(end.output);
  if (value) return std::move(*value);
  return failure("invalid_output", "what " + name + " printed is no JSON: " + value.error().message, end,
                 TaskFailure::Kind::permanent);
}

TaskFailure never(std::string why) {
  return {.type = "unresolvable", .message = std::move(why), .kind = TaskFailure::Kind::dead};
}

TaskResult outcome_of(const std::string& name, const resolve::ProcessPlan& plan, const resolve::ProcessEnd& end) {
  switch (end.kind) {
    using enum resolve::ProcessEnd::Kind;
    case not_started: return failure("not_started", plan.path + " cannot be started: " + std::strerror(end.code), end);
    case exited:
      if (end.code == 0) return result_of(name, end);
      return failure("exit_status", name + " ended with status " + std::to_string(end.code), end);
    case signalled:
      return failure("signal",
                     name + " was ended by signal " + std::to_string(end.code) + " (" + ::strsignal(end.code) + ")",
                     end);
    case too_late: return failure("timeout", name + " was ended: its time was up", end);
    case unwanted: return failure("cancelled", name + " was ended: nobody wants its result any more", end);
    case too_much:
      return failure("too_much_output",
                     name + " was ended: it printed more than " + std::to_string(plan.output) + " bytes", end,
                     TaskFailure::Kind::permanent);
    case lost: return failure("lost", "the exit status of " + name + " was taken by other code of this process", end);
  }
  return TaskResult();
}

}  // namespace

Result<SourceRunner> SourceRunner::allow(const std::vector<std::string>& interpreters, SourceLimits limits) {
  SourceRunner runner;
  runner.limits_ = limits;
  for (const auto& said : interpreters) {
    const auto equals = std::min(said.find('='), said.size());
    const auto name = said.substr(0, equals);
    if (!is_interpreter_name(name)) {
      return refused("the interpreter " + quoted_name(said) + " should be NAME or NAME=/ABSOLUTE/PATH, as python3");
    }
    std::string path;
    if (equals < said.size()) {
      path = said.substr(equals + 1);
      if (!path.starts_with('/')) {
        return refused("the interpreter " + quoted_name(said) + " should have an absolute path");
      }
      if (!can_run(path)) return refused("the interpreter " + quoted_name(path) + " is no program that can be run");
    } else if (auto found = find_in_path(name)) {
      path = std::move(*found);
    } else {
      return refused("the interpreter " + quoted_name(name) + " is in no folder of PATH; " + name +
                     "=/ABSOLUTE/PATH says where it is");
    }
    if (!runner.paths_.emplace(name, std::move(path)).second) {
      return refused("the interpreter " + quoted_name(name) + " is allowed twice");
    }
  }
  return runner;
}

std::vector<std::string> SourceRunner::allowed() const {
  std::vector<std::string> names;
  for (const auto& [name, path] : paths_) names.push_back(name);
  return names;
}

TaskResult SourceRunner::run(std::string_view interpreter, std::string_view source, const json::object& params,
                             TaskContext& context) const {
  const auto found = paths_.find(interpreter);
  const std::string name(interpreter);
  if (found == paths_.end()) return never("the interpreter " + quoted_name(name) + " is not allowed");
  // The kernel takes no longer argument.
  constexpr std::size_t longest_source = 128 * 1024 - 1;
  if (source.size() > longest_source || source.find('\0') != std::string_view::npos) {
    return never("source may have at most 131071 bytes, and none that is 0");
  }
  resolve::ProcessPlan plan{.path = found->second,
                            .arguments = {name, flag_of(name), std::string(source)},
                            .environment = environment_of(context)};
  if (const auto fault = append_json(plan.input, params)) return never("the params are not valid JSON: " + *fault);
  const auto began = std::chrono::steady_clock::now();
  plan.memory = limits_.memory;
  plan.output = limits_.output;
  plan.grace = limits_.grace;
  plan.deadline = began + limits_.time;
  if (context.deadline()) plan.deadline = std::min(plan.deadline, *context.deadline());
  auto told = began;
  plan.wanted = [&] {
    const auto now = std::chrono::steady_clock::now();
    if (now - told >= std::chrono::seconds{1}) {
      told = now;
      context.heartbeat();
    }
    return !context.cancelled();
  };
  return outcome_of(name, plan, resolve::run_process(plan));
}

}  // namespace coremachine
