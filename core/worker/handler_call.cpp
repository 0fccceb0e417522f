#include "core/worker/handler_call.hpp"

#include <algorithm>
#include <typeinfo>
#include <utility>

#include <boost/core/demangle.hpp>

#include "core/model/json_text.hpp"

namespace coremachine::worker {
namespace {

constexpr std::string_view json_type = "application/json";
/// More than this is never read into memory as one value.
constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30U;

/// What went wrong with an artifact; nothing for what else a handler may have met. No further attempt finds what is
/// missing or damaged.
std::optional<TaskFailure> failure_of_artifact(const Error& error) {
  using enum ErrorCode;
  const bool is_final = error.code == store_damaged || error.code == store_missing;
  if (!is_final && error.code != store_full && error.code != store_failed) return std::nullopt;
  return TaskFailure{.type = std::string(to_string(error.code)),
                     .message = error.message,
                     .kind = is_final ? TaskFailure::Kind::permanent : TaskFailure::Kind::retry};
}

TaskFailure failure_of(const Failure& thrown) {
  if (auto failure = failure_of_artifact(thrown.error())) return std::move(*failure);
  return {.type = boost::core::demangle(typeid(thrown).name()), .message = thrown.what()};
}

/// What earlier attempts had come to is of use, and no more.
std::optional<json::value> read_progress(const std::string& text) {
  try {
    return text.empty() ? std::nullopt : std::optional(parse_stored(text));
  } catch (const Failure&) {
    return std::nullopt;
  }
}

TaskFailure broken_contract(std::string message) {
  return {.type = "handler_contract", .message = std::move(message), .kind = TaskFailure::Kind::permanent};
}

/// The text of a value as an artifact. Throws Failure (handler_contract): it is no JSON.
json::object store_text(WorkerArtifacts& store, const json::value& value) {
  const auto writer = store.begin(json_type);
  const bool done = write_json(value, [&](std::string_view piece) {
    writer->write(piece);
    return true;
  });
  if (!done) {
    throw Failure(
        Error{ErrorCode::handler_contract, "the value is not valid JSON: " + fault_of_json(value).value_or("")});
  }
  return writer->finish();
}

std::string read_all(ArtifactContent& content) {
  if (content.size() > most_bytes) {
    throw Failure(Error{ErrorCode::invalid_argument, "the artifact " + content.info().id.str() + " has " +
                                                         std::to_string(content.size()) +
                                                         " bytes, too many for a value"});
  }
  std::string text(static_cast<std::size_t>(content.size()), '\0');
  std::size_t at = 0;
  while (at < text.size()) {
    const auto got = content.read(at, text.data() + at, text.size() - at);
    if (got == 0) {
      throw Failure(
          Error{ErrorCode::store_damaged, "the artifact " + content.info().id.str() + " is shorter than it was"});
    }
    at += got;
  }
  return text;
}

/// A text of a handler, as JSON can say it.
std::string sound(std::string text) {
  return fault_of_json(json::value(json::string_view(text))) ? "the error's own text is not valid UTF-8" : text;
}

}  // namespace

// ---- artifacts ----

WorkerArtifacts& RemoteArtifacts::store() const {
  if (store_) return *store_;
  throw Failure(Error{ErrorCode::invalid_argument, "this worker was not told where the artifact store is"});
}

json::object RemoteArtifacts::keep(const json::value& value) {
  return store_text(store(), value);
}

std::unique_ptr<NewArtifact> RemoteArtifacts::begin(std::string_view media_type) {
  return store().begin(media_type);
}

std::unique_ptr<ArtifactContent> RemoteArtifacts::open(const ArtifactId& id) {
  return store().open(id);
}

json::value RemoteArtifacts::load(const ArtifactReference& reference) {
  return parse_stored(read_all(*store().open(reference.id)));
}

std::shared_ptr<OutputRecords> RemoteArtifacts::output(std::uint32_t, std::string_view name) {
  throw Failure(Error{ErrorCode::invalid_argument,
                      "the output \"" + std::string(name) +
                          "\" is written by tasks that run in the process of the machine alone; return what this task "
                          "would add to it, or a reference to an artifact"});
}

json::object RemoteArtifacts::seal(std::uint32_t round, std::string_view name) {
  output(round, name);
  return {};
}

// ---- one call ----

HandlerCall::HandlerCall(std::shared_ptr<Attempt> attempt, const HandlerWorld& world)
    : attempt_(std::move(attempt)),
      world_(world),
      earlier_(read_progress(attempt_->task().progress)),
      artifacts_(world.artifacts),
      context_(about(*attempt_, world, attempt_.get(), earlier_ ? &*earlier_ : nullptr, &artifacts_)) {}

TaskContext::State HandlerCall::about(const Attempt& attempt, const HandlerWorld& world, Attempt* beats,
                                      const json::value* progress, Artifacts* artifacts) {
  const auto& errand = attempt.errand();
  TaskContext::State about;
  about.job_id = errand.job;
  about.stage = errand.stage;
  about.round = errand.round;
  about.defined_in = errand.defined_in;
  about.index = attempt.task().index;
  about.attempt = attempt.task().attempt;
  about.task_type = &errand.task_type;
  about.deadline = attempt.deadline();
  about.cancelled = &attempt.cancelled();
  about.services = world.services;
  about.heartbeats = beats;
  about.progress = progress;
  about.log = world.log;
  about.worker = world.worker;
  about.traceparent = errand.traceparent;
  about.artifacts = artifacts;
  return about;
}

bool HandlerCall::read_params(IfLarge if_large) {
  auto value = parse_stored(attempt_->task().params);
  if (const auto reference = parse_automatic_reference(value)) {
    if (if_large == IfLarge::leave) return false;
    value = artifacts_.load(*reference);
  }
  if (!value.is_object()) throw Failure(Error{ErrorCode::store_damaged, "the params are not an object"});
  params_ = std::move(value.get_object());
  return true;
}

RemoteOutcome HandlerCall::completed(std::string result) const {
  auto outcome = outcome_of(*attempt_, RemoteOutcome::Kind::completed);
  outcome.result = std::move(result);
  return outcome;
}

std::optional<RemoteOutcome> HandlerCall::outcome(const TaskResult& result, IfLarge if_large) {
  if (!result.ok()) {
    auto failure = result.failure();
    failure.type = sound(std::move(failure.type));
    failure.message = sound(std::move(failure.message));
    return failed(*attempt_, std::move(failure));
  }
  std::string text;
  switch (append_json_within(text, result.value(), world_.large_value)) {
    case Appended::done: return completed(std::move(text));
    case Appended::not_json:
      return failed(*attempt_,
                    broken_contract("the result is not valid JSON: " + fault_of_json(result.value()).value_or("")));
    case Appended::too_long: break;
  }
  if (if_large == IfLarge::leave) return std::nullopt;
  try {
    auto reference = artifacts_.keep(result.value());
    reference["automatic"] = true;
    append_json(text, reference);
    return completed(std::move(text));
  } catch (const Failure& failure) {
    auto why = failure_of(failure);
    why.message = "the result cannot be kept: " + why.message;
    return failed(*attempt_, std::move(why));
  }
}

RemoteOutcome HandlerCall::raised(const std::exception_ptr& error) {
  TaskFailure failure;
  try {
    std::rethrow_exception(error);
  } catch (const TaskFailure& thrown) {
    failure = thrown;
  } catch (const Failure& thrown) {
    failure = failure_of(thrown);
  } catch (const std::exception& thrown) {
    failure = {.type = boost::core::demangle(typeid(thrown).name()), .message = thrown.what()};
  } catch (...) {
    failure = {.type = "unknown", .message = "the handler threw something that is not an exception"};
  }
  return *outcome(TaskResult(std::move(failure)));
}

RemoteOutcome HandlerCall::run(const TaskFunction& function) {
  try {
    read_params(IfLarge::fetch);
    return *outcome(function(params_, context_));
  } catch (...) {
    return raised(std::current_exception());
  }
}

}  // namespace coremachine::worker
