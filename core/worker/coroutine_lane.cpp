#include "core/worker/coroutine_lane.hpp"

#include <map>
#include <optional>
#include <thread>
#include <utility>

#include <pthread.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace coremachine::worker {

namespace asio = boost::asio;

namespace {

struct Running {
  Running(std::shared_ptr<Attempt> attempt, const HandlerWorld& world) : call(std::move(attempt), world) {}
  HandlerCall call;
  asio::cancellation_signal cancel = {};
};

asio::awaitable<TaskResult> call(std::shared_ptr<Running> running, std::shared_ptr<const CoroutineHandler> handler) {
  auto begun = handler->function(running->call.params(), running->call.context());
  auto result = co_await std::move(begun);
  co_return result;
}

}  // namespace

struct CoroutineLane::State {
  State(const HandlerWorld& of, Ended then) : world(of), ended(std::move(then)) {}

  const HandlerWorld& world;
  const Ended ended;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::map<const Attempt*, std::shared_ptr<Running>> running = {};
  asio::thread_pool blocking{1};
  std::thread thread = {};

  /// What takes long does so on a thread of its own; `then` goes on here.
  void aside(std::function<void()> work, std::function<void()> then) {
    asio::post(blocking, [this, work = std::move(work), then = std::move(then)] {
      work();
      asio::post(context, then);
    });
  }

  void start(std::shared_ptr<Attempt> attempt, const std::shared_ptr<const CoroutineHandler>& handler) {
    const auto* key = attempt.get();
    const auto task = std::make_shared<Running>(std::move(attempt), world);
    running.emplace(key, task);
    try {
      if (task->call.read_params(HandlerCall::IfLarge::leave)) return spawn(task, handler);
    } catch (...) {
      return tell(task, task->call.raised(std::current_exception()));
    }
    const auto trouble = std::make_shared<std::optional<RemoteOutcome>>();
    const auto fetch = [task, trouble] {
      try {
        task->call.read_params(HandlerCall::IfLarge::fetch);
      } catch (...) {
        *trouble = task->call.raised(std::current_exception());
      }
    };
    aside(fetch, [this, task, handler, trouble] {
      if (*trouble) {
        tell(task, std::move(**trouble));
      } else {
        spawn(task, handler);
      }
    });
  }

  void spawn(const std::shared_ptr<Running>& task, const std::shared_ptr<const CoroutineHandler>& handler) {
    auto done = [this, task](std::exception_ptr error, TaskResult result) { finish(task, error, std::move(result)); };
    auto bound = asio::bind_cancellation_slot(task->cancel.slot(), std::move(done));
    asio::co_spawn(context, call(task, handler), std::move(bound));
  }

  void finish(const std::shared_ptr<Running>& task, const std::exception_ptr& error, TaskResult result) {
    const auto& attempt = task->call.attempt();
    if (error && attempt.deadline() && Clock::now() >= *attempt.deadline()) {
      result = TaskFailure{"timeout", "the attempt took longer than its timeout of " +
                                          std::to_string(attempt.errand().timeout.count()) + " ms"};
    } else if (error) {
      return tell(task, task->call.raised(error));
    }
    if (auto outcome = task->call.outcome(result, HandlerCall::IfLarge::leave)) return tell(task, std::move(*outcome));
    const auto kept = std::make_shared<const TaskResult>(std::move(result));
    const auto outcome = std::make_shared<RemoteOutcome>();
    aside([task, kept, outcome] { *outcome = *task->call.outcome(*kept); },
          [this, task, outcome] { tell(task, std::move(*outcome)); });
  }

  void tell(const std::shared_ptr<Running>& task, RemoteOutcome outcome) {
    const auto at = running.find(&task->call.attempt());
    if (at == running.end()) return;
    running.erase(at);
    ended(task->call.shared_attempt(), std::move(outcome));
  }
};

CoroutineLane::CoroutineLane(const HandlerWorld& world, Ended ended)
    : state_(std::make_unique<State>(world, std::move(ended))) {
  state_->thread = std::thread([state = state_.get()] {
    ::pthread_setname_np(::pthread_self(), "cm-coroutines");
    state->context.run();
  });
}

CoroutineLane::~CoroutineLane() {
  stop();
}

void CoroutineLane::start(std::shared_ptr<Attempt> attempt, std::shared_ptr<const CoroutineHandler> handler) {
  asio::post(state_->context, [state = state_.get(), attempt = std::move(attempt), handler = std::move(handler)] {
    state->start(attempt, handler);
  });
}

void CoroutineLane::cancel(const std::shared_ptr<Attempt>& attempt) {
  asio::post(state_->context, [state = state_.get(), attempt] {
    const auto at = state->running.find(attempt.get());
    if (at == state->running.end()) return;
    const auto task = at->second;
    task->cancel.emit(asio::cancellation_type::all);
  });
}

void CoroutineLane::stop() {
  if (!state_->thread.joinable()) return;
  state_->guard.reset();
  state_->context.stop();
  state_->thread.join();
  state_->blocking.join();
}

}  // namespace coremachine::worker
