#include "core/runtime/io_thread.hpp"

#include <atomic>
#include <thread>
#include <typeinfo>
#include <unordered_map>
#include <utility>

#include <pthread.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/core/demangle.hpp>
#include <boost/json/parse.hpp>

#include "core/model/json_text.hpp"

namespace coremachine::runtime {

namespace asio = boost::asio;

namespace {

/// What a coroutine says of itself while it runs: the next attempt finds it.
struct LastWord final : Heartbeats {
  Text latest = {};
  void beat(const json::value& progress) override {
    std::string text;
    if (!progress.is_null() && !append_json(text, progress)) latest = make_text(std::move(text));
  }
};

/// One coroutine task: its arguments and context live as long as it runs.
struct CoroutineTask {
  std::shared_ptr<SliceState> slice;
  std::uint32_t position = 0;
  json::object params;
  std::optional<HandlerArtifacts> artifacts = {};
  std::optional<TaskContext> context;
  RunningRecord::Slot* slot = nullptr;
  Timestamp started{};
  asio::cancellation_signal cancel;
  std::optional<asio::steady_timer> timer = {};  ///< of its timeout
  LastWord last_word = {};
  std::optional<json::value> earlier = {};
};

}  // namespace

struct IoThread::State {
  explicit State(Hooks with) : hooks(std::move(with)) {}

  Hooks hooks;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  asio::steady_timer timer{context};
  std::optional<Timestamp> armed = {};
  std::unordered_multimap<machine::SliceId, std::shared_ptr<CoroutineTask>> tasks = {};
  std::atomic<std::size_t> in_flight{0};
  std::optional<asio::thread_pool> blocking = {};
  std::thread thread = {};

  void arm(Timestamp at) {
    if (armed && *armed <= at) return;
    armed = at;
    timer.expires_after(std::max(Milliseconds{0}, at - hooks.clock()));
    timer.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      armed.reset();
      hooks.post(TickInput{true});
    });
  }

  void start(const std::shared_ptr<SliceState>& slice, const std::shared_ptr<const CoroutineHandler>& handler) {
    const auto& work = slice->work();
    Text text;
    std::string trouble;
    try {
      text = hooks.slices->definitions(work);
    } catch (const std::exception& error) {
      trouble = error.what();
    }
    const auto ends = text ? element_ends(*text) : std::vector<std::uint32_t>{};
    slice->note_began(std::chrono::steady_clock::now());
    while (const auto position = slice->claim()) {
      auto task = std::make_shared<CoroutineTask>();
      task->slice = slice;
      task->position = *position;
      task->started = hooks.clock();
      if (!text) {
        finish(task, TaskResult(TaskFailure{"store", trouble}));
        continue;
      }
      const auto offset = work.slice.offset_at(*position);
      const std::size_t begin = offset == 0 ? 1 : ends.at(offset - 1) + 1;
      task->params = parse_stored(std::string_view(*text).substr(begin, ends.at(offset) - begin)).as_object();
      auto about = hooks.slices->about(work);
      about.index = TaskIndex{work.slice.chunk} * chunk_size + offset;
      about.attempt = work.slice.attempt_at(*position);
      if (work.spec.timeout.count() > 0) about.deadline = std::chrono::steady_clock::now() + work.spec.timeout;
      about.cancelled = &slice->cancelled();
      for (const auto& [of, said] : work.slice.progress) {
        if (of == offset) task->earlier = parse_stored(*said);
      }
      about.heartbeats = &task->last_word;
      task->artifacts.emplace(hooks.slices->large(), about.job_id);
      about.artifacts = &*task->artifacts;
      about.progress = task->earlier ? &*task->earlier : nullptr;
      task->context.emplace(about);
      task->slot = hooks.record->acquire();
      task->slot->at(about.index);
      task->slot->note(about.job_id, about.round, false, work.alone);
      tasks.emplace(work.id, task);
      if (const auto reference = parse_automatic_reference(task->params)) {
        load_params(task, *reference, handler);
      } else {
        spawn(task, handler);
      }
    }
  }

  /// What waits for the disk does so on a thread of its own; `then` goes on here.
  void aside(std::function<void()> work, std::function<void()> then) {
    if (!blocking) blocking.emplace(1);
    asio::post(*blocking, [this, work = std::move(work), then = std::move(then)] {
      work();
      asio::post(context, then);
    });
  }

  void load_params(const std::shared_ptr<CoroutineTask>& task, const ArtifactReference& reference,
                   const std::shared_ptr<const CoroutineHandler>& handler) {
    auto failure = std::make_shared<std::optional<TaskFailure>>();
    const auto load = [this, task, reference, failure] {
      try {
        task->params = hooks.slices->large().load(reference).as_object();
      } catch (const ArtifactFailure& failed) {
        *failure = failure_of(failed.error());
      } catch (const std::exception& failed) {
        *failure = TaskFailure{"store", failed.what()};
      }
    };
    aside(load, [this, task, handler, failure] {
      if (*failure) {
        finish(task, TaskResult(**failure));
      } else {
        spawn(task, handler);
      }
    });
  }

  void spawn(const std::shared_ptr<CoroutineTask>& task, const std::shared_ptr<const CoroutineHandler>& handler) {
    auto done = [this, task](std::exception_ptr error, TaskResult result) {
      task->timer.reset();
      if (error) {
        result = task->context->deadline() && std::chrono::steady_clock::now() >= *task->context->deadline()
                     ? TaskResult(TaskFailure{"timeout", "the attempt took longer than its timeout of " +
                                                             std::to_string(task->slice->work().spec.timeout.count()) +
                                                             " ms"})
                     : raised(error);
      }
      finish(task, std::move(result));
    };
    const auto timeout = task->slice->work().spec.timeout;
    if (timeout.count() > 0) {
      task->timer.emplace(context, timeout);
      task->timer->async_wait([task](const boost::system::error_code& error) {
        if (!error) task->cancel.emit(asio::cancellation_type::all);
      });
    }
    auto bound = asio::bind_cancellation_slot(task->cancel.slot(), std::move(done));
    asio::co_spawn(context, call(task, handler), std::move(bound));
  }

  static asio::awaitable<TaskResult> call(std::shared_ptr<CoroutineTask> task,
                                          std::shared_ptr<const CoroutineHandler> handler) {
    auto running = handler->function(task->params, *task->context);
    auto result = co_await std::move(running);
    co_return result;
  }

  static TaskResult raised(const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const TaskFailure& failure) {
      return failure;
    } catch (const ArtifactFailure& failure) {
      return failure_of(failure.error());
    } catch (const std::exception& thrown) {
      return TaskFailure{boost::core::demangle(typeid(thrown).name()), thrown.what()};
    } catch (...) {
      return TaskFailure{"unknown", "the handler threw something that is not an exception"};
    }
  }

  void finish(const std::shared_ptr<CoroutineTask>& task, TaskResult result) {
    const auto id = task->slice->work().id;
    if (task->slot) hooks.record->release(task->slot);
    const auto [from, to] = tasks.equal_range(id);
    for (auto each = from; each != to; ++each) {
      if (each->second != task) continue;
      tasks.erase(each);
      break;
    }
    const auto& slice = task->slice->work().slice;
    ReportBuilder small(slice, hooks.worker, hooks.clock, hooks.slices->large());
    if (small.finished(task->position, result, ReportBuilder::IfLarge::refuse)) return tell(task, small);
    const auto large = std::make_shared<ReportBuilder>(slice, hooks.worker, hooks.clock, hooks.slices->large());
    const auto kept = std::make_shared<const TaskResult>(std::move(result));
    aside([task, large, kept] { large->finished(task->position, *kept); }, [this, task, large] { tell(task, *large); });
  }

  void tell(const std::shared_ptr<CoroutineTask>& task, ReportBuilder& builder) {
    const auto id = task->slice->work().id;
    if (task->last_word.latest)
      builder.failed_at(task->slice->work().slice.offset_at(task->position), task->last_word.latest);
    if (task->artifacts && task->artifacts->used()) builder.hold(task->artifacts->take());
    --in_flight;
    const bool last = task->slice->one_done();
    auto report = builder.take();
    report.started_at = task->started;
    report.finished_at = std::max(report.finished_at, task->started);
    hooks.post(SliceInput{id, std::move(report), last});
  }
};

