#include "tests/simulation/simulation.hpp"

#include <map>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "core/model/job_view.hpp"
#include "core/model/json_text.hpp"
#include "core/runtime/announcement.hpp"
#include "core/runtime/past_events.hpp"
#include "core/store/check.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/testing/lone_shell.hpp"
#include "tests/support/sim_jobs.hpp"

namespace coremachine::simulation {
namespace {

namespace json = boost::json;

/// A store whose disk is full now and then.
class MoodyStore final : public Store {
 public:
  explicit MoodyStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}
  bool full = false;

  Incarnation begin_incarnation() override { return store_->begin_incarnation(); }
  CommitSequence last_commit() const override { return store_->last_commit(); }
  Result<void> commit(const Batch& batch) override {
    if (full) return Error{ErrorCode::store_full, "full"};
    return store_->commit(batch);
  }
  std::optional<StoredJob> read_job(JobId id) const override { return store_->read_job(id); }
  std::optional<JobRow> read_row(JobId id) const override { return store_->read_row(id); }
  JobSlice list_jobs(const JobFilter& filter) const override { return store_->list_jobs(filter); }
  std::vector<RoundRow> latest_rounds(JobId job, int stage, std::size_t limit) const override {
    return store_->latest_rounds(job, stage, limit);
  }
  std::optional<RoundRow> read_round(JobId job, RoundNumber round) const override {
    return store_->read_round(job, round);
  }
  std::vector<StoredJob> read_unfinished(std::optional<JobId> after, std::size_t limit) const override {
    return store_->read_unfinished(after, limit);
  }
  std::vector<DefinitionSegment> definition_heads(JobId job, RoundNumber round) const override {
    return store_->definition_heads(job, round);
  }
  std::optional<DefinitionSegment> read_definitions(JobId job, RoundNumber round, ChunkNumber chunk) const override {
    return store_->read_definitions(job, round, chunk);
  }
  std::vector<OutcomeSegment> read_outcomes(const OutcomeQuery& query) const override {
    return store_->read_outcomes(query);
  }
  std::optional<OutcomeSegment> read_outcome(JobId job, RoundNumber round, ChunkNumber chunk,
                                             std::uint32_t sequence) const override {
    return store_->read_outcome(job, round, chunk, sequence);
  }
  std::vector<ChunkOutcomes> count_outcomes(JobId job, const std::vector<RoundNumber>& rounds, ChunkNumber from,
                                            ChunkNumber to) const override {
    return store_->count_outcomes(job, rounds, from, to);
  }
  std::vector<OutcomeSegment> told_failures(JobId job, RoundNumber round) const override {
    return store_->told_failures(job, round);
  }
  std::vector<Setting> read_settings(const std::string& kind) const override { return store_->read_settings(kind); }
  std::optional<SubmissionKey> find_key(const std::string& key) const override { return store_->find_key(key); }
  std::vector<EndedJob> read_ended(std::optional<JobId> after, std::size_t limit) const override {
    return store_->read_ended(after, limit);
  }
  bool is_referenced(const ArtifactId& artifact) const override { return store_->is_referenced(artifact); }
  std::vector<ArtifactId> read_referenced(const std::optional<ArtifactId>& after, std::size_t limit) const override {
    return store_->read_referenced(after, limit);
  }
  std::vector<ArtifactId> references_of(JobId job) const override { return store_->references_of(job); }
  Released take_released() override { return store_->take_released(); }
  bool has_garbage() const override { return store_->has_garbage(); }
  StoreStats stats() const override { return store_->stats(); }
  std::map<JobStatus, std::uint64_t> count_jobs() const override { return store_->count_jobs(); }
  std::uint64_t orphans(bool remove) override { return store_->orphans(remove); }
  std::vector<std::string> check_format() const override { return store_->check_format(); }
  Result<void> backup(const std::string& path) const override { return store_->backup(path); }

