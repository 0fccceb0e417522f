// Tasks for workers in other processes: who is given what, when, and what becomes of a lease.

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "core/model/json_reader.hpp"
#include "core/model/lease.hpp"
#include "core/store/memory/memory_store.hpp"
#include "core/testing/lone_shell.hpp"
#include "tests/support/sim_jobs.hpp"

namespace {

using namespace coremachine;
using machine::LeaseStatus;

struct Fixture {
  Fixture() {
    support::register_sim_jobs(jobs, tasks);
    store = make_memory_store();
    shell = std::make_unique<testing::LoneShell>(jobs, tasks, *store, Timestamp{Milliseconds{1'767'268'800'000}});
    shell->open_slices = 0;  // nothing runs here
    shell->task_ns = 10'000'000;
  }
  JobId submit(int width, int priority = 0) {
    Submission submission;
    submission.type = "sim";
    submission.priority = priority;
    submission.params = make_text(R"({"stages":[{"width":)" + std::to_string(width) + "}]}");
    const auto id = shell->submit(std::move(submission));
    settle();
    return id;
  }
  void settle() { shell->settle(); }
  static machine::Taker worker(const std::string& name, std::uint32_t concurrency = 1) {
    return {.name = name, .kind = "test", .concurrency = concurrency, .task_types = {"sim.work"}};
  }
  /// What a poll brings once all is durable.
  std::vector<machine::RunSlice> take(const std::string& name, std::uint32_t max = 1000,
                                      std::uint32_t concurrency = 1) {
    shell->answers.clear();
    const auto request = shell->poll(worker(name, concurrency), max);
    settle();
    for (const auto& answer : shell->answers) {
      if (answer.request == request) return answer.slices;
    }
    return {};
  }
  LeaseStatus report(const machine::LeaseReport& told, const std::string& name = "a") {
    shell->answers.clear();
    const auto request = shell->report(name, {told});
    settle();
    for (const auto& answer : shell->answers) {
      if (answer.request == request) return answer.leases.at(0).second;
    }
    FAIL("no answer");
    return {};
  }
  LeaseStatus renew(machine::SliceId lease, const std::string& name = "a") {
    shell->answers.clear();
    shell->renew(worker(name), {{.lease = lease}});
    return shell->answers.back().leases.at(0).second;
  }
  /// Lets the engine know how long a task takes: 10 ms, so that ten make a lease.
  void learn() {
    submit(1);
    const auto first = take("a");
    REQUIRE(first.size() == 1);
    report(shell->run_leased(first[0]));
  }
  const TaskCounts& counts(JobId job) { return shell->engine().find(job)->round->counts; }
  std::vector<Reason> explain(JobId job) {
    shell->answers.clear();
    shell->explain(job);
    settle();
    return shell->answers.back().reasons;
  }
  JobRegistry jobs;
  TaskRegistry tasks;
  std::unique_ptr<Store> store;
  std::unique_ptr<testing::LoneShell> shell;
};

}  // namespace

