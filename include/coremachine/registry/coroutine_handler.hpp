#pragma once

#include <boost/asio/awaitable.hpp>

#include <coremachine/registry/task_registry.hpp>

namespace coremachine {

/// A handler that waits for I/O without holding a thread. `params` and `context` live until it is done.
/// Pass a function or a lambda without captures, or keep what it captured alive: the handler itself lives in the
/// registry, but what a coroutine takes by reference must outlive its last suspension.
using CoroutineFunction =
    std::function<boost::asio::awaitable<TaskResult>(const json::object& params, TaskContext& context)>;

struct CoroutineHandler {
  CoroutineFunction function;
};

template <class F>
void TaskRegistry::add_coroutine(std::string name, F handler, TaskInfo info, std::source_location where) {
  add_coroutine_handler(std::move(name), std::make_shared<const CoroutineHandler>(CoroutineHandler{std::move(handler)}),
                        std::move(info), where);
}

}  // namespace coremachine
