#include "core/runtime/schedule_duty.hpp"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include <pthread.h>

#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/runtime/schedule_faults.hpp"
#include "core/runtime/shell.hpp"

namespace coremachine::runtime {
namespace {

Error stopped() {
  return Error{ErrorCode::draining, "the machine has stopped"};
}

/// `report-x2k9…`: nobody has it yet.
std::string made_up_name(const std::string& job_type) {
  constexpr std::string_view letters = "abcdefghjkmnpqrstvwxyz0123456789";
  constexpr std::size_t longest_type = 100;
  auto name = is_valid_name(job_type) ? job_type.substr(0, longest_type) : "schedule";
  while (name.back() == '.') name.pop_back();
  name += '-';
  std::random_device random;
  for (int i = 0; i < 12; ++i) name += letters[random() % letters.size()];
  return name;
}

SubmitOptions options_of(const ScheduleSpec& spec) {
  SubmitOptions options;
  options.priority = spec.priority;
  options.timeout = spec.timeout;
  options.tags = spec.tags;
  options.tags.push_back("schedule:" + spec.name);
  return options;
}

/// What the job of that firing is given.
json::object params_of(const ScheduleSpec& spec, Timestamp scheduled_for) {
  auto params = parse_stored(spec.params).as_object();
  if (!spec.time_param.empty()) params[spec.time_param] = to_rfc3339(scheduled_for);
  return params;
}

/// Why a job was refused that a schedule would submit, as faults of the schedule.
std::vector<ParamFault> faults_of(const Error& error) {
  if (error.code == ErrorCode::unknown_job_type || error.code == ErrorCode::wrong_state) {
    return {{"/job_type", error.message}};
  }
  if (error.faults.empty()) return {{"/params", error.message}};
  auto faults = error.faults;
  for (auto& fault : faults) fault.pointer.insert(0, "/params");
  return faults;
}

}  // namespace

ScheduleDuty::ScheduleDuty(Setup setup) : setup_(std::move(setup)), scheduler_(*this) {}

ScheduleDuty::~ScheduleDuty() {
  stop();
}

void ScheduleDuty::load() {
  auto specs = setup_.shell->store().read_settings(spec_setting);
  if (specs.empty()) return;
  std::map<std::string, Text> states;
  for (auto& state : setup_.shell->store().read_settings(state_setting)) states[state.name] = std::move(state.value);
  ask(
      [specs = std::move(specs), states = std::move(states)](Scheduler& scheduler) mutable {
        for (const auto& spec : specs) scheduler.adopt(spec.name, spec.value, states[spec.name]);
      },
      {});
}

// ---- the thread ----

void ScheduleDuty::ask(std::function<void(Scheduler&)> question, std::function<void(const Error&)> refuse) {
  std::unique_lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    if (refuse) refuse(stopped());
    return;
  }
  questions_.push_back({std::move(question), std::move(refuse)});
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  lock.unlock();
  changed_.notify_one();
}

void ScheduleDuty::enter(std::function<void()> function) {
  ask([function = std::move(function)](Scheduler&) { function(); }, {});
}

void ScheduleDuty::wake() {
  {
    const std::lock_guard lock(mutex_);
    looks_ = true;
  }
  changed_.notify_one();
}

void ScheduleDuty::run() {
  ::pthread_setname_np(::pthread_self(), "cm-schedules");
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    looks_ = false;
    auto questions = std::exchange(questions_, {});
    lock.unlock();
    const auto before = scheduler_.tick();
    for (auto& question : questions) question.ask(scheduler_);
    const auto wait = questions.empty() ? before : scheduler_.tick();
    lock.lock();
    const auto called = [this] { return stopped_ || looks_ || !questions_.empty(); };
    if (wait) {
      changed_.wait_for(lock, *wait, called);
    } else {
      changed_.wait(lock, called);
    }
  }
}

void ScheduleDuty::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  for (auto& question : std::exchange(questions_, {})) {
    if (question.refuse) question.refuse(stopped());
  }
  scheduler_.close(stopped());
}

// ---- what the machine does for schedules ----

void ScheduleDuty::reach(const char* point) const {
  if (setup_.fault_point) setup_.fault_point(point);
}

Timestamp ScheduleDuty::now() const {
  return setup_.clock();
}

void ScheduleDuty::log(const std::string& message) const {
  setup_.log(message);
}

void ScheduleDuty::save(std::vector<Setting> settings, SavedFunction then) {
  reach("SaveSchedule:before");
  setup_.shell->post(SettingsInput{
      std::move(settings), [then = std::move(then)](machine::Answer&& answer) { then(std::move(answer.error)); }});
  reach("SaveSchedule:after");
}

