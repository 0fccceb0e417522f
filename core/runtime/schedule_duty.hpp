#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/runtime/scheduler.hpp"

namespace coremachine::runtime {

class Shell;

/// Runs the schedules of a machine on a thread of its own, which there is from the first schedule on: it sleeps until
/// one is due, a minute at most. Schedules take no time of the engine, and read time zones where nobody waits for it.
class ScheduleDuty final : public ScheduleHost, public std::enable_shared_from_this<ScheduleDuty> {
 public:
  struct Setup {
    Shell* shell = nullptr;  ///< outlives `stop`
    std::function<Timestamp()> clock;
    std::function<void(const std::string&)> log;
    std::function<void(std::string_view)> fault_point;  ///< may be empty
  };
  explicit ScheduleDuty(Setup setup);
  ~ScheduleDuty() override;

  /// Takes up the schedules in the store. Throws Failure: they cannot be read.
  void load();
  /// Nothing fires any more when it returns, and every question is answered.
  void stop();

  // From any thread.

  /// What a spec is as soon as nothing is wrong with it; without a name it gets one. Reads its time zone.
  Result<Scheduler::Sound> judge(ScheduleSpec spec) const;
  /// Calls `question` on the thread of the schedules, or `refuse`.
  void ask(std::function<void(Scheduler&)> question, std::function<void(const Error&)> refuse);
  /// Looks at the clock.
  void wake();

  Timestamp now() const override;
  void save(std::vector<Setting> settings, SavedFunction then) override;
  Result<void> check(const ScheduleSpec& spec) const override;
  void submit(const ScheduleSpec& spec, const schedule::Submit& what, std::function<void(Result<JobId>)> then) override;
  std::optional<JobId> find_submission(const std::string& key) const override;
  void cancel(JobId job) override;
  void await_end(JobId job, std::function<void()> then) override;
  void show(JobId job, std::function<void(Result<JobView>)> then) override;
  void log(const std::string& message) const override;

 private:
  struct Question {
    std::function<void(Scheduler&)> ask;
    std::function<void(const Error&)> refuse;  ///< may be empty
  };
  void run();
  void enter(std::function<void()> function);
  Result<bool> is_over(JobId job) const;
  void reach(const char* point) const;

  const Setup setup_;
  Scheduler scheduler_;  ///< of the thread alone

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Question> questions_;
  bool looks_ = false;  ///< somebody wants the clock looked at
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace coremachine::runtime
