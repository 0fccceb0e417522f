#include <coremachine/resolve/executable.hpp>

#include <stdexcept>

#include <boost/assert.hpp>

#include "core/registry/task_callable.hpp"

namespace coremachine {

Executable::Executable(CallableIdentity identity, std::shared_ptr<const void> object, TaskFunction function)
    : callable_(std::make_shared<const TaskCallable>(TaskCallable{std::move(function), nullptr})),
      identity_(identity),
      object_(std::move(object)) {}

Executable::Executable(std::shared_ptr<const TaskCallable> callable, SerializedTask origin)
    : callable_(std::move(callable)), origin_(std::move(origin)) {
  BOOST_ASSERT_MSG(callable_, "an executable can be called");
}

Executable::Executable(TaskFunction function, SerializedTask origin)
    : Executable(std::make_shared<const TaskCallable>(TaskCallable{std::move(function), nullptr}), std::move(origin)) {}

bool Executable::is_coroutine() const {
  return callable_->coroutine != nullptr;
}

const TaskFunction& Executable::function() const {
  return callable_->function;
}

TaskResult Executable::operator()(const json::object& params, TaskContext& context) const {
  if (is_coroutine()) throw std::logic_error("a coroutine task is run by a machine or a worker, not called");
  return callable_->function(params, context);
}

}  // namespace coremachine
