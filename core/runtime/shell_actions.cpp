#include <algorithm>
#include <utility>

#include "core/registry/task_callable.hpp"
#include "core/runtime/announcement.hpp"
#include "core/runtime/load_job.hpp"
#include "core/runtime/shell.hpp"
#include "core/threads/wake_gathering.hpp"

namespace coremachine::runtime {

void Shell::reach(std::size_t action, const char* side) const {
  if (setup_.fault_point) setup_.fault_point(std::string(machine::action_names[action]) + ":" + side);
}

void Shell::carry_out(std::vector<machine::Action> actions) {
  struct CarryOut {
    Shell& shell;
    void operator()(machine::RunBoundary& run) const { shell.new_boundaries_.push_back(std::move(run)); }
    void operator()(machine::StopBoundary& stop) const {
      {
        const std::lock_guard lock(shell.cancelled_mutex_);
        shell.cancelled_boundaries_[stop.job] = stop.boundary;
      }
      shell.pool_->boundary_abandoned(stop.job, stop.boundary);
    }
    void operator()(machine::RecallBoundary& recall) const { shell.take_back(recall); }
    void operator()(machine::RunSlice& run) const { shell.run_slice(std::move(run)); }
    void operator()(machine::RecallSlice& recall) const { shell.take_back(recall.id, false); }
    void operator()(machine::StopSlice& stop) const { shell.take_back(stop.id, true); }
    void operator()(machine::Answer& answer) const {
      const auto request = answer.request;
      shell.finish(request, std::move(answer));
    }
    void operator()(machine::LoadJob& load) const { shell.load(load); }
    void operator()(machine::Announce& announce) const { shell.announce(announce); }
  };
  // Who is answered here may have one to wake: when all of this is told. Unless the thread gathers for longer anyway.
  threads::WakeGathering gathering;
  const bool gathers = threads::WakeGathering::current() == nullptr;
  if (gathers) gathering.turn(true);
  while (!actions.empty()) {
    for (auto& action : actions) {
      const auto kind = action.index();
      if (setup_.fault_point) reach(kind, "before");
      std::visit(CarryOut{*this}, action);
      if (setup_.fault_point) reach(kind, "after");
    }
    actions = engine_->take_actions();  // taking a slice back is a report, which may have its own consequences
  }
  if (gathers) gathering.turn(false);
  gathering.end();
  if (new_boundaries_.empty() && new_slices_.empty()) return;
  pool_->add(std::exchange(new_boundaries_, {}), std::exchange(new_slices_, {}));
}

void Shell::run_slice(machine::RunSlice work) {
  const auto* callable = tasks_.find_callable(work.spec.task_type);
  auto state = std::make_shared<SliceState>(std::move(work));
  slices_.emplace(state->work().id, state);
  if (callable && callable->coroutine) {
    io_->run(std::move(state), callable->coroutine);
  } else {
    if (is_watched(state->work().spec)) watched_.push_back(state->work().id);
    new_slices_.push_back(std::move(state));
  }
}

void Shell::take_back(machine::SliceId id, bool stop) {
  const auto found = slices_.find(id);
  if (found == slices_.end()) return;
  const auto slice = found->second;
  const auto* callable = tasks_.find_callable(slice->work().spec.task_type);
  if (stop) slice->cancelled().store(true);
  if (callable && callable->coroutine) {
    if (stop) io_->cancel(id);
    return;
  }
  if (stop && !slice->stopped_at) {
    slice->stopped_at = std::chrono::steady_clock::now();
    if (!is_watched(slice->work().spec)) watched_.push_back(id);
  }
  auto returned = slice->take_back();
  const auto waiting = std::find(new_slices_.begin(), new_slices_.end(), slice);
  bool never_ran = false;
  if (waiting != new_slices_.end()) {
    new_slices_.erase(waiting);
    never_ran = true;
  } else {
    never_ran = pool_->withdraw(id);
  }
  if (never_ran) slices_.erase(id);
  if (returned.empty() && !never_ran) return;
  if (log_->wants(LogLevel::debug))
    log_->debug("tasks that had not begun were taken back", {{"job_id", slice->work().slice.job.str()},
                                                             {"round", slice->work().slice.round},
                                                             {"task_type", slice->work().spec.task_type},
                                                             {"count", returned.size()}});
  Report report;
  report.round = slice->work().slice.round;
  report.chunk = slice->work().slice.chunk;
  report.incarnation = slice->work().slice.incarnation;
  report.returned = std::move(returned);
  engine_->slice_reported(draw(), id, std::move(report), never_ran);
}

void Shell::take_back(const machine::RecallBoundary& recall) {
  const auto same = [&](const machine::RunBoundary& run) {
    return run.call->job == recall.job && run.call->boundary.number == recall.boundary;
  };
  const bool never_ran = std::erase_if(new_boundaries_, same) > 0 || pool_->withdraw(recall.job, recall.boundary);
  if (!never_ran) return;
  boundary_ms_ = long_ms;  // what is before it takes long: no more are queued until that is over
  engine_->boundary_returned(recall.job, recall.boundary);
}

void Shell::load(const machine::LoadJob& load) {
  const auto read = [this, load] {
    LoadedInput input;
    input.request = load.request;
    try {
      if (const auto stored = setup_.store->read_job(load.job)) {
        auto [job, target] = load_to_redrive(*setup_.store, *stored);
        input.loaded = std::make_shared<LoadedInput::Loaded>(LoadedInput::Loaded{std::move(job), std::move(target)});
      } else {
        input.error = Error{ErrorCode::unknown_job, "there is no job " + load.job.str()};
      }
    } catch (const Failure& failure) {
      input.error = failure.error();
    }
    post(std::move(input));
  };
  io_->execute(read);
}

void Shell::announce(const machine::Announce& announce) {
  note(announce);
  const auto found = listeners_.find(announce.job);
  if (found == listeners_.end()) return;
  const auto event = describe(announce.job, announce.what, announce.traceparent);
  for (const auto& weak : found->second) {
    if (const auto listener = weak.lock()) (*listener)(event);
  }
  const auto gone = std::erase_if(found->second, [](const auto& weak) { return weak.expired(); });
  for (std::size_t i = 0; i < gone; ++i) engine_->follow(announce.job, false);
  if (announce.what.kind == PublishedKind::job_ended || found->second.empty()) {
    listeners_.erase(found);
    own_listeners_.erase(announce.job);
  }
}

void Shell::finish(machine::RequestId request, machine::Answer&& answer) {
  auto found = requests_.find(request);
  if (found == requests_.end()) return;
  const auto kept = std::move(found->second);
  requests_.erase(found);
  if (kept.is_submission) ++returning_;
  kept.then(std::move(answer));
}

void Shell::store_failed(const Error& error) {
  failed_ = true;
  failure_ = error;
  metrics_.store_failed.set(1);
  if (setup_.options.failed) setup_.options.failed(error);
  log_->error("stopped: " + error.message, {{"code", to_string(error.code)}});
  auto requests = std::exchange(requests_, {});
  for (auto& [request, kept] : requests) {
    machine::Answer answer;
    answer.request = request;
    answer.error = error;
    kept.then(std::move(answer));
  }
}

}  // namespace coremachine::runtime