 private:
  std::unique_ptr<Store> store_;
};

class Game {
 public:
  Game(std::uint64_t seed, std::unique_ptr<Store> store) : dice_(seed), store_(std::move(store)) {
    support::register_sim_jobs(jobs_, tasks_);
    shell_ = std::make_unique<testing::LoneShell>(jobs_, tasks_, store_, Timestamp{Milliseconds{1'767'225'600'000}});
    // From the first crash on. Few jobs are there at a time: most batches would have room for those that just came.
    if (seed % 2 == 0) shell_->full_batch = 1;
    shell_->observe = [this](const machine::Action& action) {
      const auto* announced = std::get_if<machine::Announce>(&action);
      if (announced) happened(runtime::describe(announced->job, announced->what, announced->traceparent));
    };
  }

  void play() {
    with_workers_ = chance(60);
    shell_->poison_deaths = 255;
    shell_->crash();
    if (with_workers_ && chance(30)) shell_->open_slices = 0;  // nothing runs here, until the end
    shell_->task_ns = std::uint64_t{1000} << draw(12);
    const auto moves = 60 + draw(200);
    for (std::uint64_t i = 0; i < moves; ++i) {
      move();
      note_answers();
    }
    finish();
    verify();
  }

 private:
  struct Accepted {
    json::object params;
    bool meddled = false;  ///< cancelled or retried: how it ends is not foretold
  };

  std::uint64_t draw(std::uint64_t below) { return dice_() % below; }
  std::uint32_t draw32(std::uint32_t below) { return static_cast<std::uint32_t>(dice_() % below); }
  bool chance(std::uint64_t percent) { return draw(100) < percent; }

  void move() {
    auto& shell = *shell_;
    switch (draw(with_workers_ ? 20 : 14)) {
      case 0: return submit();
      case 1: return request();
      case 2:
        if (!shell.boundaries.empty()) shell.run_boundary(draw(shell.boundaries.size()));
        return;
      case 3:
      case 4:
      case 5:
        if (!shell.slices.empty()) shell.run_slice(draw(shell.slices.size()));
        return;
      case 6:
      case 7:
        if (!shell.reports.empty()) {
          const auto which = draw(shell.reports.size());
          if (chance(10)) zombies_.push_back(shell.reports[which]);  // it will come again
          shell.deliver_report(which);
        }
        return;
      case 8:
        if (!shell.decisions.empty()) shell.deliver_decision(draw(shell.decisions.size()));
        return;
      case 9: shell.close_batch(); return;
      case 10:
        store_.full = chance(10);
        if (shell.batch) shell.write_batch();
        return;
      case 11:
        if (shell.unacknowledged) shell.acknowledge();
        return;
      case 12: shell.advance_to(shell.now() + Milliseconds{static_cast<Milliseconds::rep>(draw(400))}); return;
      case 13:
        if (chance(25)) crash();
        if (!zombies_.empty() && chance(50)) {
          shell.reports.push_back(zombies_.back());
          zombies_.pop_back();
        }
        return;
      case 14:
      case 15: return ask_for_tasks();
      case 16:
      case 17: return run_leased();
      case 18: return deliver_lease_report();
      case 19: return renew();
    }
  }

  // ---- workers elsewhere: they die, come back, say things twice and late, and know nothing of a crash ----

  machine::Taker worker() {
    machine::Taker taker;
    taker.name = "w" + std::to_string(draw(3));
    taker.concurrency = 1 + static_cast<std::uint32_t>(draw(3));
    taker.task_types = {"sim.work"};
    taker.many = chance(20);
    return taker;
  }

  void ask_for_tasks() {
    if (shell_->leases.size() < 20) shell_->poll(worker(), 1 + static_cast<std::uint32_t>(draw(chance(50) ? 5 : 2000)));
  }

  void run_leased() {
    if (shell_->leases.empty()) return;
    const auto which = shell_->leases.begin() + static_cast<std::ptrdiff_t>(draw(shell_->leases.size()));
    // What was begun and not told may still be heard of, or never.
    if (chance(85)) lease_reports_.push_back(shell_->run_leased(*which, chance(30) ? 1 + draw32(3) : UINT32_MAX));
    if (chance(30) && !lease_reports_.empty()) return_some(lease_reports_.back());
    if (chance(80)) shell_->leases.erase(which);
  }

  void return_some(machine::LeaseReport& report) {
    for (auto& outcome : report.outcomes) {
      if (chance(80)) continue;
      outcome.kind = machine::LeaseOutcome::Kind::returned;
      outcome.text = nullptr;
    }
  }