IoThread::IoThread(Hooks hooks) : state_(std::make_unique<State>(std::move(hooks))) {
  state_->thread = std::thread([state = state_.get()] {
    ::pthread_setname_np(::pthread_self(), "cm-coroutines");
    state->context.run();
  });
}

IoThread::~IoThread() {
  stop();
}

void IoThread::arm(Timestamp at) {
  asio::post(state_->context, [state = state_.get(), at] { state->arm(at); });
}

void IoThread::run(std::shared_ptr<SliceState> slice, std::shared_ptr<const CoroutineHandler> handler) {
  state_->in_flight += slice->work().slice.count;
  slice->expect_all();
  slice->all_at_once = true;
  asio::post(state_->context, [state = state_.get(), slice, handler] { state->start(slice, handler); });
}

void IoThread::cancel(machine::SliceId slice) {
  asio::post(state_->context, [state = state_.get(), slice] {
    std::vector<std::shared_ptr<CoroutineTask>> running;
    const auto [from, to] = state->tasks.equal_range(slice);
    for (auto each = from; each != to; ++each) running.push_back(each->second);
    for (const auto& task : running) task->cancel.emit(asio::cancellation_type::all);
  });
}

std::size_t IoThread::in_flight() const {
  return state_->in_flight;
}

void IoThread::execute(std::function<void()> function) {
  asio::post(state_->context, std::move(function));
}

void IoThread::execute_after(Milliseconds pause, std::function<void()> function) {
  auto timer = std::make_shared<asio::steady_timer>(state_->context, pause);
  timer->async_wait([timer, call = std::move(function)](const boost::system::error_code& error) {
    if (!error) call();
  });
}

void IoThread::stop() {
  if (!state_->thread.joinable()) return;
  asio::post(state_->context, [state = state_.get()] {
    state->guard.reset();
    state->timer.cancel();
    state->context.stop();
  });
  state_->thread.join();
  if (state_->blocking) state_->blocking->join();
}

}  // namespace coremachine::runtime
