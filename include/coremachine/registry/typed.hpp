#pragma once

#include <coroutine>
#include <type_traits>
#include <utility>

#include <coremachine/params/params.hpp>
#include <coremachine/registry/job_handler.hpp>
#include <coremachine/registry/job_registry.hpp>
#include <coremachine/registry/task_handler.hpp>
#include <coremachine/registry/task_registry.hpp>

// Handlers whose params are a struct; see params/params.hpp for what it may be.
//
//   struct Resize : TypedJobHandler<ResizeParams> { … params(context).width … };
//   COREMACHINE_JOB("resize", Resize);
//
//   TaskResult resize_one(const ResizeParams& params, TaskContext& context);
//   COREMACHINE_TASK("resize_one", resize_one);
//
// Their schema and their validator are in the registry. A machine refuses a submission whose params do not fit.

namespace coremachine {

namespace params::detail {

/// Fills what the author of a handler left empty, in JobInfo or TaskInfo.
template <class P, class Info>
void describe(Info& info) {
  if (info.params_schema.empty()) info.params_schema = schema<P>();
  if (!info.validate_params) info.validate_params = validator<P>();
}

/// The type of the first parameter of something that can be called in one way.
template <class F>
struct FirstParameter;
template <class F>
requires requires {
  &F::operator();
}
struct FirstParameter<F> : FirstParameter<decltype(&F::operator())> {};
template <class R, class P, class... Rest, bool n>
struct FirstParameter<R (*)(P, Rest...) noexcept(n)> : std::type_identity<std::remove_cvref_t<P>> {};
template <class R, class C, class P, class... Rest, bool n>
struct FirstParameter<R (C::*)(P, Rest...) noexcept(n)> : std::type_identity<std::remove_cvref_t<P>> {};
template <class R, class C, class P, class... Rest, bool n>
struct FirstParameter<R (C::*)(P, Rest...) const noexcept(n)> : std::type_identity<std::remove_cvref_t<P>> {};

}  // namespace params::detail

/// A job handler whose params are a P. The machine has checked them when the job was submitted.
template <class P>
struct TypedJobHandler : JobHandler {
  static_assert(params::Params<P>,
                "the params of a handler are a default-constructible struct with BOOST_DESCRIBE_STRUCT");
  using Params = P;

  static void describe_params(JobInfo& info) { params::detail::describe<P>(info); }

  /// Throws Failure (invalid_params) if the stored params do not fit: they may be of an earlier version of P.
  static P params(const JobContext& context) { return params::parse<P>(context.job_params()).value(); }
};

/// Why a task does not run with these params; no further attempt would help.
inline TaskFailure unfit_params(const Error& error) {
  return {
      .type = "invalid_params", .message = params::describe_faults(error.faults), .kind = TaskFailure::Kind::permanent};
}

/// A task handler of JSON, made of one that is called with (const P&, TaskContext&) or with a P alone. Params that do
/// not fit are a permanent failure of the type invalid_params, whose message has the faults.
template <class P, class F>
class TypedTask {
  static_assert(params::Params<P>,
                "the params of a handler are a default-constructible struct with BOOST_DESCRIBE_STRUCT");
  static constexpr bool takes_context = std::is_invocable_v<F&, const P&, TaskContext&>;
  static_assert(takes_context || std::is_invocable_v<F&, const P&>,
                "a task handler is called with (const P& params, TaskContext& context) or with the params alone");

  static auto call(F& handler, const P& params, TaskContext& context) {
    if constexpr (takes_context) {
      return handler(params, context);
    } else {
      return handler(params);
    }
  }
  using Returned = decltype(call(std::declval<F&>(), std::declval<const P&>(), std::declval<TaskContext&>()));
  static constexpr bool is_coroutine = !std::is_convertible_v<Returned, TaskResult>;
  using Result = std::conditional_t<is_coroutine, Returned, TaskResult>;

 public:
  explicit TypedTask(F handler) : handler_(std::move(handler)) {}

  static void describe_params(TaskInfo& info) { params::detail::describe<P>(info); }

  Result operator()(const json::object& params, TaskContext& context) {
    if constexpr (is_coroutine) {
      return await(handler_, params, context);
    } else {
      const auto parsed = params::parse<P>(params);
      if (!parsed) return unfit_params(parsed.error());
      return call(handler_, *parsed, context);
    }
  }

 private:
  /// The struct lives as long as the coroutine; the handler, in the registry, longer.
  static Result await(F& handler, const json::object& params, TaskContext& context) {
    const auto parsed = params::parse<P>(params);
    if (!parsed) co_return TaskResult(unfit_params(parsed.error()));
    co_return co_await call(handler, *parsed, context);
  }

  F handler_;
};

/// For a handler that can be called in several ways, as one with an `auto` parameter: `typed<ResizeParams>(handler)`.
template <class P, class F>
TypedTask<P, F> typed(F handler) {
  return TypedTask<P, F>(std::move(handler));
}

template <class F>
struct TypedHandler {
  static auto make(F handler) {
    static_assert(
        requires { typename params::detail::FirstParameter<F>::type; },
        "which params the task handler takes cannot be seen: register typed<Params>(handler)");
    return typed<typename params::detail::FirstParameter<F>::type>(std::move(handler));
  }
};

}  // namespace coremachine
