#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/export.hpp>
#include <coremachine/model/error.hpp>
#include <coremachine/model/ids.hpp>
#include <coremachine/model/time.hpp>
#include <coremachine/registry/artifacts.hpp>
#include <coremachine/registry/services.hpp>
#include <coremachine/telemetry/log.hpp>

namespace coremachine {

namespace json = boost::json;

/// How a handler says that its attempt failed, without the cost of an exception. Thrown, it means the same.
struct TaskFailure {
  enum class Kind : std::uint8_t {
    retry,      ///< try again as the retry policy says
    permanent,  ///< no further attempt would help
    dead,       ///< no program that is there can run it: the task is dead, which ends its job whatever its join
  };
  std::string type = "error";
  std::string message;
  Kind kind = Kind::retry;
  std::optional<Milliseconds> retry_after = {};  ///< in place of the policy's delay
};

/// What a task handler returns: a JSON value, or why there is none.
class TaskResult {
 public:
  // NOLINTBEGIN(google-explicit-constructor): `return {{"output", x}};` and `return TaskFailure{…};` read as meant
  TaskResult() = default;  ///< null
  TaskResult(json::value value) : state_(std::move(value)) {}
  TaskResult(json::object value) : state_(json::value(std::move(value))) {}
  TaskResult(std::initializer_list<json::value_ref> list) : state_(json::value(list)) {}
  TaskResult(TaskFailure failure) : state_(std::move(failure)) {}
  // NOLINTEND(google-explicit-constructor)

  bool ok() const { return state_.index() == 0; }
  const json::value& value() const { return std::get<0>(state_); }
  const TaskFailure& failure() const { return std::get<1>(state_); }

 private:
  std::variant<json::value, TaskFailure> state_;
};

/// Where an attempt tells that it lives, and how far it has come.
class COREMACHINE_API Heartbeats {
 public:
  virtual ~Heartbeats();
  virtual void beat(const json::value& progress) = 0;
};

/// What a handler knows of the attempt it makes. Lives as long as the attempt.
class COREMACHINE_API TaskContext : public ArtifactUser {
 public:
  struct State {
    JobId job_id;
    int stage = 0;
    std::uint32_t round = 0;
    std::uint32_t defined_in = 0;  ///< the round that defined the task; the same after a retry of the job
    TaskIndex index = 0;
    std::uint32_t attempt = 1;
    const std::string* task_type = nullptr;
    std::optional<std::chrono::steady_clock::time_point> deadline = {};
    const std::atomic<bool>* cancelled = nullptr;
    const Services* services = nullptr;
    Heartbeats* heartbeats = nullptr;
    const json::value* progress = nullptr;
    Logger* log = nullptr;
    std::string_view worker = {};
    std::string_view traceparent = {};
    Artifacts* artifacts = nullptr;
  };
  explicit TaskContext(const State& state) : ArtifactUser(state.artifacts), state_(state) {}

  JobId job_id() const { return state_.job_id; }
  int stage() const { return state_.stage; }
  std::uint32_t round() const { return state_.round; }
  TaskIndex index() const { return state_.index; }
  /// Counts every try of this task from 1; never reset.
  std::uint32_t attempt() const { return state_.attempt; }
  const std::string& task_type() const { return *state_.task_type; }
  /// The same for every attempt of one task, also after a retry of its job, and different for any other: what makes an
  /// outside effect happen once.
  std::string idempotency_key() const;

  /// The attempt is no longer wanted: its job was cancelled, or its time is up. Long work asks now and then.
  bool cancelled() const {
    return (state_.cancelled && state_.cancelled->load(std::memory_order_relaxed)) ||
           (state_.deadline && std::chrono::steady_clock::now() >= *state_.deadline);
  }
  std::optional<std::chrono::steady_clock::time_point> deadline() const { return state_.deadline; }

  /// Tells that the attempt lives, and how far it has come: the next attempt finds the last word of this one. It is
  /// kept on disk at most once a second.
  void heartbeat(const json::value& progress = nullptr) {
    if (state_.heartbeats) state_.heartbeats->beat(progress);
  }
  /// What an earlier attempt said last; null if it said nothing.
  const json::value& last_progress() const;

  /// What the machine was given under this type; throws `std::out_of_range` if it has none. A task type that says in
  /// its TaskInfo what it needs is refused at the start instead.
  template <class T>
  T& get() const {
    if (auto* found = try_get<T>()) return *found;
    throw std::out_of_range("this machine has no service of type " + service<T>().name());
  }
  template <class T>
  T* try_get() const {
    return state_.services ? state_.services->find<T>() : nullptr;
  }

  /// Whose work the job is part of, as it was submitted (W3C Trace Context): to be passed on with what is asked of
  /// others. Empty if nobody said.
  std::string_view traceparent() const { return state_.traceparent; }
  /// What this task adds to the output of its stage under this name.
  StageOutput output(std::string_view name) const;

  /// A line for the operator, with the ids of job, task and attempt.
  void log(std::string_view message) const { log(LogLevel::info, message); }
  void log(LogLevel level, std::string_view message, LogFields fields = {}) const;

 private:
  State state_;
};

/// A handler that occupies a thread while it runs.
using TaskFunction = std::function<TaskResult(const json::object& params, TaskContext& context)>;

}  // namespace coremachine
