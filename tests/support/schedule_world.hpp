#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/model/json_text.hpp"
#include "core/runtime/scheduler.hpp"

namespace coremachine::support {

/// A machine for schedules without threads: what was asked for lies in an inbox, then in a batch, and is on disk only
/// when that is committed. A crash takes all that is not.
class ScheduleWorld final : public runtime::ScheduleHost {
 public:
  explicit ScheduleWorld(Timestamp start) : time(start) { start_scheduler(); }

  struct Job {
    JobId id;
    std::string params;
    bool over = false;
  };
  struct Save {
    std::vector<Setting> settings;
    SavedFunction then;
  };
  struct Submission {
    std::string key;
    std::string params;
    std::function<void(Result<JobId>)> then;
  };

  Timestamp time;
  std::map<std::string, std::map<std::string, Text>> settings;  ///< on disk, by kind and name
  std::map<std::string, Job> jobs;                              ///< on disk, by key
  std::deque<std::variant<Save, Submission>> inbox;
  std::vector<Save> saves;  ///< of the open batch
  std::vector<std::pair<std::string, Job>> new_jobs;
  std::vector<std::pair<JobId, std::function<void(Result<JobId>)>>> answers;  ///< that wait for the commit
  std::deque<std::function<void()>> calls;                                    ///< to the scheduler
  std::vector<std::pair<JobId, std::function<void()>>> awaited;
  std::vector<std::string> logged;
  std::optional<Error> refusal;  ///< what comes of submissions
  std::optional<Error> trouble;  ///< what `check` finds
  schedule::ZoneSource zones = schedule::TimeZone::load;
  std::unique_ptr<runtime::Scheduler> scheduler;

  // ---- what can happen next ----
  bool handle_one() {
    if (inbox.empty()) return false;
    auto next = std::move(inbox.front());
    inbox.pop_front();
    if (auto* save = std::get_if<Save>(&next)) {
      saves.push_back(std::move(*save));
    } else {
      take(std::get<Submission>(next));
    }
    return true;
  }
  bool commit() {
    if (saves.empty() && new_jobs.empty() && answers.empty()) return false;
    for (auto& [key, job] : std::exchange(new_jobs, {})) jobs.emplace(key, job);
    auto saved = std::exchange(saves, {});
    for (const auto& save : saved) {
      for (const auto& setting : save.settings) {
        if (setting.value) settings[setting.kind][setting.name] = setting.value;
        if (!setting.value) settings[setting.kind].erase(setting.name);
      }
    }
    for (auto& save : saved) save.then(std::nullopt);
    for (auto& [id, then] : std::exchange(answers, {})) {
      calls.push_back([then = std::move(then), id = id] { then(id); });
    }
    return true;
  }
  bool call_one() {
    if (calls.empty()) return false;
    const auto next = std::move(calls.front());
    calls.pop_front();
    next();
    return true;
  }
  void end(Job& job) {
    job.over = true;
    for (auto& [id, then] : awaited) {
      if (id == job.id) calls.push_back(std::exchange(then, {}));
    }
    std::erase_if(awaited, [](const auto& each) { return !each.second; });
  }
  void end_all() {
    for (auto& [key, job] : jobs) {
      if (!job.over) end(job);
    }
  }
  void crash() {
    inbox.clear();
    saves.clear();
    new_jobs.clear();
    answers.clear();
    calls.clear();
    awaited.clear();
    start_scheduler();
  }
  /// Until nothing more happens by itself.
  void settle() {
    while (handle_one() || commit() || call_one()) {
    }
  }
  void tick(Milliseconds later = {}) {
    time += later;
    wait = scheduler->tick();
  }
  std::optional<Milliseconds> wait;  ///< what the last tick said

