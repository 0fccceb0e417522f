#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <coremachine/registry/task_handler.hpp>
#include <coremachine/worker/transport.hpp>

#include "core/registry/task_callable.hpp"
#include "core/worker/attempt.hpp"

namespace coremachine::worker {

/// What the handlers of a worker have besides their params. Outlives all calls.
struct HandlerWorld {
  const Services* services = nullptr;
  Logger* log = nullptr;
  std::string_view worker = {};
  WorkerArtifacts* artifacts = nullptr;             ///< null: there is no way to the artifact store
  std::size_t large_value = std::size_t{1} << 20U;  ///< bytes of a result; what has more is stored, and referred to
};

/// The artifact store of the machine, as the call of one handler sees it.
class RemoteArtifacts final : public Artifacts {
 public:
  explicit RemoteArtifacts(WorkerArtifacts* store) : store_(store) {}

  json::object keep(const json::value& value) override;
  std::unique_ptr<NewArtifact> begin(std::string_view media_type) override;
  std::unique_ptr<ArtifactContent> open(const ArtifactId& id) override;
  json::value load(const ArtifactReference& reference) override;
  std::shared_ptr<OutputRecords> output(std::uint32_t round, std::string_view name) override;
  json::object seal(std::uint32_t round, std::string_view name) override;

 private:
  WorkerArtifacts& store() const;
  WorkerArtifacts* store_;
};

/// All that one call of a handler is given; lives as long as the call.
class HandlerCall {
 public:
  HandlerCall(std::shared_ptr<Attempt> attempt, const HandlerWorld& world);
  HandlerCall(const HandlerCall&) = delete;
  HandlerCall& operator=(const HandlerCall&) = delete;

  Attempt& attempt() const { return *attempt_; }
  const std::shared_ptr<Attempt>& shared_attempt() const { return attempt_; }
  const json::object& params() const { return params_; }
  TaskContext& context() { return context_; }

  /// Reads the params, and fetches them if they are an artifact. What is thrown is the outcome (`outcome_of_current`).
  /// False: they are an artifact, and were not fetched because that may take long.
  enum class IfLarge : std::uint8_t { fetch, leave };
  bool read_params(IfLarge if_large);
  /// What the attempt came to; a large result is stored. With `leave` nothing comes back where that would be due.
  std::optional<RemoteOutcome> outcome(const TaskResult& result, IfLarge if_large = IfLarge::fetch);
  /// The outcome of an attempt whose handler threw this.
  RemoteOutcome raised(const std::exception_ptr& error);

  /// Calls a handler that holds its thread; never throws.
  RemoteOutcome run(const TaskFunction& function);

 private:
  static TaskContext::State about(const Attempt& attempt, const HandlerWorld& world, Attempt* beats,
                                  const json::value* progress, Artifacts* artifacts);
  RemoteOutcome completed(std::string result) const;

  const std::shared_ptr<Attempt> attempt_;
  const HandlerWorld& world_;
  json::object params_ = {};
  std::optional<json::value> earlier_;
  RemoteArtifacts artifacts_;
  TaskContext context_;
};

}  // namespace coremachine::worker