  void deliver_lease_report() {
    if (lease_reports_.empty()) return;
    const auto which = draw(lease_reports_.size());
    shell_->report(chance(80) ? worker().name : "", {lease_reports_[which]});
    if (chance(75)) lease_reports_.erase(lease_reports_.begin() + static_cast<std::ptrdiff_t>(which));
  }

  void renew() {
    std::vector<machine::LeaseRenewed> leases;
    for (const auto& lease : shell_->leases) {
      if (!chance(60)) continue;
      machine::LeaseRenewed renewed;
      renewed.lease = lease.id;
      if (chance(30)) renewed.progress.push_back({lease.slice.first, 1, make_text("7")});
      leases.push_back(std::move(renewed));
    }
    shell_->renew(worker(), std::move(leases));
  }

  json::object random_params() {
    json::array stages;
    const auto count = 1 + draw(3);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto width = chance(10) ? 1000 + draw(2000) : chance(15) ? 0 : draw(40);
      json::object stage{{"width", width}};
      if (chance(40)) {
        const auto fail = 1 + draw(4);
        stage["fail"] = fail < 3 ? fail : 1000;  // attempts that are lost count as attempts, and not as failures
        stage["every"] = 1 + draw(7);
      }
      if (chance(25)) stage["lazy"] = true;
      if (chance(20)) stage["max_concurrency"] = 1 + draw(5);
      switch (draw(5)) {
        case 0: stage["join"] = "best_effort"; break;
        case 1: stage["join"] = {{"tolerate", draw(10)}}; break;
        case 2: stage["join"] = {{"at_least", draw(width + 2)}}; break;
        default: break;
      }
      stages.emplace_back(std::move(stage));
    }
    return {{"stages", std::move(stages)}};
  }

  void submit() {
    auto params = random_params();
    std::string text;
    append_json(text, params);
    Submission submission;
    submission.type = chance(50) ? "sim" : "sim_fold";
    submission.params = make_text(std::move(text));
    submission.priority = static_cast<int>(draw(3));
    if (chance(15)) submission.run_at = shell_->now() + Milliseconds{static_cast<Milliseconds::rep>(draw(500))};
    const auto until = chance(40) ? machine::Engine::Until::ended : machine::Engine::Until::accepted;
    const auto id = shell_->submit(std::move(submission), until);
    submitted_.emplace(id, std::move(params));
  }

  void request() {
    if (submitted_.empty()) return;
    auto which = submitted_.begin();
    std::advance(which, static_cast<std::ptrdiff_t>(draw(submitted_.size())));
    switch (draw(8)) {
      case 0:
        meddled_.insert(which->first);
        ended_.erase(which->first);
        shell_->control(which->first, machine::Control::cancel);
        return;
      case 1: shell_->control(which->first, machine::Control::pause); return;
      case 2:
      case 3: shell_->control(which->first, machine::Control::resume); return;
      case 4:
        meddled_.insert(which->first);
        ended_.erase(which->first);
        shell_->control(which->first, machine::Control::redrive);
        return;
      case 5: shell_->await_end(which->first); return;
      case 6:
      case 7: follow(which->first); return;
    }
  }

  // ---- those who follow jobs: what they are told live and what they read afterwards has to be one story ----

  struct Follower {
    std::uint64_t last = 0;  ///< sequence of what was told last
    std::map<std::uint64_t, JobEvent> told = {};
    std::optional<machine::RequestId> asked = {};
    bool live = false;
    std::vector<JobEvent> early = {};  ///< came before the past was read
  };

  void follow(JobId job) {
    auto& follower = followers_[job];
    if (follower.live || follower.asked) return;
    follower.asked = 0;
    follower.asked = shell_->catch_up(job);
  }

  void happened(const JobEvent& event) {
    const auto found = followers_.find(event.job);
    if (found == followers_.end()) return;
    auto& follower = found->second;
    if (follower.live) return tell(follower, event);
    if (follower.asked) follower.early.push_back(event);
  }

  static void tell(Follower& follower, const JobEvent& event) {
    const auto where = event.job.str() + ": " + event.name + " " + std::to_string(event.sequence);
    if (event.sequence <= follower.last) throw std::runtime_error("an event came twice or late: " + where);
    follower.last = event.sequence;
    follower.told.emplace(event.sequence, event);
    const bool ends = event.name.starts_with("job.") && event.name != "job.accepted" && event.name != "job.started";
    if (ends) follower.live = false;
  }

