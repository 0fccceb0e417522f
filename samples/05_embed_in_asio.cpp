// A machine inside an Asio program. Waiting for a job holds no thread here, and neither does a task that waits:
// its handler is a coroutine. One hundred tasks wait at once, and the machine has a single worker thread.
#include <coremachine/coremachine.hpp>
#include <coremachine/registry/coroutine_handler.hpp>
#include <coremachine/runtime/async.hpp>

#include <chrono>
#include <iostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

using namespace coremachine;
namespace asio = boost::asio;

struct PingAll : JobHandler {
  std::vector<TaskDefinition> create_stage_tasks(int, const JobContext& context) const override {
    const auto hosts = context.job_params().at("hosts").as_int64();
    return std::vector<TaskDefinition>(static_cast<std::size_t>(hosts), {"ping"});
  }
  json::object aggregate_stage_results(int, const StageResults& results) const override {
    return {{"answers", results.size()}, {"last", results[results.size() - 1]}};
  }
  bool should_advance_stage(int, const JobContext&) const override { return false; }
  json::object get_final_result(const JobContext& context) const override { return context.stage_result(1); }
};
COREMACHINE_JOB("ping_all", PingAll);

constexpr std::chrono::milliseconds one_answer{100};

// Runs on a thread of the machine, which goes on with others while this one is suspended.
asio::awaitable<TaskResult> ping(const json::object&, TaskContext& context) {
  asio::steady_timer answer(co_await asio::this_coro::executor, one_answer);
  co_await answer.async_wait(asio::use_awaitable);
  co_return json::value("host " + std::to_string(context.index()));
}
COREMACHINE_TASK("ping", ping);

// Runs on the program's own thread.
asio::awaitable<void> use(CoreMachine& machine) {
  json::object params{{"hosts", 100}};
  SubmitOptions options;
  options.priority = 10;
  const auto id = co_await async_submit(machine, "ping_all", params, options, asio::use_awaitable);
  std::cout << "accepted\n";

  const auto job = co_await async_wait(machine, id.value(), asio::use_awaitable);
  std::cout << to_string(job->status) << ": " << *job->result << '\n';
}

int main() {
  CoreMachine machine({.workers = 1});
  asio::io_context program;
  const auto began = std::chrono::steady_clock::now();
  asio::co_spawn(program, use(machine), asio::detached);
  program.run();
  const auto took = std::chrono::steady_clock::now() - began;
  std::cout << "waited " << (took < 100 * one_answer ? "together" : "one after another") << '\n';
}
