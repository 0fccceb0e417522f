#pragma once

#include <memory>
#include <string>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/system_executor.hpp>

#include <coremachine/runtime/core_machine.hpp>

namespace coremachine {

namespace detail {

/// Takes a completion handler to its own executor, once.
template <class Value, class Handler>
auto deliver(Handler handler) {
  auto executor = boost::asio::get_associated_executor(handler, boost::asio::system_executor());
  auto work = boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
  auto shared = std::make_shared<Handler>(std::move(handler));
  return [work, shared](Result<Value> result) {
    boost::asio::post(work, [shared, result = std::move(result)]() mutable { std::move (*shared)(std::move(result)); });
  };
}

}  // namespace detail

/// As CoreMachine::submit, for any completion token: `auto id = co_await async_submit(machine, …, use_awaitable)`.
/// g++ 12 corrupts memory where an argument in braces stands inside a co_await: give the options a name before.
template <class Token>
auto async_submit(CoreMachine& machine, std::string job_type, json::object params, SubmitOptions options,
                  Token&& token) {
  return boost::asio::async_initiate<Token, void(Result<JobId>)>(
      [&machine](auto handler, std::string type, json::object with, SubmitOptions how) {
        machine.submit_then(type, std::move(with), std::move(how), detail::deliver<JobId>(std::move(handler)));
      },
      token, std::move(job_type), std::move(params), std::move(options));
}

/// As CoreMachine::run, for any completion token; holds no thread.
template <class Token>
auto async_run(CoreMachine& machine, std::string job_type, json::object params, SubmitOptions options, Token&& token) {
  return boost::asio::async_initiate<Token, void(Result<JobView>)>(
      [&machine](auto handler, std::string type, json::object with, SubmitOptions how) {
        machine.run_then(type, std::move(with), std::move(how), detail::deliver<JobView>(std::move(handler)));
      },
      token, std::move(job_type), std::move(params), std::move(options));
}

/// As CoreMachine::wait, for any completion token; holds no thread.
template <class Token>
auto async_wait(CoreMachine& machine, JobId job, Token&& token) {
  return boost::asio::async_initiate<Token, void(Result<JobView>)>(
      [&machine](auto handler, JobId id) { machine.wait_then(id, detail::deliver<JobView>(std::move(handler))); },
      token, job);
}

}  // namespace coremachine