  void note_follower(const machine::Answer& answer) {
    const auto found = followers_.find(answer.job);
    if (found == followers_.end() || found->second.asked != answer.request) return;
    auto& follower = found->second;
    follower.asked.reset();
    const auto early = std::exchange(follower.early, {});
    const auto stored = store_.read_job(answer.job);
    if (answer.error && (!stored || !is_terminal(stored->job.status))) return;
    const auto live_from = answer.error ? UINT64_MAX : answer.view->last_event;
    follower.live = !answer.error;
    for (const auto& event : runtime::past_events(store_, *stored, follower.last)) {
      if (event.sequence <= live_from) tell(follower, event);
    }
    for (const auto& event : early) tell(follower, event);
  }

  void verify_story(const StoredJob& stored) const {
    const auto id = stored.job.id;
    const auto fail = [&](const std::string& what) { throw std::runtime_error(id.str() + ": " + what); };
    const auto job = decode_job(stored.job, stored.rounds);
    const auto events = runtime::past_events(store_, stored, 0);
    std::map<std::uint64_t, const JobEvent*> read;
    std::uint64_t last = 0;
    for (const auto& event : events) {
      if (event.sequence <= last) fail("events that are read do not increase");
      last = event.sequence;
      read.emplace(last, &event);
    }
    if (events.empty() || last != job.last_event) fail("the last event is not the last that is read");
    if (events.back().name != "job." + std::string(to_string(job.status))) fail("its end is not told");
    if (job.attempt == 1 && (events.front().name != "job.accepted" || events.front().sequence != 1))
      fail("its begin is not told");
    const auto found = followers_.find(id);
    if (found == followers_.end()) return;
    const auto& follower = found->second;
    for (const auto& [sequence, event] : read) {
      if (sequence > follower.last) break;
      const auto told = follower.told.find(sequence);
      if (told == follower.told.end()) fail("a follower was not told of event " + std::to_string(sequence));
      if (told->second.name != event->name || told->second.data != event->data)
        fail("a follower was told " + told->second.name + " " + json::serialize(told->second.data) + ", read is " +
             event->name + " " + json::serialize(event->data));
    }
    for (const auto& [sequence, event] : follower.told) {
      if (read.contains(sequence) || event.name == "progress") continue;
      if (job.attempt == 1) fail("an event that was told is not read: " + std::to_string(sequence));
    }
  }

  void crash() {
    for (auto& [id, follower] : followers_) {
      follower.live = false;
      follower.asked.reset();
      follower.early.clear();
    }
    for (const auto& report : shell_->reports) {
      if (chance(30)) zombies_.push_back(report);
    }
    store_.full = false;
    shell_->crash();
  }

  /// What was told to somebody has to stay true.
  void note_answers() {
    for (const auto& answer : shell_->answers) {
      note_follower(answer);
      if (answer.error || answer.job == JobId{}) continue;
      accepted_.insert(answer.job);
      if (answer.view && is_terminal(answer.view->status) && !meddled_.contains(answer.job)) {
        const auto [told, first] = ended_.emplace(answer.job, answer.view->status);
        if (!first && told->second != answer.view->status) throw std::runtime_error("a terminal status changed");
      }
    }
    shell_->answers.clear();
  }

  void finish() {
    store_.full = false;
    shell_->open_slices = 4;
    shell_->advance_to(shell_->now());
    for (int rounds = 0; rounds < 100'000; ++rounds) {
      shell_->settle();
      note_answers();
      bool open = false;
      for (const auto& [id, params] : submitted_) {
        const auto* job = shell_->engine().find(id);
        if (!job) continue;
        open = true;
        if (job->status == JobStatus::paused) shell_->control(id, machine::Control::resume);
      }
      if (!open) return;
      shell_->settle();
      if (const auto next = shell_->engine().next_deadline()) shell_->advance_to(*next);
    }
    for (const auto& [id, params] : submitted_) {
      const auto* job = shell_->engine().find(id);
      if (!job) continue;
      std::string why = "job " + id.str() + " never ended: " + std::string(to_string(job->status));
      if (job->round) {
        const auto& counts = job->round->counts;
        why += ", queued " + std::to_string(counts.queued) + ", running " + std::to_string(counts.running) +
               ", retrying " + std::to_string(counts.retrying) + ", ready " +
               std::to_string(job->round->ready_count);
      }
      throw std::runtime_error(why);
    }
  }

