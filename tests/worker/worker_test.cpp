// A worker and a machine that loses answers, repeats itself and changes its mind.
#include <coremachine/worker/worker.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <coremachine/registry/coroutine_handler.hpp>

#include "support/fake_machine.hpp"

namespace coremachine {
namespace {

using namespace std::chrono_literals;
using test::FakeMachine;
using Call = FakeMachine::Call;
using Kind = RemoteOutcome::Kind;

/// Something that a handler waits for and a test opens.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  bool wait_for_waiting(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [&] { return waiting_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

/// A worker that runs beside the test.
class Crew {
 public:
  explicit Crew(TaskRegistry& tasks, WorkerOptions options = {}) {
    options.transport = machine;
    options.tasks = &tasks;
    if (!options.concurrency) options.concurrency = 2;
    worker = std::make_unique<Worker>(std::move(options));
    end_ = std::async(std::launch::async, [this] { return worker->run(); });
  }
  ~Crew() {
    if (end_.valid()) drain();
  }
  WorkerEnd drain() {
    worker->drain();
    return end_.get();
  }
  WorkerEnd wait() { return end_.get(); }
  const RemoteOutcome& outcome(std::uint64_t lease, TaskIndex index) {
    const auto& all = machine->outcomes[{lease, index}];
    REQUIRE(all.size() == 1);
    return all.front();
  }

  std::shared_ptr<FakeMachine> machine = std::make_shared<FakeMachine>();
  std::unique_ptr<Worker> worker;

 private:
  std::future<WorkerEnd> end_;
};

TaskResult doubled(const json::object& params) {
  return json::value(params.at("i").to_number<std::int64_t>() * 2);
}

HandOut brief(std::uint64_t lease, std::string type, std::size_t tasks) {
  auto out = FakeMachine::hand_out(lease, std::move(type), tasks);
  out.term = 30ms;
  return out;
}

/// The artifacts of a machine, in memory.
class KeptArtifacts final : public WorkerArtifacts {
 public:
  std::unique_ptr<ArtifactContent> open(const ArtifactId& id) override {
    const std::lock_guard lock(mutex_);
    const auto found = contents.find(id);
    if (found == contents.end()) throw Failure(Error{ErrorCode::store_missing, "there is no artifact " + id.str()});
    return std::make_unique<Content>(id, found->second);
  }
  std::unique_ptr<NewArtifact> begin(std::string_view) override { return std::make_unique<Writing>(*this); }

  std::map<ArtifactId, std::string> contents = {};

 private:
  class Content final : public ArtifactContent {
   public:
    Content(ArtifactId id, std::string text) : text_(std::move(text)) {
      info_.id = id;
      info_.size = text_.size();
    }
    const ArtifactInfo& info() const override { return info_; }
    std::size_t read(std::uint64_t offset, char* to, std::size_t n) override {
      return std::string_view(text_).substr(offset).copy(to, n);
    }

   private:
    std::string text_;
    ArtifactInfo info_ = {};
  };
  class Writing final : public NewArtifact {
   public:
    explicit Writing(KeptArtifacts& kept) : kept_(kept) {}
    void write(std::string_view bytes) override { text_ += bytes; }
    json::object finish() override {
      const std::lock_guard lock(kept_.mutex_);
      ArtifactInfo info;
      info.id.digest[0] = static_cast<std::uint8_t>(kept_.contents.size() + 1);
      info.size = text_.size();
      info.media_type = "application/json";
      kept_.contents[info.id] = text_;
      return to_json(reference_to(info));
    }