  /// Asks and waits; the answer of a question that nobody answers is a fault of the test.
  template <class T, class Ask>
  Result<T> ask(const Ask& question) {
    std::optional<Result<T>> answer;
    question(*scheduler, [&](Result<T> told) { answer = std::move(told); });
    settle();
    return answer.value();
  }
  Result<ScheduleView> create(ScheduleSpec spec) {
    auto times = schedule::Timetable::make(spec, zones).value();
    return ask<ScheduleView>([&](auto& of, auto then) { of.create({std::move(spec), std::move(times)}, then); });
  }
  Result<SchedulePut> put(ScheduleSpec spec) {
    auto times = schedule::Timetable::make(spec, zones).value();
    return ask<SchedulePut>([&](auto& of, auto then) { of.put({std::move(spec), std::move(times)}, then); });
  }
  Result<ScheduleView> show(const std::string& id, std::size_t next_times = 5) {
    return ask<ScheduleView>([&](auto& of, auto then) { of.show(id, next_times, then); });
  }
  Result<ScheduleView> set_paused(const std::string& id, bool paused) {
    return ask<ScheduleView>([&](auto& of, auto then) { of.set_paused(id, paused, then); });
  }
  Result<ScheduleRun> run(const std::string& id) {
    return ask<ScheduleRun>([&](auto& of, auto then) { of.run(id, then); });
  }
  Result<void> remove(const std::string& id) {
    return ask<void>([&](auto& of, auto then) { of.remove(id, then); });
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> all;
    for (const auto& [key, job] : jobs) all.push_back(key);
    return all;
  }

  // ---- ScheduleHost ----
  Timestamp now() const override { return time; }
  void save(std::vector<Setting> what, SavedFunction then) override { inbox.push_back(Save{std::move(what), then}); }
  Result<void> check(const ScheduleSpec&) const override {
    if (trouble) return *trouble;
    return {};
  }
  void submit(const ScheduleSpec& spec, const schedule::Submit& what,
              std::function<void(Result<JobId>)> then) override {
    inbox.push_back(Submission{what.idempotency_key, spec.params, std::move(then)});
  }
  std::optional<JobId> find_submission(const std::string& key) const override {
    const auto found = jobs.find(key);
    return found == jobs.end() ? std::nullopt : std::optional(found->second.id);
  }
  void cancel(JobId id) override {
    for (auto& [key, job] : jobs) {
      if (job.id == id && !job.over) end(job);
    }
  }
  void await_end(JobId id, std::function<void()> then) override {
    for (const auto& [key, job] : jobs) {
      if (job.id == id && !job.over) return awaited.emplace_back(id, std::move(then)), void();
    }
    calls.push_back(std::move(then));
  }
  void show(JobId job, std::function<void(Result<JobView>)> then) override {
    calls.push_back([job, then = std::move(then)] {
      JobView view;
      view.id = job;
      then(std::move(view));
    });
  }
  void log(const std::string& message) const override { const_cast<ScheduleWorld*>(this)->logged.push_back(message); }

 private:
  void start_scheduler() {
    scheduler = std::make_unique<runtime::Scheduler>(*this, [this](std::string_view name) { return zones(name); });
    for (const auto& [name, text] : settings[runtime::spec_setting]) {
      scheduler->adopt(name, text, settings[runtime::state_setting][name]);
    }
  }

  void take(Submission& submission) {
    const auto answer = [&](Error error) {
      calls.push_back([then = submission.then, error = std::move(error)] { then(error); });
    };
    if (refusal) return answer(*refusal);
    auto known = jobs.find(submission.key);
    const auto pending =
        std::find_if(new_jobs.begin(), new_jobs.end(), [&](const auto& each) { return each.first == submission.key; });
    const auto* before = known != jobs.end() ? &known->second : pending != new_jobs.end() ? &pending->second : nullptr;
    if (before && before->params != submission.params) return answer({ErrorCode::key_conflict, "the key is taken"});
    if (before) return answers.emplace_back(before->id, submission.then), void();
    Job job{JobId{7, ++ids_}, submission.params};
    answers.emplace_back(job.id, submission.then);
    new_jobs.emplace_back(submission.key, std::move(job));
  }

  std::uint64_t ids_ = 0;
};

}  // namespace coremachine::support