  void verify() {
    for (const auto id : accepted_) {
      if (!store_.read_job(id)) throw std::runtime_error("an accepted job is lost: " + id.str());
    }
    for (const auto& [id, params] : submitted_) {
      const auto stored = store_.read_job(id);
      if (!stored) continue;  // it was never accepted
      const auto view = make_view(decode_job(stored->job, stored->rounds));
      if (!is_terminal(view.status)) throw std::runtime_error("job " + id.str() + " is not over");
      if (const auto told = ended_.find(id); told != ended_.end() && told->second != view.status) {
        throw std::runtime_error("it was told that the job ended otherwise");
      }
      verify_outcome(view, params, meddled_.contains(id));
      verify_story(*stored);
    }
    if (!store_.read_settings("lease").empty()) throw std::runtime_error("a lease is left over");
    const auto findings = check_store(store_, false);
    if (!findings.problems.empty()) throw std::runtime_error("the store is not sound: " + findings.problems.front());
  }

  /// The course of a job follows from its params, whatever happened on the way.
  static void verify_outcome(const JobView& view, const json::object& params, bool meddled) {
    const auto& stages = params.at("stages").as_array();
    std::size_t at = 0;
    for (const auto& each : stages) {
      const auto& stage = each.as_object();
      const auto width = stage.at("width").to_number<std::uint64_t>();
      const auto fail = stage.contains("fail") ? stage.at("fail").to_number<std::uint64_t>() : 0;
      const auto every = stage.contains("every") ? stage.at("every").to_number<std::uint64_t>() : 1;
      std::uint64_t sum = 0;
      std::uint64_t failed = 0;
      for (std::uint64_t i = 0; i < width; ++i) {
        const bool fails = fail >= 3 && i % every == 0;  // three attempts
        failed += fails ? 1 : 0;
        sum += fails ? 0 : i;
      }
      const auto* join = stage.if_contains("join");
      const bool at_least = join && join->is_object() && join->as_object().contains("at_least");
      const bool missed = at_least                    ? width - failed < join->at("at_least").to_number<std::uint64_t>()
                          : join && join->is_object() ? failed > join->at("tolerate").to_number<std::uint64_t>()
                          : join && join->is_string() ? false
                                                      : failed > 0;
      if (!meddled && missed) {
        if (view.status != JobStatus::failed) throw std::runtime_error("a join that misses did not fail the job");
        return;
      }
      const bool completed = view.status == JobStatus::completed || view.status == JobStatus::completed_with_errors;
      if (!meddled && !completed && at + 1 == stages.size()) {
        throw std::runtime_error("the job should have completed and is " + std::string(to_string(view.status)));
      }
      if (completed && !at_least && !(meddled && fail >= 3)) {
        const auto told = view.result->at("sums").as_array().at(at).to_number<std::uint64_t>();
        if (told != sum)
          throw std::runtime_error("a sum is wrong: " + std::to_string(told) + " is not " + std::to_string(sum));
      }
      ++at;
    }
  }

  std::mt19937_64 dice_;
  JobRegistry jobs_;
  TaskRegistry tasks_;
  MoodyStore store_;
  std::unique_ptr<testing::LoneShell> shell_;
  std::map<JobId, json::object> submitted_;
  std::set<JobId> accepted_;
  std::set<JobId> meddled_;
  std::map<JobId, JobStatus> ended_;
  std::vector<testing::LoneShell::PendingReport> zombies_;
  std::map<JobId, Follower> followers_;
  bool with_workers_ = false;
  std::vector<machine::LeaseReport> lease_reports_;
};

}  // namespace

std::optional<std::string> play(std::uint64_t seed) {
  return play(seed, make_memory_store());
}

std::optional<std::string> play(std::uint64_t seed, std::unique_ptr<Store> store) {
  try {
    Game(seed, std::move(store)).play();
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace coremachine::simulation