   private:
    KeptArtifacts& kept_;
    std::string text_ = {};
  };
  std::mutex mutex_;
};

TEST_CASE("tasks are run and reported, each once") {
  TaskRegistry tasks;
  tasks.add("double", doubled);
  Crew crew(tasks);
  crew.machine->offer(FakeMachine::hand_out(1, "double", 2));
  REQUIRE(crew.machine->wait_for_outcomes(2));
  crew.machine->offer(FakeMachine::hand_out(2, "double", 1));
  REQUIRE(crew.machine->wait_for_outcomes(3));
  const auto end = crew.drain();
  CHECK_FALSE(end.fault);
  CHECK(end.untold == 0);
  CHECK(end.still_running == 0);
  CHECK(crew.outcome(1, 0).result == "0");
  CHECK(crew.outcome(1, 1).result == "2");
  CHECK(crew.outcome(2, 0).result == "0");
  CHECK(crew.machine->left >= 1);
  CHECK(crew.machine->asked.front() == 2);  // nobody knows yet how long these take
  const auto counts = crew.worker->counts();
  CHECK(counts.taken == 3);
  CHECK(counts.reported == 3);
  CHECK(counts.running == 0);
}

TEST_CASE("what a handler is told") {
  TaskRegistry tasks;
  json::object seen;
  tasks.add("look", [&](const json::object& params, TaskContext& context) -> TaskResult {
    seen["params"] = params;
    seen["stage"] = context.stage();
    seen["index"] = context.index();
    seen["attempt"] = context.attempt();
    seen["key"] = context.idempotency_key();
    seen["type"] = context.task_type();
    seen["traceparent"] = context.traceparent();
    seen["progress"] = context.last_progress();
    seen["number"] = context.get<int>();
    seen["deadline"] = context.deadline().has_value();
    return {{"done", true}};
  });
  WorkerOptions options;
  options.services.add(std::make_shared<int>(42));
  Crew crew(tasks, std::move(options));
  auto out = FakeMachine::hand_out(3, "look", 1);
  out.stage = 2;
  out.defined_in = 5;
  out.timeout = 60s;
  out.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  out.tasks[0].attempt = 4;
  out.tasks[0].progress = R"({"half":true})";
  crew.machine->offer(std::move(out));
  REQUIRE(crew.machine->wait_for_outcomes(1));
  crew.drain();
  CHECK(crew.outcome(3, 0).result == R"({"done":true})");
  CHECK(crew.outcome(3, 0).attempt == 4);
  const json::object wanted{{"params", {{"i", 0}}},
                            {"stage", 2},
                            {"index", 0},
                            {"attempt", 4},
                            {"key", JobId{}.str() + "/5/0"},
                            {"type", "look"},
                            {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                            {"progress", {{"half", true}}},
                            {"number", 42},
                            {"deadline", true}};
  for (const auto& [key, value] : wanted) CHECK_MESSAGE(seen[key] == value, key);
}

TEST_CASE("how attempts fail") {
  struct Case {
    const char* name;
    TaskFunction function;
    const char* type;
    const char* message;
    TaskFailure::Kind kind = TaskFailure::Kind::retry;
  };
  using Permanent = TaskFailure;
  const std::vector<Case> cases{
      {"returned",
       [](const auto&, auto&) {
         return TaskFailure{"mine", "no"};
       },
       "mine", "no"},
      {"permanent",
       [](const auto&, auto&) {
         return Permanent{"mine", "never", TaskFailure::Kind::permanent};
       },
       "mine", "never", TaskFailure::Kind::permanent},
      {"thrown", [](const auto&, auto&) -> TaskResult { throw std::runtime_error("out of luck"); },
       "std::runtime_error", "out of luck"},
      {"failure thrown",
       [](const auto&, auto&) -> TaskResult {
         throw TaskFailure{"mine", "thrown"};
       },
       "mine", "thrown"},
      {"anything thrown", [](const auto&, auto&) -> TaskResult { throw 1; }, "unknown",
       "the handler threw something that is not an exception"},
      {"no JSON", [](const auto&, auto&) -> TaskResult { return json::value(std::nan("")); }, "handler_contract",
       "the result is not valid JSON: #: the number is NaN, which JSON cannot say", TaskFailure::Kind::permanent},
      {"no artifacts", [](const auto&, auto& context) -> TaskResult { return context.artifact(json::value(1)); },
       "coremachine::Failure", "invalid_argument: this worker was not told where the artifact store is"},
      {"an output",
       [](const auto&, auto& context) -> TaskResult {
         context.output("lines").append(1);
         return {};
       },
       "coremachine::Failure",
       "invalid_argument: the output \"lines\" is written by tasks that run in the process of the machine alone; "
       "return what this task "
       "would add to it, or a reference to an artifact"},
  };
  TaskRegistry tasks;
  for (std::size_t i = 0; i < cases.size(); ++i) tasks.add("t" + std::to_string(i), cases[i].function);
  Crew crew(tasks);
  for (std::size_t i = 0; i < cases.size(); ++i)
    crew.machine->offer(FakeMachine::hand_out(i + 1, "t" + std::to_string(i), 1));
  REQUIRE(crew.machine->wait_for_outcomes(cases.size()));
  crew.drain();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    CAPTURE(cases[i].name);
    const auto& outcome = crew.outcome(i + 1, 0);
    CHECK(outcome.kind == Kind::failed);
    CHECK(outcome.failure.type == cases[i].type);
    CHECK(outcome.failure.message == cases[i].message);
    CHECK(outcome.failure.kind == cases[i].kind);
  }
}

TEST_CASE("whatever answers are lost, each task is run once and recorded once") {
  struct Case {
    const char* name;
    std::function<void(FakeMachine&)> disturb;
  };
  const std::vector<Case> cases{
      {"nothing", [](FakeMachine&) {}},
      {"reports are heard, their answers lost", [](FakeMachine& machine) { machine.lose_answers(Call::report, 3); }},
      {"reports are not heard",
       [](FakeMachine& machine) { machine.fail(Call::report, 3, WorkerFault::Kind::unreachable); }},
      {"the machine is busy",
       [](FakeMachine& machine) {
         machine.fail(Call::report, 2, WorkerFault::Kind::busy);
         machine.fail(Call::poll, 2, WorkerFault::Kind::busy);
       }},
      {"polls fail", [](FakeMachine& machine) { machine.fail(Call::poll, 3, WorkerFault::Kind::unreachable); }},
      {"renewals fail", [](FakeMachine& machine) { machine.fail(Call::renew, 3, WorkerFault::Kind::unreachable); }},
      {"leaving fails", [](FakeMachine& machine) { machine.fail(Call::leave, 2, WorkerFault::Kind::unreachable); }},
      {"a token is changed for a while",
       [](FakeMachine& machine) {
         machine.wait_until([](const FakeMachine& so_far) { return so_far.asked.size() > 0; });
         machine.fail(Call::report, 2, WorkerFault::Kind::not_allowed);
       }},
  };
  for (const auto& each : cases) {
    CAPTURE(each.name);
    TaskRegistry tasks;
    std::atomic<int> calls{0};
    tasks.add("count", [&](const json::object&) -> TaskResult { return json::value(++calls); });
    Crew crew(tasks);
    each.disturb(*crew.machine);
    for (std::uint64_t lease = 1; lease <= 4; ++lease) crew.machine->offer(brief(lease, "count", 2));
    REQUIRE(crew.machine->wait_for_outcomes(8));
    const auto end = crew.drain();
    CHECK(end.untold == 0);
    CHECK(calls == 8);
    for (const auto& [key, outcomes] : crew.machine->outcomes) {
      CHECK(outcomes.size() == 1);
      CHECK(outcomes.front().kind == Kind::completed);
    }
  }
}

TEST_CASE(
    "a hand-out whose answer was lost is of the past when it comes under another lease, and no harm if it comes "
    "again") {
  TaskRegistry tasks;
  std::atomic<int> calls{0};
  tasks.add("count", [&](const json::object&) -> TaskResult { return json::value(++calls); });
  Crew crew(tasks);
  crew.machine->lose_answers(Call::poll, 1);
  crew.machine->offer(FakeMachine::hand_out(1, "count", 1));
  REQUIRE(crew.machine->wait_until([](const FakeMachine& machine) { return machine.asked.size() >= 2; }));
  CHECK(calls == 0);
  crew.machine->offer(FakeMachine::hand_out(2, "count", 1));
  REQUIRE(crew.machine->wait_for_outcomes(1));
  crew.machine->offer(FakeMachine::hand_out(2, "count", 1));
  crew.machine->offer(FakeMachine::hand_out(3, "count", 1));
  REQUIRE(crew.machine->wait_for_outcomes(2));
  crew.drain();
  CHECK(calls == 2);
}

TEST_CASE("leases are renewed while a handler is busy, with what it says of its progress") {
  TaskRegistry tasks;
  Gate gate;
  tasks.add("wait", [&](const json::object&, TaskContext& context) -> TaskResult {
    context.heartbeat({{"step", 1}});
    gate.pass();
    return {};
  });
  Crew crew(tasks);
  crew.machine->offer(brief(1, "wait", 1));
  REQUIRE(crew.machine->wait_until([](const FakeMachine& machine) {
    const auto renewed = std::count_if(machine.renewals.begin(), machine.renewals.end(),
                                       [](const LeaseRenewal& renewal) { return renewal.lease.value == 1; });
    const auto said = std::count_if(machine.renewals.begin(), machine.renewals.end(),
                                    [](const LeaseRenewal& renewal) { return !renewal.progress.empty(); });
    return renewed >= 3 && said == 1;
  }));
  gate.open();
  REQUIRE(crew.machine->wait_for_outcomes(1));
}

TEST_CASE("news of a lease reach the handlers") {
  struct Case {
    LeaseState state;
    std::optional<Kind> of_running;  ///< nothing: not reported
    std::optional<Kind> of_waiting;
  };
  const std::vector<Case> cases{
      {LeaseState::cancelled, Kind::failed, Kind::returned},
      {LeaseState::gone, std::nullopt, std::nullopt},
  };
  for (const auto& expected : cases) {
    CAPTURE(std::string(to_string(expected.state)));
    TaskRegistry tasks;
    Gate gate;
    gate.open();
    tasks.add("until_told", [&](const json::object&, TaskContext& context) -> TaskResult {
      gate.pass();
      while (!context.cancelled()) std::this_thread::yield();
      return TaskFailure{"told", "I was told to end"};
    });
    tasks.add("after", doubled);
    WorkerOptions options;
    options.concurrency = 1;
    Crew crew(tasks, std::move(options));
    crew.machine->offer(brief(1, "until_told", 1));
    REQUIRE(gate.wait_for_waiting(1));
    crew.machine->set(1, expected.state);
    crew.machine->offer(FakeMachine::hand_out(2, "after", 1));
    REQUIRE(crew.machine->wait_until([](const FakeMachine& machine) { return machine.outcomes.contains({2, 0}); }));
    crew.drain();
    const auto found = crew.machine->outcomes.find({1, 0});
    CHECK((found != crew.machine->outcomes.end()) == expected.of_running.has_value());
    if (expected.of_running) CHECK(crew.outcome(1, 0).kind == *expected.of_running);
  }
}

TEST_CASE("what a recall finds not begun goes back; what runs goes on") {
  TaskRegistry tasks;
  Gate gate;
  tasks.add("wait", [&](const json::object&) -> TaskResult {
    gate.pass();
    return {};
  });
  tasks.add("quick", doubled);
  WorkerOptions options;
  options.concurrency = 1;
  Crew crew(tasks, std::move(options));
  // So that more than one is asked for.
  for (std::uint64_t lease = 1; lease <= 3; ++lease) {
    crew.machine->offer(FakeMachine::hand_out(lease, "quick", 1));
    REQUIRE(crew.machine->wait_for_outcomes(lease));
  }
  crew.machine->offer(brief(9, "wait", 3));
  REQUIRE(gate.wait_for_waiting(1));
  crew.machine->set(9, LeaseState::recalled);
  REQUIRE(crew.machine->wait_for_outcomes(5));
  CHECK(crew.outcome(9, 1).kind == Kind::returned);
  CHECK(crew.outcome(9, 2).kind == Kind::returned);
  crew.machine->set(9, LeaseState::held);
  gate.open();
  REQUIRE(crew.machine->wait_for_outcomes(6));
  CHECK(crew.outcome(9, 0).kind == Kind::completed);
}

TEST_CASE("what runs alone has nothing beside it") {
  TaskRegistry tasks;
  std::atomic<int> beside{0};
  std::atomic<int> most_with_alone{0};
  tasks.add("any", [&](const json::object&) -> TaskResult {
    ++beside;
    std::this_thread::yield();
    --beside;
    return {};
  });
  tasks.add("alone", [&](const json::object&) -> TaskResult {
    for (int i = 0; i < 1000; ++i) most_with_alone = std::max<int>(most_with_alone, beside);
    return {};
  });
  WorkerOptions options;
  options.concurrency = 4;
  Crew crew(tasks, std::move(options));
  for (std::uint64_t lease = 1; lease <= 40; ++lease) {
    auto out = FakeMachine::hand_out(lease, lease % 4 == 0 ? "alone" : "any", lease % 4 == 0 ? 1 : 3);
    out.alone = lease % 4 == 0;
    crew.machine->offer(std::move(out));
  }
  REQUIRE(crew.machine->wait_for_outcomes(10 + 30 * 3));
  crew.drain();
  CHECK(most_with_alone == 0);
}

/// A worker of one thread, some of whose handlers do not hear that their time is over.
struct DeafCrew {
  DeafCrew() {
    tasks.add("deaf", [this](const json::object&) -> TaskResult {
      gate.pass();
      return {};
    });
    tasks.add("after", doubled);
    WorkerOptions options;
    options.concurrency = 1;
    options.grace = 1ms;
    made = std::make_unique<Crew>(tasks, std::move(options));
  }
  ~DeafCrew() { gate.open(); }
  /// The thread of the lease is lost.
  void lose(std::uint64_t lease) {
    auto timed = FakeMachine::hand_out(lease, "deaf", 1);
    timed.timeout = 5ms;
    made->machine->offer(std::move(timed));
    REQUIRE(made->machine->wait_for_outcomes(lease));
  }
  TaskRegistry tasks;
  Gate gate;
  std::unique_ptr<Crew> made;
};

TEST_CASE("a handler that ignores its timeout is given up, and its thread replaced") {
  DeafCrew deaf;
  auto& crew = *deaf.made;
  deaf.lose(1);
  CHECK(crew.outcome(1, 0).kind == Kind::failed);
  CHECK(crew.outcome(1, 0).failure.type == "timeout");
  CHECK(crew.worker->counts().lost_threads == 1);
  crew.machine->offer(FakeMachine::hand_out(2, "after", 1));
  REQUIRE(crew.machine->wait_for_outcomes(2));
  const auto end = crew.drain();
  CHECK(end.still_running == 1);
  CHECK(end.untold == 0);
}

TEST_CASE("threads that were lost and come back are joined, unless nobody has their places") {
  // One more than are replaced, so that the last one is needed again.
  for (const unsigned lost : {3U, 65U}) {
    CAPTURE(lost);
    DeafCrew deaf;
    auto& crew = *deaf.made;
    for (unsigned i = 1; i <= lost; ++i) deaf.lose(i);
    const auto counts = [&] { return crew.worker->counts(); };
    CHECK(counts().lost_threads == lost);
    CHECK(counts().threads == std::min(lost + 1, 65U));
    deaf.gate.open();
    const auto by = std::chrono::steady_clock::now() + 60s;
    while (counts().threads > 1 && std::chrono::steady_clock::now() < by) std::this_thread::yield();
    CHECK(counts().threads == 1);
    CHECK(counts().lost_threads == 0);
    crew.machine->offer(FakeMachine::hand_out(1000, "after", 2));
    CHECK(crew.machine->wait_for_outcomes(lost + 2));
  }
}

TEST_CASE("draining: what runs completes, what waits goes back, and the worker leaves") {
  TaskRegistry tasks;
  Gate gate;
  tasks.add("wait", [&](const json::object&) -> TaskResult {
    gate.pass();
    return {};
  });
  tasks.add("quick", doubled);
  WorkerOptions options;
  options.concurrency = 1;
  Crew crew(tasks, std::move(options));
  for (std::uint64_t lease = 1; lease <= 3; ++lease) {
    crew.machine->offer(FakeMachine::hand_out(lease, "quick", 1));
    REQUIRE(crew.machine->wait_for_outcomes(lease));
  }
  crew.machine->offer(FakeMachine::hand_out(9, "wait", 3));
  REQUIRE(gate.wait_for_waiting(1));
  crew.worker->drain();
  REQUIRE(crew.machine->wait_for_outcomes(5));
  REQUIRE(crew.machine->wait_until([](const FakeMachine& machine) { return machine.left > 0; }));
  gate.open();
  const auto end = crew.wait();
  CHECK(end.untold == 0);
  CHECK(crew.outcome(9, 0).kind == Kind::completed);
  CHECK(crew.outcome(9, 1).kind == Kind::returned);
  CHECK(crew.outcome(9, 2).kind == Kind::returned);
}

TEST_CASE("at the drain limit what still runs is told to end, and goes back") {
  TaskRegistry tasks;
  Gate begun;
  begun.open();
  tasks.add("long", [&](const json::object&, TaskContext& context) -> TaskResult {
    begun.pass();
    while (!context.cancelled()) std::this_thread::yield();
    return TaskFailure{"told", "I was told to end"};
  });
  WorkerOptions options;
  options.drain_limit = 1ms;
  Crew crew(tasks, std::move(options));
  crew.machine->offer(FakeMachine::hand_out(1, "long", 1));
  REQUIRE(begun.wait_for_waiting(1));
  const auto end = crew.drain();
  CHECK(end.untold == 0);
  CHECK(crew.outcome(1, 0).kind == Kind::returned);
}

TEST_CASE("a machine that refuses the very first request ends the worker") {
  for (const auto kind : {WorkerFault::Kind::not_allowed, WorkerFault::Kind::refused}) {
    TaskRegistry tasks;
    tasks.add("double", doubled);
    auto machine = std::make_shared<FakeMachine>();
    machine->fail(Call::poll, 1, kind);
    WorkerOptions options;
    options.transport = machine;
    options.tasks = &tasks;
    Worker worker(std::move(options));
    const auto end = worker.run();
    REQUIRE(end.fault);
    CHECK(end.fault->kind == kind);
    CHECK(end.fault->what == "the test wants it so");
  }
}

TEST_CASE("large values: params are fetched, results stored") {
  TaskRegistry tasks;
  tasks.add("echo", [](const json::object& params) -> TaskResult { return params; });
  tasks.add("co_echo", [](const json::object& params, TaskContext&) -> boost::asio::awaitable<TaskResult> {
    co_return TaskResult(params);
  });
  for (const std::string type : {"echo", "co_echo"}) {
    CAPTURE(type);
    const auto artifacts = std::make_shared<KeptArtifacts>();
    WorkerOptions options;
    options.artifacts = artifacts;
    options.large_value = 1024;
    Crew crew(tasks, std::move(options));
    const auto text = R"({"long":")" + std::string(5000, 'x') + R"("})";
    ArtifactReference reference;
    reference.id.digest[5] = 9;
    reference.size = text.size();
    reference.media_type = "application/json";
    reference.automatic = true;
    artifacts->contents[reference.id] = text;
    auto out = FakeMachine::hand_out(1, type, 2);
    out.tasks[0].params = json::serialize(json::value(to_json(reference)));
    reference.id.digest[5] = 10;  // that is not there
    out.tasks[1].params = json::serialize(json::value(to_json(reference)));
    crew.machine->offer(std::move(out));
    REQUIRE(crew.machine->wait_for_outcomes(2));
    crew.drain();
    const auto result = parse_artifact_reference(json::parse(crew.outcome(1, 0).result));
    REQUIRE(result);
    CHECK(result->automatic);
    CHECK(artifacts->contents.at(result->id) == text);
    CHECK(crew.outcome(1, 1).failure.type == "store_missing");
    CHECK(crew.outcome(1, 1).failure.kind == TaskFailure::Kind::permanent);
  }
}

TEST_CASE("coroutines are in flight beside each other, more than there are threads") {
  namespace asio = boost::asio;
  TaskRegistry tasks;
  std::atomic<int> in_flight{0};
  tasks.add("meet", [&](const json::object&, TaskContext&) -> asio::awaitable<TaskResult> {
    ++in_flight;
    asio::steady_timer timer(co_await asio::this_coro::executor);
    while (in_flight < 20) {
      timer.expires_after(1ms);
      co_await timer.async_wait(asio::use_awaitable);
    }
    co_return TaskResult(json::value(true));
  });
  tasks.add("sleep", [](const json::object&, TaskContext&) -> asio::awaitable<TaskResult> {
    asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
    co_await timer.async_wait(asio::use_awaitable);
    co_return TaskResult(json::value(true));
  });
  WorkerOptions options;
  options.concurrency = 1;
  Crew crew(tasks, std::move(options));
  crew.machine->offer(FakeMachine::hand_out(1, "meet", 20));
  REQUIRE(crew.machine->wait_for_outcomes(20));
  auto timed = FakeMachine::hand_out(2, "sleep", 1);
  timed.timeout = 5ms;
  crew.machine->offer(std::move(timed));
  auto cancelled = brief(3, "sleep", 1);
  crew.machine->offer(std::move(cancelled));
  crew.machine->set(3, LeaseState::cancelled);
  REQUIRE(crew.machine->wait_for_outcomes(22));
  crew.drain();
  CHECK(crew.outcome(2, 0).failure.type == "timeout");
  CHECK(crew.outcome(3, 0).kind == Kind::failed);
}

TEST_CASE("what no worker can be made of is refused with the reason") {
  TaskRegistry tasks;
  tasks.add("double", doubled);
  TaskRegistry needy;
  TaskInfo info;
  info.needs = {service<std::string>()};
  needy.add("needs", doubled, info);
  TaskRegistry none;
  const auto refused = [](const std::function<void(WorkerOptions&)>& change) -> std::string {
    WorkerOptions options;
    options.transport = std::make_shared<FakeMachine>();
    change(options);
    try {
      Worker worker(std::move(options));
    } catch (const Failure& failure) {
      return failure.error().message;
    }
    return "taken";
  };
  CHECK(refused([&](WorkerOptions& options) { options.tasks = &tasks; }) == "taken");
  CHECK(refused([&](WorkerOptions& options) {
          options.tasks = &tasks;
          options.transport = nullptr;
        }) == "a worker needs a transport");
  CHECK(refused([&](WorkerOptions& options) {
          options.tasks = &tasks;
          options.name = "two words";
        }).starts_with("the name of a worker has 1 to 128 printable ASCII characters without blanks"));
  CHECK(refused([&](WorkerOptions& options) {
          options.tasks = &tasks;
          options.concurrency = 0;
        }) == "a worker runs at least one task at a time");
  CHECK(refused([&](WorkerOptions& options) {
          options.tasks = &tasks;
          options.task_types = {"treble"};
        }).find("\"treble\"") != std::string::npos);
  CHECK(refused([&](WorkerOptions& options) { options.tasks = &needy; }).find("needs a service of type") !=
        std::string::npos);
  CHECK(refused([&](WorkerOptions& options) { options.tasks = &none; }) ==
        "there is no task type with a handler, so that this worker could do nothing");
}

}  // namespace
}  // namespace coremachine
