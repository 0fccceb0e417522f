#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coremachine/runtime/schedules.hpp>

#include "core/runtime/schedule_host.hpp"
#include "core/runtime/schedule_record.hpp"
#include "core/schedule/schedule_step.hpp"
#include "core/schedule/timetable.hpp"

namespace coremachine::runtime {

/// All schedules of a machine: takes each through its steps, and carries out what they say, through the host. One
/// caller at a time, and no threads of its own.
///
/// A firing and its submission cannot come apart. The state that has the firing as `starting` is given to the host
/// before the submission, so that a crash leaves both, or the state alone, or neither: then it is submitted again with
/// the same key, or fires again. What `starting` became is saved when the answer is there; lost, it is asked for again.
class Scheduler {
 public:
  /// The host outlives the scheduler.
  explicit Scheduler(ScheduleHost& host, schedule::ZoneSource zones = schedule::TimeZone::load);

  /// As an earlier machine left it, one after the other and before all else.
  void adopt(const std::string& id, const Text& spec, const Text& state);

  /// Fires what is due. Returns how long nothing more will be: call it again then or earlier; never, if there is
  /// nothing. The wall clock may be set meanwhile, so it is never longer than a minute.
  std::optional<Milliseconds> tick();

  /// A spec that was found sound, with its timetable.
  struct Sound {
    ScheduleSpec spec;
    schedule::Timetable times;
  };
  template <class T>
  using Then = std::function<void(Result<T>)>;
  // Each calls its `then` once, on any thread, when what it tells is durable.
  void create(Sound sound, Then<ScheduleView> then);
  void put(Sound sound, const Then<SchedulePut>& then);
  void show(const std::string& id, std::size_t next_times, const Then<ScheduleView>& then) const;
  void list(const ScheduleQuery& query, const Then<SchedulePage>& then) const;
  void remove(const std::string& id, const Then<void>& then);
  void set_paused(const std::string& id, bool paused, const Then<ScheduleView>& then);
  void run(const std::string& id, Then<ScheduleRun> then);

  /// Answers those who wait for a job of `run`: nothing more will come.
  void close(const Error& why);

 private:
  using SaveNumber = std::uint64_t;

  struct Entry {
    ScheduleRecord record;
    schedule::Timetable times;
    std::string trouble = {};      ///< why `times` has none
    std::uint64_t generation = 0;  ///< tells it from an earlier one of that id
    SaveNumber saved = 0;          ///< what a view of it depends on
    std::optional<Timestamp> rings_at = {};
    std::vector<Firing> postponed = {};  ///< refused for now
    std::optional<Timestamp> retry_at = {};
    Milliseconds retry_pause{0};
    std::optional<Timestamp> alarm = {};  ///< its place in `alarms_`
    std::string complaint = {};           ///< that was logged last
  };
  enum class Write : std::uint8_t { state_if_changed, all };

  Entry* find(const std::string& id, std::uint64_t generation);
  const Entry* find(const std::string& id) const;
  Entry* find(const std::string& id);
  Error unknown(std::string_view id) const;

  // What happens to a schedule.
  Entry& add(ScheduleRecord record, schedule::Timetable times);
  void recover(Entry& entry);
  void tell(Entry& entry, const schedule::Event& event, Timestamp now, Write write = Write::state_if_changed);
  void note(Entry& entry, const schedule::Event& event, const std::vector<schedule::Action>& actions, Timestamp now);
  void submit(const Entry& entry, const schedule::Submit& what);
  void submitted(const std::string& id, std::uint64_t generation, const Firing& firing, Result<JobId> result);
  void refused(Entry& entry, const Firing& firing, const Error& error, bool told);
  void await_end(const Entry& entry, JobId job);
  void postpone(Entry& entry, const Firing& firing);
  void ring(Entry& entry, Timestamp now);
  void clock_was_set_back(Timestamp now, bool far);
  void set_alarm(Entry& entry);
  bool answer_run(std::uint64_t generation, const Firing& firing, const Result<JobId>& result);
  bool finds_zone(Entry& entry);

  // What is told.
  void save(Entry& entry, bool with_spec);
  void save(std::vector<Setting> settings, ScheduleHost::SavedFunction then);
  void when_durable(SaveNumber number, ScheduleHost::SavedFunction then) const;
  template <class T>
  void answer(SaveNumber depends_on, Result<T> result, const Then<T>& then) const {
    when_durable(depends_on, told(std::move(result), then));
  }
  template <class T>
  static ScheduleHost::SavedFunction told(Result<T> result, Then<T> then) {
    return [result = std::move(result), then = std::move(then)](std::optional<Error> error) mutable {
      then(error ? Result<T>(std::move(*error)) : std::move(result));
    };
  }
  ScheduleView view_of(const Entry& entry, std::size_t next_times) const;
  std::vector<Timestamp> next_times_of(const Entry& entry, std::size_t count) const;

  ScheduleHost& host_;
  const schedule::ZoneSource zones_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, std::string, std::less<>> unreadable_;  ///< by id: why
  std::set<std::pair<Timestamp, std::string>> alarms_;
  std::map<std::pair<std::uint64_t, Timestamp>, Then<ScheduleRun>> runs_;  ///< by generation and time of the firing
  std::uint64_t generations_ = 0;
  std::optional<Timestamp> last_look_;
  SaveNumber saves_ = 0;
  SaveNumber roster_saved_ = 0;  ///< by which schedules came or went
  std::shared_ptr<std::atomic<SaveNumber>> durable_ = std::make_shared<std::atomic<SaveNumber>>(0);
};

}  // namespace coremachine::runtime
