#include "core/testing/lone_shell.hpp"
#include "core/store/memory/memory_artifacts.hpp"

#include <algorithm>
#include <utility>

#include "core/machine/retry.hpp"
#include "core/runtime/load_job.hpp"

namespace coremachine::testing {
namespace {

constexpr std::size_t open_boundaries = 4;

runtime::SliceRunner::Setup runner_setup(const JobRegistry& jobs, const TaskRegistry& tasks, const Store& store,
                                         runtime::LargeValues& large, std::function<Timestamp()> clock) {
  runtime::SliceRunner::Setup setup;
  setup.jobs = &jobs;
  setup.tasks = &tasks;
  setup.store = &store;
  setup.large = &large;
  setup.worker = "test";
  setup.clock = std::move(clock);
  setup.partial = {};
  return setup;
}

}  // namespace

LoneShell::LoneShell(const JobRegistry& jobs, const TaskRegistry& tasks, Store& store, Timestamp start_time)
    : jobs_(jobs),
      tasks_(tasks),
      store_(store),
      now_{start_time, 0, 0},
      large_values_({.open = open_memory_artifacts}),
      boundary_runner_(jobs, tasks, store, large_values_),
      slice_runner_(runner_setup(jobs, tasks, store, large_values_, [this] { return now_.time; })) {
  start({});
}

Now LoneShell::draw() {
  now_.entropy = machine::mix(now_.entropy + 1, 7);
  return now_;
}

void LoneShell::start(const std::vector<machine::Suspect>& suspects) {
  now_.incarnation = store_.begin_incarnation();
  machine::EngineSetup setup;
  setup.incarnation = now_.incarnation;
  setup.last_commit = store_.last_commit();
  setup.slots = static_cast<std::uint32_t>(open_slices);
  setup.lease_term = lease_term;
  setup.rules.poison_deaths = poison_deaths;
  setup.full_batch = full_batch;
  for (const auto& info : tasks_.list_all_info()) {
    if (info.enabled) setup.task_types[info.name] = {};
  }
  for (const auto& info : jobs_.list_all_versions())
    setup.job_types[info.name][info.version] = machine::JobTraits{info.handler_timeout};
  engine_ = std::make_unique<machine::Engine>(std::move(setup));
  std::optional<JobId> after;
  for (;;) {
    const auto page = store_.read_unfinished(after, 100);
    if (page.empty()) break;
    for (const auto& stored : page) engine_->adopt(runtime::load_to_go_on(store_, stored));
    after = page.back().job.id;
  }
  for (const auto& setting : store_.read_settings("lease"))
    engine_->adopt_lease(now_, std::stoull(setting.name), decode_lease(*setting.value));
  engine_->start(draw(), suspects);
  collect();
}

void LoneShell::crash(const std::vector<machine::Suspect>& suspects) {
  boundaries.clear();
  slices.clear();
  reports.clear();
  decisions.clear();
  batch.reset();
  unacknowledged.reset();
  start(suspects);
}

JobId LoneShell::submit(Submission submission, machine::Engine::Until until) {
  const auto number = ++ids_;
  submission.id = JobId::make(now_.time, machine::mix(number, 11), machine::mix(number, 12));
  const auto id = submission.id;
  engine_->submit(draw(), std::move(submission), ++last_request_, until);
  collect();
  return id;
}

machine::RequestId LoneShell::control(JobId job, machine::Control verb) {
  const auto request = ++last_request_;
  engine_->control(draw(), job, verb, request);
  collect();
  return request;
}

machine::RequestId LoneShell::signal(JobId job, Signal signal) {
  const auto request = ++last_request_;
  engine_->signal(draw(), job, std::move(signal), request);
  collect();
  return request;
}

machine::RequestId LoneShell::explain(JobId job) {
  const auto request = ++last_request_;
  engine_->explain(draw(), job, request);
  collect();
  return request;
}

machine::RequestId LoneShell::set_limit(const std::string& type, const TypeLimit& limit) {
  const auto request = ++last_request_;
  engine_->set_limit(draw(), type, limit, request);
  collect();
  return request;
}

machine::RequestId LoneShell::remove(JobId job) {
  const auto request = ++last_request_;
  engine_->remove(draw(), job, request);
  collect();
  return request;
}

machine::RequestId LoneShell::await_end(JobId job) {
  const auto request = ++last_request_;
  engine_->await_end(job, request);
  collect();
  return request;
}

machine::RequestId LoneShell::catch_up(JobId job) {
  const auto request = ++last_request_;
  engine_->follow(draw(), job, request);
  collect();
  return request;
}

machine::RequestId LoneShell::ask_tasks(JobId job, const machine::LiveAsk& ask) {
  const auto request = ++last_request_;
  engine_->ask_tasks(job, ask, request);
  collect();
  return request;
}

machine::RequestId LoneShell::poll(machine::Taker taker, std::uint32_t max_tasks) {
  const auto request = ++last_request_;
  engine_->poll(draw(), std::move(taker), max_tasks, request);
  collect();
  return request;
}

machine::RequestId LoneShell::renew(const machine::Taker& taker, std::vector<machine::LeaseRenewed> leases_held) {
  const auto request = ++last_request_;
  engine_->renew(draw(), taker, std::move(leases_held), request);
  collect();
  return request;
}

machine::RequestId LoneShell::report(const std::string& worker, std::vector<machine::LeaseReport> told) {
  const auto request = ++last_request_;
  engine_->report(draw(), worker, std::move(told), request);
  collect();
  return request;
}

machine::LeaseReport LoneShell::run_leased(const machine::RunSlice& lease, std::uint32_t tasks) {
  machine::LeaseReport told;
  told.lease = lease.id;
  runtime::SliceState state(lease);
  const auto report = slice_runner_.run(state, slot_);
  const auto add = [&](ChunkOffset offset, std::uint32_t attempt) -> machine::LeaseOutcome& {
    auto& outcome = told.outcomes.emplace_back();
    outcome.index = TaskIndex{lease.slice.chunk} * chunk_size + offset;
    outcome.attempt = attempt;
    outcome.took_us = task_ns / 1000;
    return outcome;
  };
  const auto& done = report.completed;
  for (std::uint32_t i = 0; i < done.count && told.outcomes.size() < tasks; ++i) {
    const std::size_t begin = i == 0 ? 1 : done.ends[i - 1] + 1;
    add(done.offset_at(i), done.attempt_at(i)).text = make_text(done.body->substr(begin, done.ends[i] - begin));
  }
  for (const auto& failure : report.failed) {
    if (told.outcomes.size() >= tasks) break;
    auto& outcome = add(failure.offset, failure.attempt);
    outcome.kind = machine::LeaseOutcome::Kind::failed;
    outcome.text = failure.error;
    outcome.permanent = failure.verdict != FailedAttempt::Verdict::retry;
    outcome.retry_after = failure.retry_after;
  }
  return told;
}

void LoneShell::collect() {
  struct Collect {
    LoneShell& shell;
    void operator()(machine::RunBoundary& run) const { shell.boundaries.push_back(std::move(run)); }
    void operator()(machine::StopBoundary&) const {}
    void operator()(machine::RecallBoundary& recall) const { shell.take_back(recall); }
    void operator()(machine::RunSlice& run) const { shell.slices.push_back(std::move(run)); }
    void operator()(machine::RecallSlice& recall) const { shell.take_back(recall.id); }
    void operator()(machine::StopSlice& stop) const { shell.take_back(stop.id); }
    void operator()(machine::Answer& answer) const {
      shell.leases.insert(shell.leases.end(), answer.slices.begin(), answer.slices.end());
      shell.answers.push_back(std::move(answer));
    }
    void operator()(machine::LoadJob& load) const {
      const auto stored = shell.store_.read_job(load.job);
      if (!stored) {
        shell.engine_->load_failed(load.request, Error{ErrorCode::unknown_job, "there is no job " + load.job.str()});
        return;
      }
      auto [job, target] = runtime::load_to_redrive(shell.store_, *stored);
      shell.engine_->loaded(shell.draw(), load.request, std::move(job), std::move(target));
    }
    void operator()(machine::Announce&) const {}
  };
  for (;;) {
    machine::Capacity room;
    room.slices = static_cast<std::uint32_t>(open_slices - std::min(open_slices, slices.size()));
    const auto free_threads = threads - std::min(threads, slices.size());
    room.ahead = room.slices - std::min(room.slices, static_cast<std::uint32_t>(free_threads));
    room.boundaries = static_cast<std::uint32_t>(open_boundaries - std::min(open_boundaries, boundaries.size()));
    engine_->dispatch(draw(), room);
    auto actions = engine_->take_actions();
    if (actions.empty()) return;
    for (auto& action : actions) {
      if (observe) observe(action);
      std::visit(Collect{*this}, action);
    }
  }
}

/// A slice that was not run yet comes back whole; one that was is only a report on its way.
void LoneShell::take_back(machine::SliceId id) {
  const auto found = std::find_if(slices.begin(), slices.end(), [&](const auto& slice) { return slice.id == id; });
  if (found == slices.end()) return;
  Report report;
  report.round = found->slice.round;
  report.chunk = found->slice.chunk;
  report.incarnation = found->slice.incarnation;
  for (std::uint32_t i = 0; i < found->slice.count; ++i) report.returned.push_back(found->slice.offset_at(i));
  slices.erase(found);
  engine_->slice_reported(draw(), id, std::move(report), true);
}

void LoneShell::take_back(const machine::RecallBoundary& recall) {
  const auto same = [&](const auto& run) {
    return run.call->job == recall.job && run.call->boundary.number == recall.boundary;
  };
  if (std::erase_if(boundaries, same) > 0) engine_->boundary_returned(recall.job, recall.boundary);
}

void LoneShell::run_boundary(std::size_t which) {
  const auto run = std::move(boundaries.at(which));
  boundaries.erase(boundaries.begin() + static_cast<std::ptrdiff_t>(which));
  auto ran = boundary_runner_.run(*run.call, [] { return false; });
  if (const auto* broke = std::get_if<runtime::BoundaryRunner::StoreBroke>(&ran)) throw Failure(broke->error);
  if (auto* decided = std::get_if<BoundaryDecided>(&ran)) {
    decisions.emplace_back(run.call->job, std::move(*decided));
  } else {
    engine_->boundary_returned(run.call->job, run.call->boundary.number);
    collect();
  }
}

void LoneShell::run_slice(std::size_t which) {
  const auto id = slices.at(which).id;
  runtime::SliceState state(std::move(slices.at(which)));
  slices.erase(slices.begin() + static_cast<std::ptrdiff_t>(which));
  auto report = slice_runner_.run(state, slot_);
  // What the handlers took on this machine must not decide anything: the same draws make the same course.
  report.busy_ns = (report.completed.count + report.failed.size()) * task_ns;
  report.finished_at = report.started_at;
  report.completed.finished_ms.clear();
  for (auto& failure : report.failed) failure.finished_ms = 0;
  reports.push_back({id, std::move(report), true});
}

void LoneShell::deliver_report(std::size_t which) {
  auto report = std::move(reports.at(which));
  reports.erase(reports.begin() + static_cast<std::ptrdiff_t>(which));
  engine_->slice_reported(draw(), report.slice, std::move(report.report), report.last);
  collect();
}

void LoneShell::deliver_decision(std::size_t which) {
  auto decision = std::move(decisions.at(which));
  decisions.erase(decisions.begin() + static_cast<std::ptrdiff_t>(which));
  engine_->boundary_decided(draw(), decision.first, std::move(decision.second));
  collect();
}

bool LoneShell::close_batch() {
  if (batch || unacknowledged || !engine_->has_writes()) return false;
  batch = engine_->close_batch();
  return true;
}

bool LoneShell::write_batch() {
  const auto written = store_.commit(*batch);
  if (!written) return false;
  unacknowledged = batch->sequence;
  batch.reset();
  return true;
}

void LoneShell::acknowledge() {
  engine_->committed(draw(), *std::exchange(unacknowledged, std::nullopt));
  collect();
}

void LoneShell::advance_to(Timestamp time) {
  now_.time = std::max(now_.time, time);
  engine_->tick(draw());
  collect();
}

void LoneShell::settle() {
  settle_until([] { return false; });
}

void LoneShell::settle_until(const std::function<bool()>& done) {
  while (!done()) {
    if (!decisions.empty()) {
      deliver_decision(0);
    } else if (!reports.empty()) {
      deliver_report(0);
    } else if (!boundaries.empty()) {
      run_boundary(0);
    } else if (!slices.empty()) {
      run_slice(0);
    } else if (unacknowledged) {
      acknowledge();
    } else if (batch) {
      if (!write_batch()) return;
    } else if (!close_batch()) {
      return;
    }
  }
}

}  // namespace coremachine::testing
