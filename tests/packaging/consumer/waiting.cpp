// A coroutine task waits for a socket and a timer of its own, on an executor that the library made: both sides must
// see one and the same Asio, thread-local state and all.
#include <coremachine/coremachine.hpp>
#include <coremachine/registry/coroutine_handler.hpp>

#include <iostream>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace asio = boost::asio;
namespace json = boost::json;

struct Waiting : coremachine::JobHandler {
  std::vector<coremachine::TaskDefinition> create_stage_tasks(int, const coremachine::JobContext&) const override {
    return std::vector<coremachine::TaskDefinition>(100, {"wait"});
  }
  json::object aggregate_stage_results(int, const coremachine::StageResults& results) const override {
    std::int64_t sum = 0;
    for (const json::value& value : results) sum += value.as_int64();
    return {{"sum", sum}};
  }
  bool should_advance_stage(int, const coremachine::JobContext&) const override { return false; }
  json::object get_final_result(const coremachine::JobContext& context) const override {
    return context.stage_result(1);
  }
};

asio::awaitable<coremachine::TaskResult> wait_for_both(const json::object&, coremachine::TaskContext& context) {
  auto executor = co_await asio::this_coro::executor;
  asio::local::stream_protocol::socket here(executor), there(executor);
  asio::local::connect_pair(here, there);
  asio::steady_timer timer(executor, std::chrono::milliseconds(1));
  co_await timer.async_wait(asio::use_awaitable);
  const char sent[] = {static_cast<char>(context.index())};
  char received[] = {0};
  auto outgoing = asio::buffer(sent);
  auto incoming = asio::buffer(received);
  // The reader waits first, so that the reactor has to wake it.
  here.non_blocking(true);
  asio::post(executor, [&there, outgoing] { asio::write(there, outgoing); });
  co_await asio::async_read(here, incoming, asio::use_awaitable);
  co_return json::value(static_cast<std::int64_t>(received[0]));
}

int main() {
  coremachine::JobRegistry jobs;
  coremachine::TaskRegistry tasks;
  jobs.add<Waiting>("waiting");
  tasks.add("wait", wait_for_both);
  coremachine::CoreMachine machine({.jobs = &jobs, .tasks = &tasks});
  std::cout << machine.run("waiting").value().result.value() << '\n';
}