TEST_SUITE("machine: leases") {
  TEST_CASE("a lease reads back as it was written") {
    Lease lease;
    lease.slice.job = JobId::make(Timestamp{Milliseconds{1'767'268'800'000}}, 1, 2);
    lease.slice.stage = 2;
    lease.slice.round = 5;
    lease.slice.defined_in = 3;
    lease.slice.chunk = 7;
    lease.slice.first = 4;
    lease.slice.count = 2;
    lease.slice.offsets = {9, 4};
    lease.slice.attempts = {1, 3};
    lease.slice.offered_at = Timestamp{Milliseconds{1'767'268'800'123}};
    lease.task_type = "a.b";
    lease.worker = "host \"one\"";
    lease.kind = "http";
    lease.alone = true;
    const auto text = encode_lease(lease);
    const auto read = decode_lease(text);
    CHECK(encode_lease(read) == text);
    CHECK(read.slice.offsets == lease.slice.offsets);
    CHECK(read.slice.defined_in == 3);
    CHECK(read.worker == lease.worker);
    CHECK(read.alone);
    for (const auto* broken : {"", "{}", R"({"job":"x"})", R"({"count":2,"offsets":[1]})", R"({"what":1})"}) {
      CAPTURE(broken);
      CHECK_THROWS_AS(decode_lease(broken), JsonMismatch);
    }
  }

  TEST_CASE_FIXTURE(Fixture, "who holds a lease is noted for those who look on, and nothing else") {
    auto passes_on = worker("queue", 4);
    passes_on.many = true;
    submit(1);
    shell->answers.clear();
    const auto request = shell->poll(passes_on, 10);
    settle();
    std::vector<machine::RunSlice> slices;
    for (const auto& answer : shell->answers) {
      if (answer.request == request) slices = answer.slices;
    }
    REQUIRE(slices.size() == 1);
    const auto lease = slices[0].id;
    const auto held = [&]() -> const machine::RemoteWork::Held& { return shell->engine().remote().leases.at(lease); };
    const auto expires = held().expires;
    const auto on_disk = [&] { return *store->read_settings("lease").at(0).value; };
    const auto before = on_disk();
    CHECK(held().shown_worker().empty());

    shell->advance_to(shell->now() + Milliseconds{1000});
    shell->engine().note_holder("a", {lease, lease + 1000});
    settle();
    CHECK(held().shown_worker() == "a");
    CHECK(held().lease.worker.empty());
    CHECK(held().expires == expires);
    CHECK(on_disk() == before);
    const auto reasons = explain(slices[0].slice.job);
    REQUIRE(reasons.size() >= 1);
    CHECK(std::any_of(reasons.begin(), reasons.end(),
                      [](const auto& reason) { return reason.detail.find("worker a") != std::string::npos; }));
    // What passes it on renews it, and the note stays; another worker is heard, and it is that one's.
    shell->renew(passes_on, {{.lease = lease}});
    CHECK(held().shown_worker() == "a");
    CHECK(renew(lease, "b") == LeaseStatus::held);
    CHECK(held().shown_worker() == "b");
    shell->engine().note_holder("a", {lease});
    CHECK(report(shell->run_leased(slices[0]), "c") == LeaseStatus::gone);
    shell->engine().note_holder("a", {lease});
    CHECK_FALSE(shell->engine().remote().leases.contains(lease));
  }

  TEST_CASE_FIXTURE(Fixture, "nobody is given tasks before it is on disk that they are out") {
    submit(5);
    const auto request = shell->poll(worker("a"), 100);
    CHECK(shell->answers.back().request != request);
    CHECK(store->read_settings("lease").empty());
    shell->close_batch();
    REQUIRE(shell->write_batch());
    CHECK(store->read_settings("lease").size() == 1);
    CHECK(shell->answers.back().request != request);
    shell->acknowledge();
    CHECK(shell->answers.back().request == request);
    CHECK(shell->answers.back().slices.size() == 1);
  }

  TEST_CASE_FIXTURE(Fixture,
                    "a lease is about 100 ms of measured work, one for each thread, and no more than asked for") {
    learn();
    submit(1000);
    const auto first = take("a", 1000, 3);
    REQUIRE(first.size() == 3);
    for (const auto& slice : first) CHECK(slice.slice.count == 10);
    const auto few = take("b", 4);
    REQUIRE(few.size() == 1);
    CHECK(few[0].slice.count == 4);
  }

  TEST_CASE_FIXTURE(Fixture, "all tasks of a job are done by workers elsewhere, each recorded once") {
    const auto job = submit(500);
    const auto done = shell->await_end(job);
    std::size_t polls = 0;
    for (;; ++polls) {
      const auto given = take(polls % 2 == 0 ? "a" : "b");
      if (given.empty()) break;
      for (const auto& slice : given) {
        const auto told = shell->run_leased(slice);
        CHECK(report(told) == LeaseStatus::gone);
        CHECK(report(told) == LeaseStatus::gone);
      }
      if (!shell->engine().find(job)) break;
    }
    CHECK(done > 0);
    const auto stored = store->read_job(job);
    CHECK(stored->job.status == JobStatus::completed);
    CHECK(store->read_settings("lease").empty());
    CHECK(polls < 100);
  }

  TEST_CASE_FIXTURE(Fixture, "what waits for a type is answered when a job with it comes; of another type it is not") {
    auto other = worker("b");
    other.task_types = {"other"};
    const auto wrong = shell->poll(other, 10);
    const auto right = shell->poll(worker("a"), 10);
    submit(3);
    const auto answered = [&](machine::RequestId request) {
      return std::any_of(shell->answers.begin(), shell->answers.end(),
                         [&](const auto& answer) { return answer.request == request; });
    };
    CHECK(answered(right));
    CHECK_FALSE(answered(wrong));
    shell->engine().give_up_poll(wrong);
    shell->advance_to(shell->now());
    CHECK(answered(wrong));
  }

  TEST_CASE_FIXTURE(Fixture, "higher priority goes first, equals take turns") {
    learn();
    std::map<JobId, char> names{{submit(40), 'a'}, {submit(40), 'b'}, {submit(20, 5), 'c'}};
    std::string order;
    for (int i = 0; i < 10; ++i) {
      const auto given = take("a");
      REQUIRE(given.size() == 1);
      order += names.at(given[0].slice.job);
      report(shell->run_leased(given[0]));
    }
    CHECK(order.substr(0, 2) == "cc");
    CHECK((order.substr(2) == "abababab" || order.substr(2) == "babababa"));
  }

  TEST_CASE_FIXTURE(Fixture, "the limits of a type hold for all workers together") {
    shell->set_limit("sim.work", {.max_concurrency = 3});
    learn();
    submit(50);
    const auto first = take("a", 100, 8);
    std::uint32_t out = 0;
    for (const auto& slice : first) out += slice.slice.count;
    CHECK(out == 3);
    CHECK(take("b").empty());
    report(shell->run_leased(first[0]));
    settle();
    CHECK_FALSE(shell->leases.empty());
  }

  TEST_CASE_FIXTURE(Fixture, "part of a lease may be reported, and of the rest it is the one that counts") {
    learn();
    const auto job = submit(10);
    const auto given = take("a");
    REQUIRE(given.size() == 1);
    CHECK(report(shell->run_leased(given[0], 4)) == LeaseStatus::held);
    CHECK(counts(job).completed == 4);
    CHECK(counts(job).running == 6);
    auto rest = shell->run_leased(given[0]);
    rest.outcomes.back().kind = machine::LeaseOutcome::Kind::returned;
    CHECK(report(rest) == LeaseStatus::gone);
    CHECK(counts(job).completed == 9);
    CHECK(counts(job).queued == 1);
    // A second try of the same lease brings nothing, though the task is out again with the same attempt.
    const auto again = take("b");
    REQUIRE(again.size() == 1);
    CHECK(again[0].slice.attempt_at(0) == 1);
    CHECK(report(shell->run_leased(given[0])) == LeaseStatus::gone);
    CHECK(counts(job).completed == 9);
  }

  TEST_CASE_FIXTURE(Fixture, "a report of nothing, or of what was heard before, renews the lease and writes nothing") {
    learn();
    submit(10);
    const auto given = take("a");
    REQUIRE(given.size() == 1);
    const auto lease = given[0].id;
    const auto heard = shell->run_leased(given[0], 4);
    CHECK(report(heard) == LeaseStatus::held);
    const auto on_disk = [&] { return *store->read_settings("lease").at(0).value; };
    const auto before = on_disk();
    const auto commit = store->last_commit();
    for (const auto& told : {machine::LeaseReport{.lease = lease}, heard}) {
      for (const auto* name : {"a", ""}) {
        shell->advance_to(shell->now() + Milliseconds{1500});  // of 2,000
        CHECK(report(told, name) == LeaseStatus::held);
      }
    }
    CHECK(store->last_commit() == commit);
    CHECK(on_disk() == before);
    CHECK(shell->engine().remote().leases.at(lease).expires == shell->now() + shell->lease_term);
    // That another worker has it is something new.
    CHECK(report({.lease = lease}, "b") == LeaseStatus::held);
    CHECK(decode_lease(on_disk()).worker == "b");
    CHECK(report(shell->run_leased(given[0]), "b") == LeaseStatus::gone);
  }

  TEST_CASE_FIXTURE(Fixture, "what a worker says again is not answered before it is durable") {
    learn();
    submit(10);
    const auto given = take("a");
    REQUIRE(given.size() == 1);
    const auto told = shell->run_leased(given[0], 4);
    shell->answers.clear();
    shell->report("a", {told});
    shell->report("a", {told});
    shell->report("a", {{.lease = given[0].id}});
    CHECK(shell->answers.empty());
    settle();
    CHECK(shell->answers.size() == 3);
  }

  TEST_CASE_FIXTURE(Fixture, "what a worker finds that nothing can run is dead, and so is its job") {
    learn();
    const auto job = submit(5);
    const auto given = take("a");
    REQUIRE(given.size() == 1);
    auto told = shell->run_leased(given[0]);
    auto& outcome = told.outcomes.at(2);
    outcome.kind = machine::LeaseOutcome::Kind::failed;
    outcome.text = make_text(R"({"type":"unresolvable","message":"unknown strategy \"marshal\""})");
    outcome.dead = true;
    report(told);
    settle();
    const auto stored = store->read_job(job);
    REQUIRE(stored);
    CHECK(stored->job.status == JobStatus::dead);
    REQUIRE(stored->job.error);
    CHECK(stored->job.error->find("unresolvable") != std::string::npos);
    CHECK(stored->job.error->find("marshal") != std::string::npos);
    CHECK(stored->job.error->find(R"("task_index":2)") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "a lease that is renewed stays, one that is not is handed out anew and fenced") {
    learn();
    const auto job = submit(10);
    const auto given = take("a");
    REQUIRE(given.size() == 1);
    for (int i = 0; i < 5; ++i) {
      shell->advance_to(shell->now() + Milliseconds{1500});
      CHECK(renew(given[0].id) == LeaseStatus::held);
    }
    CHECK(counts(job).running == 10);
    shell->advance_to(shell->now() + Milliseconds{2000});
    CHECK(counts(job).running == 0);
    CHECK(counts(job).queued == 10);
    CHECK(renew(given[0].id) == LeaseStatus::gone);
    CHECK(report(shell->run_leased(given[0])) == LeaseStatus::gone);
    CHECK(counts(job).completed == 0);
    const auto again = take("b");
    REQUIRE(again.size() == 1);
    CHECK(again[0].slice.attempt_at(0) == 2);
    CHECK(again[0].id != given[0].id);
  }

  TEST_CASE_FIXTURE(Fixture,
                    "what a lost worker had is handed out in halves, alone, until what ends workers is found") {
    learn();
    const auto job = submit(10);
    // Task 6 ends whoever runs it.
    std::size_t deaths = 0;
    std::uint64_t died_alone = 0;
    for (int i = 0; i < 200 && shell->engine().find(job); ++i) {
      const auto given = take("w" + std::to_string(i));
      if (given.empty()) {
        const auto next = shell->engine().next_deadline();
        REQUIRE(next);
        shell->advance_to(*next);
        settle();
        continue;
      }
      REQUIRE(given.size() == 1);
      const auto& slice = given[0].slice;
      bool deadly = false;
      for (std::uint32_t at = 0; at < slice.count; ++at) deadly = deadly || slice.offset_at(at) == 6;
      if (deaths > 0) CHECK(given[0].alone == (deaths > 0 && slice.attempt_at(0) > 1));
      if (!deadly) {
        report(shell->run_leased(given[0]));
        continue;
      }
      ++deaths;
      if (given[0].alone && slice.count == 1) ++died_alone;
      shell->advance_to(shell->now() + Milliseconds{2000});
      settle();
    }
    CHECK(died_alone == 5);
    CHECK(deaths <= 5 + 4);
    const auto stored = store->read_job(job);
    CHECK(stored->job.status == JobStatus::failed);
    CHECK(stored->job.error->find("poison") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture, "leases outlive the machine: what was finished still counts, and a full term is granted") {
    learn();
    const auto job = submit(30);
    const auto given = take("a", 1000, 3);
    REQUIRE(given.size() == 3);
    std::uint64_t out = 0;
    for (const auto& slice : given) out += slice.slice.count;
    report(shell->run_leased(given[1], 4));
    shell->advance_to(shell->now() + Milliseconds{1900});
    shell->crash();
    CHECK(counts(job).running == out - 4);
    CHECK(counts(job).completed == 4);
    shell->advance_to(shell->now() + Milliseconds{1900});
    CHECK(counts(job).running == out - 4);
    CHECK(renew(given[2].id) == LeaseStatus::held);
    CHECK(report(shell->run_leased(given[0])) == LeaseStatus::gone);
    CHECK(counts(job).completed == 4 + given[0].slice.count);
    shell->advance_to(shell->now() + Milliseconds{200});
    CHECK(counts(job).running == given[2].slice.count);  // of the third, which was renewed
    CHECK(report(shell->run_leased(given[1])) == LeaseStatus::gone);
    CHECK(counts(job).completed == 4 + given[0].slice.count);
    // No number is given out again.
    std::set<machine::SliceId> ids{given[0].id, given[1].id, given[2].id};
    for (const auto& slice : take("b", 1000, 5)) CHECK(ids.insert(slice.id).second);
  }

  TEST_CASE_FIXTURE(Fixture, "what was answered is on disk, of a stage whose tasks lie in the job's row too") {
    for (const std::uint32_t width : {10U, 100U}) {
      CAPTURE(width);
      learn();
      const auto job = submit(static_cast<int>(width));
      const auto given = take("a");
      REQUIRE(given.size() == 1);
      shell->answers.clear();
      const auto request = shell->report("a", {shell->run_leased(given[0], 4)});
      while (shell->answers.empty()) {
        shell->close_batch();
        REQUIRE(shell->write_batch());
        shell->acknowledge();
      }
      CHECK(shell->answers.back().request == request);
      shell->crash();
      CHECK(counts(job).completed == 4);
      shell->control(job, machine::Control::cancel);
      shell->advance_to(shell->now() + Milliseconds{60'000});
      settle();
    }
  }

  TEST_CASE_FIXTURE(Fixture, "a job that is over on disk has no leases there") {
    learn();
    const auto job = submit(30);
    REQUIRE(take("a", 1000, 2).size() == 2);
    shell->control(job, machine::Control::cancel);
    settle();
    shell->advance_to(shell->now() + Milliseconds{60'000});
    do {
      CHECK(is_terminal(store->read_row(job)->status) == store->read_settings("lease").empty());
      shell->close_batch();
      if (shell->batch) REQUIRE(shell->write_batch());
      if (shell->unacknowledged) shell->acknowledge();
    } while (shell->engine().find(job));
    CHECK(is_terminal(store->read_row(job)->status));
  }

  TEST_CASE_FIXTURE(Fixture, "nothing is kept of polls that were answered, nor of types that nobody takes any more") {
    auto both = worker("a");
    both.task_types.emplace_back("idle");
    for (int i = 0; i < 1000; ++i) {
      CHECK(submit(1) != JobId{});
      shell->answers.clear();
      const auto request = shell->poll(both, 1);
      settle();
      for (const auto& answer : std::vector(shell->answers)) {
        if (answer.request == request) report(shell->run_leased(answer.slices.at(0)));
      }
    }
    const auto& types = shell->engine().remote().types;
    REQUIRE(types.contains("idle"));
    CHECK(types.at("idle").polls.size() < 100);
    shell->advance_to(shell->now() + shell->lease_term + Milliseconds{1'500});
    CHECK(types.empty());
    // Who comes back is given what came meanwhile.
    submit(5);
    CHECK(take("a").size() == 1);
  }

  TEST_CASE_FIXTURE(Fixture, "who looks at a stage sees what workers elsewhere have, and since when") {
    learn();
    const auto job = submit(30);
    const auto given = take("a");
    REQUIRE(given.size() == 1);
    machine::LiveAsk ask;
    ask.limit = 100;
    ask.cells = 3;
    ask.statuses[static_cast<std::size_t>(TaskStatus::running)] = true;
    shell->answers.clear();
    shell->ask_tasks(job, ask);
    settle();
    const auto& found = *shell->answers.back().tasks;
    CHECK(found.tasks.size() == given[0].slice.count);
    for (const auto& task : found.tasks) CHECK(task.since == shell->now());
    std::uint64_t running = 0;
    for (const auto& [cell, live] : found.cells) running += live.running;
    CHECK(running == given[0].slice.count);
  }

  TEST_CASE_FIXTURE(Fixture, "a report that is not durable yet is not answered, nor is its repetition") {
    learn();
    submit(10);
    const auto given = take("a");
    const auto told = shell->run_leased(given[0]);
    shell->answers.clear();
    shell->report("a", {told});
    shell->report("a", {told});
    CHECK(shell->answers.empty());
    settle();
    CHECK(shell->answers.size() >= 2);
  }

  TEST_CASE_FIXTURE(Fixture, "workers learn of a cancel and of a pause") {
    learn();
    const auto job = submit(20);
    const auto given = take("a", 1000, 2);
    REQUIRE(given.size() == 2);
    shell->control(job, machine::Control::pause);
    CHECK(renew(given[0].id) == LeaseStatus::recalled);
    shell->control(job, machine::Control::resume);
    shell->control(job, machine::Control::cancel);
    CHECK(renew(given[0].id) == LeaseStatus::cancelled);
    settle();
    shell->advance_to(shell->now() + Milliseconds{1000});
    CHECK(renew(given[0].id) == LeaseStatus::cancelled);
    shell->advance_to(shell->now() + Milliseconds{30'000});
    settle();
    CHECK_FALSE(shell->engine().find(job));
    CHECK(renew(given[0].id) == LeaseStatus::gone);
    CHECK(store->read_settings("lease").empty());
  }

  TEST_CASE_FIXTURE(Fixture, "the explanation says who has the tasks, and that nobody can run them") {
    learn();
    const auto job = submit(30);
    take("a");
    const auto reasons = explain(job);
    REQUIRE_FALSE(reasons.empty());
    CHECK(reasons[0].code == ReasonCode::running);
    CHECK(reasons[0].count == 10);
    CHECK(reasons[0].detail.find("worker a") != std::string::npos);
    CHECK(reasons[0].example == TaskIndex{0});
  }

  TEST_CASE_FIXTURE(Fixture, "who passes tasks on to others is told by these who has them") {
    learn();
    const auto job = submit(10);
    auto pump = worker("queue", 4);
    pump.many = true;
    shell->answers.clear();
    shell->poll(pump, 1000);
    settle();
    REQUIRE_FALSE(shell->leases.empty());
    const auto& lease = shell->leases.back();
    CHECK(explain(job)[0].detail.find("the queue") != std::string::npos);
    CHECK(renew(lease.id, "elsewhere") == LeaseStatus::held);
    settle();
    CHECK(explain(job)[0].detail.find("worker elsewhere") != std::string::npos);
    shell->crash();
    CHECK(explain(job)[0].detail.find("worker elsewhere") != std::string::npos);
  }

  TEST_CASE_FIXTURE(Fixture,
                    "a worker that was not heard of for a term is there no longer, unless it waits for tasks") {
    const auto waiting = shell->poll(worker("waits"), 1);
    shell->renew(worker("silent"), {});
    CHECK(waiting > 0);
    CHECK(shell->engine().remote().workers.size() == 2);
    shell->advance_to(shell->now() + Milliseconds{5000});
    CHECK(shell->engine().remote().workers.size() == 1);
    CHECK(shell->engine().remote().workers.contains("waits"));
    shell->engine().leave("waits", 999);
    CHECK(shell->engine().remote().workers.empty());
    CHECK(shell->engine().remote().polls.empty());
  }
}
