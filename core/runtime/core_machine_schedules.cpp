// What CoreMachine says of schedules: it judges a spec where it is called, and asks the thread of the schedules.

#include <coremachine/runtime/core_machine.hpp>

#include <future>
#include <memory>
#include <utility>

#include "core/runtime/schedule_duty.hpp"
#include "core/runtime/schedule_faults.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine {
namespace {

template <class T>
using Then = std::function<void(Result<T>)>;
using runtime::Scheduler;

template <class T>
void ask(runtime::Shell& shell, std::function<void(Scheduler&)> question, const Then<T>& then) {
  shell.schedules().ask(std::move(question), [then](const Error& error) { then(error); });
}

/// Calls `begin` with a continuation, and waits until that is called.
template <class T, class Begin>
Result<T> await(const Begin& begin) {
  // The thread that answers may still hold it when this one goes on.
  const auto promise = std::make_shared<std::promise<Result<T>>>();
  auto answered = promise->get_future();
  begin([promise](Result<T> result) { promise->set_value(std::move(result)); });
  return answered.get();
}

}  // namespace

void CoreMachine::create_schedule_then(ScheduleSpec spec, Then<ScheduleView> then) {
  auto sound = shell_->schedules().judge(std::move(spec));
  if (!sound) return then(sound.error());
  ask<ScheduleView>(
      *shell_,
      [sound = std::move(*sound), then](Scheduler& scheduler) mutable { scheduler.create(std::move(sound), then); },
      then);
}

void CoreMachine::put_schedule_then(std::string_view id, ScheduleSpec spec, Then<SchedulePut> then) {
  if (!spec.name.empty() && spec.name != id) {
    return then(runtime::invalid_schedule(
        {{"/name", "is another than that of the schedule, which cannot be changed; leave it out"}}));
  }
  if (!is_valid_name(id)) {
    return then(runtime::invalid_schedule({{"/name", "is no name; a name is " + std::string(name_rule)}}));
  }
  spec.name = id;
  auto sound = shell_->schedules().judge(std::move(spec));
  if (!sound) return then(sound.error());
  ask<SchedulePut>(
      *shell_,
      [sound = std::move(*sound), then](Scheduler& scheduler) mutable { scheduler.put(std::move(sound), then); }, then);
}

void CoreMachine::schedule_then(std::string_view id, std::size_t next_times, Then<ScheduleView> then) const {
  ask<ScheduleView>(
      *shell_, [id = std::string(id), next_times, then](Scheduler& scheduler) { scheduler.show(id, next_times, then); },
      then);
}

void CoreMachine::schedules_then(const ScheduleQuery& query, Then<SchedulePage> then) const {
  ask<SchedulePage>(
      *shell_, [query, then](Scheduler& scheduler) { scheduler.list(query, then); }, then);
}

void CoreMachine::remove_schedule_then(std::string_view id, Then<void> then) {
  ask<void>(
      *shell_, [id = std::string(id), then](Scheduler& scheduler) { scheduler.remove(id, then); }, then);
}

void CoreMachine::pause_schedule_then(std::string_view id, Then<ScheduleView> then) {
  ask<ScheduleView>(
      *shell_, [id = std::string(id), then](Scheduler& scheduler) { scheduler.set_paused(id, true, then); }, then);
}

void CoreMachine::resume_schedule_then(std::string_view id, Then<ScheduleView> then) {
  ask<ScheduleView>(
      *shell_, [id = std::string(id), then](Scheduler& scheduler) { scheduler.set_paused(id, false, then); }, then);
}

void CoreMachine::run_schedule_then(std::string_view id, Then<ScheduleRun> then) {
  ask<ScheduleRun>(
      *shell_, [id = std::string(id), then](Scheduler& scheduler) { scheduler.run(id, then); }, then);
}

Result<ScheduleView> CoreMachine::create_schedule(ScheduleSpec spec) {
  return await<ScheduleView>([&](auto then) { create_schedule_then(std::move(spec), std::move(then)); });
}
Result<SchedulePut> CoreMachine::put_schedule(std::string_view id, ScheduleSpec spec) {
  return await<SchedulePut>([&](auto then) { put_schedule_then(id, std::move(spec), std::move(then)); });
}
Result<ScheduleView> CoreMachine::schedule(std::string_view id, std::size_t next_times) const {
  return await<ScheduleView>([&](auto then) { schedule_then(id, next_times, std::move(then)); });
}
Result<SchedulePage> CoreMachine::schedules(const ScheduleQuery& query) const {
  return await<SchedulePage>([&](auto then) { schedules_then(query, std::move(then)); });
}
Result<void> CoreMachine::remove_schedule(std::string_view id) {
  return await<void>([&](auto then) { remove_schedule_then(id, std::move(then)); });
}
Result<ScheduleView> CoreMachine::pause_schedule(std::string_view id) {
  return await<ScheduleView>([&](auto then) { pause_schedule_then(id, std::move(then)); });
}
Result<ScheduleView> CoreMachine::resume_schedule(std::string_view id) {
  return await<ScheduleView>([&](auto then) { resume_schedule_then(id, std::move(then)); });
}
Result<ScheduleRun> CoreMachine::run_schedule(std::string_view id) {
  return await<ScheduleRun>([&](auto then) { run_schedule_then(id, std::move(then)); });
}

}  // namespace coremachine