Result<void> ScheduleDuty::check(const ScheduleSpec& spec) const {
  const auto sound = setup_.shell->check(spec.job_type, params_of(spec, now()), options_of(spec));
  if (!sound) return sound.error();
  return {};
}

Result<Scheduler::Sound> ScheduleDuty::judge(ScheduleSpec spec) const {
  if (spec.name.empty()) spec.name = made_up_name(spec.job_type);
  auto faults = as_param_faults(schedule::spec_faults(spec));
  const auto is_wrong = [&](std::string_view pointer) {
    return std::any_of(faults.begin(), faults.end(), [&](const auto& fault) { return fault.pointer == pointer; });
  };
  if (!is_wrong("/job_type") && !is_wrong("/params")) {
    if (const auto sound = check(spec); !sound) {
      for (auto& fault : faults_of(sound.error())) faults.push_back(std::move(fault));
    }
  }
  // With a sound expression nothing else can be wrong.
  const bool readable = !is_wrong("/cron") && !is_wrong("/every") && !is_wrong("/anchor") && !is_wrong("/time_zone");
  std::optional<schedule::Timetable> times;
  if (readable) {
    auto made = schedule::Timetable::make(spec);
    if (made) times = std::move(*made);
    if (!made) faults.push_back({"/time_zone", made.error().message});
  }
  if (!faults.empty()) return invalid_schedule(std::move(faults));
  return Scheduler::Sound{std::move(spec), std::move(*times)};
}

void ScheduleDuty::submit(const ScheduleSpec& spec, const schedule::Submit& what,
                          std::function<void(Result<JobId>)> then) {
  reach("SubmitFiring:before");
  auto options = options_of(spec);
  options.idempotency_key = what.idempotency_key;
  auto submission = setup_.shell->check(spec.job_type, params_of(spec, what.firing.scheduled_for), options);
  if (!submission) {
    return enter([then = std::move(then), error = submission.error()] { then(error); });
  }
  auto accepted = [self = shared_from_this(), then = std::move(then)](machine::Answer&& answer) {
    auto result = answer.error ? Result<JobId>(std::move(*answer.error)) : Result<JobId>(answer.job);
    self->enter([then, result = std::move(result)] { then(result); });
  };
  setup_.shell->post(SubmitInput{std::move(*submission), machine::Engine::Until::accepted, std::move(accepted)});
  reach("SubmitFiring:after");
}

std::optional<JobId> ScheduleDuty::find_submission(const std::string& key) const {
  try {
    const auto found = setup_.shell->store().find_key("i:" + key);
    return found ? std::optional(found->job) : std::nullopt;
  } catch (const Failure& failure) {
    log("a submission of a schedule cannot be looked up: " + failure.error().message);
    return std::nullopt;
  }
}

void ScheduleDuty::cancel(JobId job) {
  reach("CancelJob:before");
  setup_.shell->post(ControlInput{job, machine::Control::cancel, [](machine::Answer&&) {}});
}

void ScheduleDuty::await_end(JobId job, std::function<void()> then) {
  auto answered = [self = shared_from_this(), job, then = std::move(then)](machine::Answer&& answer) {
    const bool unknown = answer.error && answer.error->code == ErrorCode::unknown_job;
    if (answer.error && !unknown) return;
    self->enter([self = self.get(), job, then, unknown] {
      const auto over = unknown ? self->is_over(job) : true;
      if (!over) return self->log("whether job " + job.str() + " is over: " + over.error().message);
      if (*over) return then();
      self->await_end(job, then);  // it is being run again just now
    });
  };
  setup_.shell->post(AwaitInput{job, std::move(answered)});
}

Result<bool> ScheduleDuty::is_over(JobId job) const {
  const auto stored = setup_.shell->stored_view(job);
  if (stored) return is_terminal(stored->status);
  if (stored.error().code != ErrorCode::unknown_job) return stored.error();
  return true;
}

void ScheduleDuty::show(JobId job, std::function<void(Result<JobView>)> then) {
  auto answered = [self = shared_from_this(), job, then = std::move(then)](machine::Answer&& answer) {
    if (!answer.error) return then(make_view(*answer.view));
    if (answer.error->code != ErrorCode::unknown_job) return then(std::move(*answer.error));
    self->ask([self = self.get(), job, then](Scheduler&) { then(self->setup_.shell->stored_view(job)); }, then);
  };
  setup_.shell->post(InspectInput{job, std::move(answered)});
}

}  // namespace coremachine::runtime
