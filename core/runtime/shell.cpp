#include "core/runtime/shell.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>
#include <utility>

#include "core/machine/retry.hpp"
#include "core/registry/task_callable.hpp"
#include "core/runtime/load_job.hpp"
#include "core/runtime/schedule_duty.hpp"
#include "core/telemetry/plain_log.hpp"

namespace coremachine::runtime {
namespace {

/// With more jobs to write, those that just came not counted, the batch is offered to the committer before the turn
/// goes on; with so few at its end, when there is more in it. Either may be held for a moment for what is about to be
/// added to it. One of so few in all the thread that made it may write, too: with more jobs, it has something better to
/// do.
constexpr std::size_t few_jobs = 8;
/// For so many submitters that were answered just now, and may submit again at once, a batch waits likewise.
constexpr std::size_t many_returning = 8;
/// For inputs, from one turn to the next: what a burst needed is given back.
constexpr std::size_t kept_room = 1024;
/// How much short work is queued ahead of the threads.
constexpr double queued_ms = 5.0;
/// After which a boundary that found no room for a large value is run again.
constexpr Milliseconds full_disk_pause{500};

unsigned workers_of(const MachineOptions& options) {
  return options.workers.value_or(std::max(1U, std::thread::hardware_concurrency()));
}

void check_needs(const TaskInfo& info, const Services& services) {
  for (const auto& needed : info.needs) {
    if (services.has(needed)) continue;
    throw Failure(Error{ErrorCode::invalid_argument, "the task type \"" + info.name + "\" needs a service of type " +
                                                         needed.name() + ", and this machine was given none"});
  }
}

}  // namespace

Shell::Shell(ShellSetup setup)
    : setup_(std::move(setup)),
      jobs_(setup_.options.jobs ? *setup_.options.jobs : JobRegistry::instance()),
      tasks_(setup_.options.tasks ? *setup_.options.tasks : TaskRegistry::instance()),
      log_(setup_.options.logger ? setup_.options.logger : telemetry::make_plain_log(setup_.options.log)),
      metrics_(jobs_, tasks_),
      workers_(workers_of(setup_.options)),
      started_at_(now()),
      retention_(setup_.options.retention),
      large_values_(large_values_setup()) {
  jobs_.freeze();
  tasks_.freeze();
  record_ = std::make_unique<RunningRecord>(setup_.running_record);
  std::random_device random;
  entropy_ = (std::uint64_t{random()} << 32U) | random();
  incarnation_ = setup_.store->begin_incarnation();

  machine::EngineSetup engine;
  engine.incarnation = incarnation_;
  engine.last_commit = setup_.store->last_commit();
  engine.rules.grace = setup_.options.grace;
  engine.rules.poison_deaths = static_cast<std::uint8_t>(std::clamp(setup_.options.poison_deaths, 1U, 255U));
  engine.rules.alone_at_most = setup_.options.alone_at_most;
  engine.max_jobs = setup_.options.max_jobs;
  engine.slots = workers_;
  engine.lease_term = setup_.options.lease_term;
  engine.lease_tasks = setup_.options.lease_tasks;
  engine.observer = &metrics_;
  for (const auto& info : tasks_.list_all_info()) {
    check_needs(info, setup_.options.services);
    if (!info.enabled) {
      engine.disabled_types.insert(info.name);
      continue;
    }
    const auto* callable = tasks_.find_callable(info.name);
    if (!callable || workers_ == 0) {
      engine.declared_types.insert(info.name);
    } else {
      engine.task_types[info.name] = machine::TaskTraits{callable->coroutine != nullptr};
    }
  }
  for (const auto& info : jobs_.list_all_versions())
    engine.job_types[info.name][info.version] = machine::JobTraits{info.handler_timeout};
  engine_ = std::make_unique<machine::Engine>(std::move(engine));
  load_settings();

  SliceRunner::Setup slices;
  slices.jobs = &jobs_;
  slices.tasks = &tasks_;
  slices.store = setup_.store.get();
  slices.services = &setup_.options.services;
  slices.log = log_.get();
  slices.large = &large_values_;
  slices.worker = "local";
  slices.clock = [this] { return now(); };
  slices.partial = [this](machine::SliceId id, Report report) { post(SliceInput{id, std::move(report), false}); };
  slice_runner_ = std::make_unique<SliceRunner>(std::move(slices));
  boundary_runner_ = std::make_unique<BoundaryRunner>(jobs_, tasks_, *setup_.store, large_values_);

  IoThread::Hooks io;
  io.post = [this](Input input) { enqueue_and_drive(std::move(input), Role::outside); };
  io.clock = [this] { return now(); };
  io.worker = "local";
  io.slices = slice_runner_.get();
  io.record = record_.get();
  io_ = std::make_unique<IoThread>(std::move(io));

  Pool::Work work;
  work.run_boundary = [this](const machine::RunBoundary& boundary, RunningRecord::Slot& slot) -> Input {
    const auto& call = *boundary.call;
    slot.note(call.job, call.boundary.round, true, boundary.alone);
    auto cancelled = [this, job = call.job, number = call.boundary.number] {
      if (told_to_end_) return true;
      const std::lock_guard lock(cancelled_mutex_);
      const auto found = cancelled_boundaries_.find(job);
      return found != cancelled_boundaries_.end() && found->second >= number;
    };
    const auto began = std::chrono::steady_clock::now();
    auto ran = boundary_runner_->run(call, std::move(cancelled));
    slot.clear();
    const auto took = std::chrono::steady_clock::now() - began;
    if (const auto* broke = std::get_if<BoundaryRunner::StoreBroke>(&ran)) {
      return StoreFailedInput{broke->error, std::pair(call.job, call.boundary.number)};
    }
    auto* decided = std::get_if<BoundaryDecided>(&ran);
    if (!decided) return BoundaryReturnedInput{call.job, call.boundary.number, true};
    metrics_.boundary_ran(call.job_type, took);
    return BoundaryInput{call.job, std::move(*decided), took};
  };
  work.run_slice = [this](SliceState& slice, RunningRecord::Slot& slot) -> Input {
    return SliceInput{slice.work().id, slice_runner_->run(slice, slot), true};
  };
  work.post = [this](Input input) { enqueue_and_drive(std::move(input), Role::pool); };
  work.put = [this](Input input) {
    const std::lock_guard lock(inbox_mutex_);
    inbox_.push_back(std::move(input));
  };
  work.drive = [this] { drive(Role::pool); };
  work.write = [this] { committer_->write_given(); };
  pool_ = std::make_unique<Pool>(workers_, setup_.options.handlers, *record_, std::move(work));

  Committer::Hooks commits;
  commits.post = [this](Input input) {
    enqueue_and_drive(std::move(input), pool_->inside() ? Role::pool : Role::committer);
  };
  commits.fault_point = setup_.fault_point;
  commits.written = [this](std::chrono::nanoseconds took, const Batch& batch) { note_commit(took, batch); };
  committer_ = std::make_unique<Committer>(*setup_.store, std::move(commits));
  open_artifacts();

  ScheduleDuty::Setup schedules;
  schedules.shell = this;
  schedules.clock = setup_.schedule_clock ? setup_.schedule_clock : [this] { return now(); };
  schedules.log = [this](const std::string& message) { log(message); };
  schedules.fault_point = setup_.fault_point;
  schedules_ = std::make_shared<ScheduleDuty>(std::move(schedules));

  recover();
}

Shell::~Shell() {
  stop();
}

Timestamp Shell::now() const {
  return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
}

Now Shell::draw() {
  return Now{now(), machine::mix(entropy_++, 1), incarnation_};
}

JobId Shell::make_id(Timestamp created) {
  ++entropy_;
  auto id = JobId::make(created, machine::mix(entropy_, 2), machine::mix(entropy_, 3));
  if (id <= last_id_) id = last_id_.next();
  last_id_ = id;
  return id;
}

std::size_t Shell::adopt_unfinished() {
  std::optional<JobId> after;
  std::size_t jobs = 0;
  for (;;) {
    const auto page = setup_.store->read_unfinished(after, 1000);
    if (page.empty()) return jobs;
    for (const auto& stored : page) engine_->adopt(load_to_go_on(*setup_.store, stored));
    jobs += page.size();
    after = page.back().job.id;
  }
}

void Shell::recover() {
  auto* peers = setup_.store->peers();
  const auto jobs = peers ? adopt_left(*peers) : adopt_unfinished();
  recover_leases();
  note_start(jobs);
  engine_->tell(told());
  engine_->start(draw(), record_->suspects());
  post(TickInput{});
  if (retention_.wanted()) look_for_old_jobs();
  if (peers) {
    join(*peers);  // schedules are for one of them
  } else {
    schedules_->load();
  }
}

// ---- the inbox and the driver ----

void Shell::post(Input input) {
  enqueue_and_drive(std::move(input), pool_->inside() ? Role::pool : Role::outside);
}

void Shell::enqueue_and_drive(Input input, Role role) {
  {
    std::unique_lock lock(inbox_mutex_);
    if (refuses_requests_) {
      lock.unlock();
      if (refuse(input, Error{ErrorCode::draining, "the machine has stopped"})) return;
      lock.lock();
    }
    inbox_.push_back(std::move(input));
    if (driving_) return;
    driving_ = true;
  }
  if (role == Role::outside) {
    pool_->wake_driver();
  } else {
    drive(role);
  }
}

void Shell::drive(Role role) {
  auto& inputs = inputs_;
  for (bool first = true;; first = false) {
    {
      const std::lock_guard lock(inbox_mutex_);
      if (inbox_.empty()) {
        driving_ = false;
        return;
      }
      // Who has a batch to write leaves the engine to another thread of the pool after one turn: with inputs that come
      // for ever it would never come to it.
      const bool has_batch = role == Role::committer || pool_->has_to_write();
      if (has_batch && !first && !pool_gone_) break;
      std::swap(inputs, inbox_);
    }
    const auto now = draw();
    engine_->tell(told());
    for (auto& input : inputs) handle(input, now);
    inputs.clear();
    if (inputs.capacity() > kept_room) inputs.shrink_to_fit();
    engine_->tick(now);
    // The disk works on a large batch while the rest is done; a small one may get more out of the rest.
    if (engine_->dirty_jobs() > few_jobs) give_batch();
    const auto look = watched_.empty() ? std::nullopt : watch(now);
    if (!failed_) engine_->dispatch(now, capacity());
    // Before anybody is told that a job is over.
    metrics_.live_jobs.set(static_cast<std::int64_t>(engine_->live_jobs()));
    carry_out(engine_->take_actions());
    give_batch();
    auto deadline = engine_->next_deadline();
    if (look && (!deadline || *look < *deadline)) deadline = look;
    if (deadline && (!armed_ || *deadline < *armed_)) {
      armed_ = deadline;
      io_->arm(*deadline);
    }
    if (drain_wanted_) note_drained();
  }
  pool_->wake_driver();
}

void Shell::handle(Input& input, const Now& now) {
  struct Handle {
    Shell& shell;
    const Now& now;

    machine::RequestId keep(Then then, bool is_submission = false) const {
      const auto request = ++shell.last_request_;
      shell.requests_.emplace(request, Request{std::move(then), is_submission});
      return request;
    }
    void operator()(SubmitInput& in) const {
      if (shell.returning_ > 0) --shell.returning_;
      shell.submit(now, in, keep(std::move(in.then), true));
    }
    void operator()(ControlInput& in) const { shell.engine_->control(now, in.job, in.verb, keep(std::move(in.then))); }
    void operator()(SignalInput& in) const {
      shell.engine_->signal(now, in.job, std::move(in.signal), keep(std::move(in.then)), std::move(in.artifacts));
    }
    void operator()(ExplainInput& in) const { shell.engine_->explain(now, in.job, keep(std::move(in.then))); }
    void operator()(LimitInput& in) const {
      shell.engine_->set_limit(now, in.type, in.limit, keep(std::move(in.then)));
    }
    void operator()(SettingsInput& in) const { shell.engine_->set(std::move(in.settings), keep(std::move(in.then))); }
    void operator()(RemoveInput& in) const { shell.engine_->remove(now, in.job, keep(std::move(in.then))); }
    void operator()(InspectInput& in) const { shell.engine_->inspect(in.job, keep(std::move(in.then))); }
    void operator()(AwaitInput& in) const {
      const auto request = keep(std::move(in.then));
      if (in.ticket) *in.ticket = Ticket{request, in.job};
      shell.engine_->await_end(in.job, request);
    }
    void operator()(TakeUpInput& in) const {
      shell.engine_->take_up(now, std::move(in.jobs), std::move(in.leases), in.deaths);
    }
    void operator()(PollInput& in) const {
      const auto request = keep(std::move(in.then));
      *in.ticket = Ticket{request, {}, false, true};
      shell.engine_->poll(now, std::move(in.taker), in.max_tasks, request);
    }
    void operator()(ReportInput& in) const {
      shell.engine_->report(now, in.worker, std::move(in.reports), keep(std::move(in.then)));
    }
    void operator()(RenewInput& in) const {
      shell.engine_->renew(now, in.taker, std::move(in.leases), keep(std::move(in.then)));
    }
    void operator()(LeaveInput& in) const { shell.engine_->leave(in.worker, keep(std::move(in.then))); }
    void operator()(HoldersInput& in) const {
      for (const auto& [worker, leases] : in.leases) shell.engine_->note_holder(worker, leases);
    }
    void operator()(GiveUpInput& in) const {
      if (in.ticket->poll) return shell.engine_->give_up_poll(in.ticket->request);
      shell.engine_->give_up(in.ticket->job, in.ticket->request);
    }
    void operator()(StatusInput& in) const {
      auto workers = shell.remote_workers();
      if (shell.workers_ > 0) workers.insert(workers.begin(), shell.worker_status(now));
      in.look(shell.queue_status(now), std::move(workers));
      in.then({});
    }
    void operator()(FollowInput& in) const {
      if (!shell.engine_->find(in.job)) return;
      shell.listeners_[in.job].push_back(in.listener);
      shell.engine_->follow(in.job, true);
    }
    void operator()(CatchUpInput& in) const {
      if (shell.engine_->find(in.job)) shell.listeners_[in.job].push_back(in.listener);
      shell.engine_->follow(now, in.job, keep(std::move(in.then)));
    }
    void operator()(TasksInput& in) const { shell.engine_->ask_tasks(in.job, in.ask, keep(std::move(in.then))); }
    void operator()(CountsInput& in) const { shell.engine_->ask_counts(in.jobs, keep(std::move(in.then))); }
    void operator()(BoundaryInput& in) const {
      {
        const std::lock_guard lock(shell.cancelled_mutex_);
        const auto found = shell.cancelled_boundaries_.find(in.job);
        if (found != shell.cancelled_boundaries_.end() && found->second == in.decided.boundary)
          shell.cancelled_boundaries_.erase(found);
      }
      shell.boundary_ms_ += 0.2 * (std::chrono::duration<double, std::milli>(in.took).count() - shell.boundary_ms_);
      shell.engine_->boundary_decided(now, in.job, std::move(in.decided));
    }
    void operator()(BoundaryReturnedInput& in) const {
      if (!in.later) return shell.engine_->boundary_returned(in.job, in.boundary);
      const auto again = [&owner = shell, job = in.job, number = in.boundary] {
        owner.post(BoundaryReturnedInput{job, number, false});
      };
      shell.io_->execute_after(full_disk_pause, again);
    }
    void operator()(SliceInput& in) const {
      const auto slice = shell.slices_.find(in.slice);
      if (slice != shell.slices_.end()) {
        slice->second->reported += in.report.completed.count + static_cast<std::uint32_t>(in.report.failed.size());
        shell.look_at(*slice->second, in.report);
      }
      if (in.last && slice != shell.slices_.end()) {
        shell.slices_.erase(slice);
        shell.slice_ms_ += 0.2 * (static_cast<double>(in.report.busy_ns) / 1e6 - shell.slice_ms_);
      }
      shell.engine_->slice_reported(now, in.slice, std::move(in.report), in.last);
    }
    void operator()(CommittedInput& in) const {
      shell.returning_ = 0;
      shell.engine_->committed(now, in.sequence);
      if (!in.swept) return;
      shell.engine_->set_garbage(shell.setup_.store->has_garbage());
      shell.collector_->wake();
    }
    void operator()(StoreFullInput& in) const {
      shell.engine_->store_is_full(in.full);
      shell.metrics_.store_full.set(in.full ? 1 : 0);
      shell.log_->write(in.full ? LogLevel::warn : LogLevel::info,
                        in.full ? "the disk of the store is full: new jobs are refused, what was accepted is kept and "
                                  "written when there is space"
                                : "the store has space again");
    }
    void operator()(StoreFailedInput& in) const {
      if (in.boundary) shell.engine_->boundary_returned(in.boundary->first, in.boundary->second);
      shell.store_failed(in.error);
    }
    void operator()(LoadedInput& in) const {
      if (in.loaded) {
        shell.engine_->loaded(now, in.request, std::move(in.loaded->job), std::move(in.loaded->target));
      } else {
        shell.engine_->load_failed(in.request, in.error);
      }
    }
    void operator()(TickInput& in) const {
      if (in.by_timer) shell.armed_.reset();
    }
    void operator()(DrainInput&) const { shell.engine_->drain(); }
    void operator()(StopAllInput&) const {
      shell.engine_->abandon();
      shell.told_to_end_ = true;
      std::vector<machine::SliceId> ids;
      for (const auto& [id, slice] : shell.slices_) ids.push_back(id);
      for (const auto id : ids) shell.take_back(id, true);
    }
  };
  if (failed_ && refuse(input, failure_)) return;
  std::visit(Handle{*this, now}, input);
}

namespace {

/// Who waits for what becomes of an input; null if nobody does.
template <class Kind>
Then* then_of(Kind& input) {
  if constexpr (requires { input.then; }) {
    return &input.then;
  } else {
    return nullptr;
  }
}

}  // namespace

/// Answers a request with the error; false if the input is no request.
bool Shell::refuse(Input& input, const Error& error) {
  machine::Answer answer;
  answer.error = error;
  auto* then = std::visit([](auto& each) { return then_of(each); }, input);
  if (then) (*then)(std::move(answer));
  return then != nullptr;
}

machine::Capacity Shell::capacity() {
  // What takes long is handed out only to a thread that is free, so that nothing waits behind it needlessly.
  const auto pace = [](double each_ms) {
    const auto queued = std::clamp(queued_ms / std::max(each_ms, 0.001), 1.0, 512.0);
    const auto takes = std::chrono::nanoseconds(static_cast<std::int64_t>(each_ms * 1e6));
    return Pool::Pace{takes, each_ms < long_ms ? static_cast<std::size_t>(queued) : 0};
  };
  const auto room = pool_->room(pace(slice_ms_), pace(boundary_ms_));
  const auto flying = io_->in_flight();
  machine::Capacity capacity;
  capacity.slices = static_cast<std::uint32_t>(room.slices);
  capacity.ahead = static_cast<std::uint32_t>(room.slices - room.free_threads);
  capacity.boundaries = static_cast<std::uint32_t>(room.boundaries);
  capacity.coroutines =
      setup_.options.coroutines - static_cast<std::uint32_t>(std::min<std::size_t>(flying, setup_.options.coroutines));
  return capacity;
}

/// How long the batch waits for what is about to be added to it; nothing if it need not wait.
std::optional<std::chrono::nanoseconds> Shell::worth_holding() const {
  using Nanoseconds = std::chrono::nanoseconds;
  constexpr Nanoseconds least = std::chrono::microseconds{50}, most = std::chrono::milliseconds{1};
  if (engine_->more_is_coming()) return std::clamp(committer_->typical() / 2, least, most);
  // Many who submit again as soon as they are answered would come in two shifts, and each sync have half of them.
  if (returning_ >= many_returning) return std::min(committer_->typical() / 4, most);
  return std::nullopt;
}

void Shell::give_batch() {
  if (failed_ || !engine_->has_writes() || !committer_->idle()) return;
  if (const auto wait = worth_holding()) {
    const auto time = std::chrono::steady_clock::now();
    if (!held_since_) held_since_ = time;
    const auto limit = *held_since_ + *wait;
    if (time < limit) {
      committer_->expect(limit);
      return;
    }
  }
  held_since_.reset();
  auto batch = engine_->close_batch();
  // With nothing else to do this thread writes it itself: that is one wake-up less.
  const bool here = batch.jobs.size() <= few_jobs && pool_->writes_next();
  committer_->give(std::move(batch), here);
}

}  // namespace coremachine::runtime
